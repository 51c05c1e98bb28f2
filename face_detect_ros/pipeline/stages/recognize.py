"""Says who the faces are."""

from __future__ import annotations

from dataclasses import replace

from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.recognizer import LOOKS_PER_IMAGE, People, Recognizer
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Step


class Recognize:
    """Compares tracked faces with the gallery; names come from several looks at each track.

    Args:
        embedder: Closed with the stage.
        people: The gallery, or a snapshot of one. A gallery is closed with the stage.
        looks_per_image: Most faces compared in one image, the longest unseen first; None for all of them.
    """

    name = "recognize"

    def __init__(
        self, embedder: Embedder, people: People, *, looks_per_image: int | None = LOOKS_PER_IMAGE
    ) -> None:
        self.embedder = embedder
        self.people = people
        self._looks_per_image = looks_per_image

    @property
    def gallery(self) -> Gallery | None:
        """The gallery, where there is one that may change."""
        return self.people if isinstance(self.people, Gallery) else None

    def open(self) -> Step:
        recognizer = Recognizer(self.embedder, self.people, looks_per_image=self._looks_per_image)

        def step(result: Result, options: PipelineOptions) -> Result:
            frame = result.frame
            matches = recognizer.identify(
                frame.image, result.detections, frame.stamp_ns, options.match, frame.arrival_s
            )
            return replace(result, identities=tuple(matches))

        return step

    def close(self) -> None:
        self.embedder.close()
        if self.gallery is not None:
            self.gallery.close()
