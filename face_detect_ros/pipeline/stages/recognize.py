# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Says who the faces are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from face_detect_ros.core.stamps import StampClock
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.options import LookOptions
from face_detect_ros.faces.recognizer import LOOKS_PER_IMAGE, People, Recognizer
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Step
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.tracking.returning import ReturningFaces


class Recognize:
    """Compares tracked faces with the gallery; names come from several looks at each track.

    Args:
        embedder: Closed with the stage.
        people: The gallery, or a snapshot of one. A gallery is closed with the stage.
        looks_per_image: Most faces compared in one image, the longest unseen first; None for all of them.
        lost_age_s: A face without a name that comes back within this time keeps its id; one with a name always does.
        quality: What a face must be like for a look to count; None: the defaults.
    """

    name = "recognize"

    def __init__(
        self,
        embedder: Embedder,
        people: People,
        *,
        looks_per_image: int | None = LOOKS_PER_IMAGE,
        lost_age_s: float = TrackerOptions.lost_age_s,
        quality: LookOptions | None = None,
    ) -> None:
        self.embedder = embedder
        self.people = people
        self._looks_per_image = looks_per_image
        self._lost_age_s = lost_age_s
        self._quality = quality

    @property
    def gallery(self) -> Gallery | None:
        """The gallery, where there is one that may change."""
        return self.people if isinstance(self.people, Gallery) else None

    def open(self) -> Step:
        recognizer = Recognizer(
            self.embedder, self.people, looks_per_image=self._looks_per_image, quality=self._quality
        )
        returning = ReturningFaces(self._lost_age_s)
        clock = StampClock()
        restarts = 0

        def step(result: Result, options: PipelineOptions) -> Result:
            nonlocal restarts
            frame = result.frame
            matches = recognizer.identify(
                frame.image, result.detections, frame.stamp_ns, options.match, frame.arrival_s
            )
            result = replace(result, identities=tuple(matches))
            clock.advance(frame.stamp_ns, frame.arrival_s)
            if recognizer.restarts != restarts:
                restarts = recognizer.restarts
                returning.reset()
            ids = result.detections.track_ids
            if ids is None or result.rename is None:
                return result
            named = zip(np.abs(ids).tolist(), matches, strict=True)
            earlier_ids = returning.update(
                ids.tolist(),
                clock.now_s,
                looks=recognizer.looks,
                names={track: match.name for track, match in named if match.name is not None},
                accept_distance=options.match.accept_distance,
                margin=options.match.margin,
            )
            for track, earlier in earlier_ids.items():
                result.rename(track, earlier)
            if not earlier_ids:
                return result
            new_ids = np.array([earlier_ids.get(abs(track), track) for track in ids.tolist()])
            found = replace(result.detections, track_ids=new_ids)
            return replace(result, detections=found, renamed=earlier_ids)

        return step

    def close(self) -> None:
        self.embedder.close()
        if self.gallery is not None:
            self.gallery.close()
