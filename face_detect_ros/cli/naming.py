"""Names for the faces that `detect` finds, where there is a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from face_detect_ros.core.detections import Detections

if TYPE_CHECKING:
    import numpy as np

    from face_detect_ros.faces.recognition import Match


class FaceNamer:
    """Compares each face with the gallery, by one look: a single picture has no track over which to vote."""

    def __init__(self, gallery: Path, device: str) -> None:
        from face_detect_ros.faces import embed
        from face_detect_ros.faces.gallery import Gallery
        from face_detect_ros.faces.recognition import MatchOptions

        self._options = MatchOptions()
        self._embedder = embed.create(device=device)
        with Gallery(gallery, self._embedder.model_id, self._embedder.model_version) as opened:
            self._people = opened.snapshot()

    def identify(self, image: np.ndarray, faces: Detections) -> list[Match]:
        """One Match per face; none for detections without landmarks."""
        from face_detect_ros.faces.align import face_chips
        from face_detect_ros.faces.recognition import match

        if faces.landmarks is None:
            return []
        return match(self._embedder.embed(face_chips(image, faces.landmarks)), self._people, self._options)


def open_namer(gallery: Path | None, device: str) -> FaceNamer | None:
    """A namer for `gallery`, or for the usual gallery if it exists; else None: nobody is known."""
    from face_detect_ros.faces.gallery import default_path

    path = gallery or default_path()
    return FaceNamer(path, device) if gallery is not None or path.exists() else None
