"""Names for the faces that `detect` finds, where there is a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from face_detect_ros.faces.gallery.people import GallerySnapshot
    from face_detect_ros.faces.matching import Match


class FaceNamer:
    """Compares each face with the gallery, by one look: a single picture has no track over which to vote."""

    def __init__(self, people: GallerySnapshot, device: str) -> None:
        from face_detect_ros.faces.embedders import catalogue as embed
        from face_detect_ros.faces.matching import MatchOptions

        self._options = MatchOptions()
        self._embedder = embed.create(device=device)
        self._people = people

    def identify(self, image: np.ndarray, faces: Detections) -> list[Match]:
        """One Match per face."""
        from face_detect_ros.faces.matching import match

        return match(self._embedder.embed(self._embedder.chips(image, faces)), self._people, self._options)


def open_namer(gallery: Path | None, device: str) -> FaceNamer | None:
    """A namer for `gallery`, or for the usual one; None where nobody is known. Makes no gallery.

    Raises ConfigError if `gallery` does not exist, GalleryError if it cannot be used.
    """
    from face_detect_ros.faces.embedders import catalogue as embed
    from face_detect_ros.faces.gallery.gallery import Gallery, default_path

    path = gallery or default_path()
    if not path.exists():
        if gallery is not None:
            raise ConfigError(f"gallery {gallery} does not exist; make it with: face_detect_ros enroll")
        return None
    with Gallery(path, embed.MODEL_ID, embed.MODEL_VERSION) as opened:
        people = opened.snapshot()
    return FaceNamer(people, device) if people.people else None
