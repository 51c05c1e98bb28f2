# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the pipeline knows about one frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import StageTimes
from face_detect_ros.depth.positions import Positions
from face_detect_ros.depth.scene import Scene
from face_detect_ros.faces.matching import Match
from face_detect_ros.tracking.zones import Region


@dataclass(frozen=True, eq=False)
class Result:
    """Everything that was found in one frame. Each stage takes one and returns another.

    Attributes:
        frame: The image, its stamp and its coordinate frame.
        labels: Class names that `detections.class_ids` index into.
        detections: What counts: at or above the score threshold, best first. With track_ids after the stage `track`.
        faint: What the detector was less sure of, and what is outside the region. Tracked, and covered in images that
            must show no face, but never published.
        identities: Who each of `detections` is; None where nobody is looked for.
        covered: (H, W, 3) uint8 RGB, the image without recognizable faces; None where nobody asked for it.
        scene: Gives the camera and the depth of the frame, or None where they are unknown; may wait a little for
            depth that is on its way. None where there is neither.
        positions: Where each of `detections` is in space; None where there is nothing to tell it.
        rename: Tells the tracker that a track is that of an earlier thing, see `Tracker.rename`; None where nothing
            tracks.
        renamed: Tracks that got the id of an earlier thing in this frame: that id by the one they had until now, both
            positive. `detections` have the new one.
        times: Milliseconds of the detector call that this frame was part of.
        region: Where detections count.
    """

    frame: Frame
    labels: tuple[str, ...]
    detections: Detections
    faint: Detections
    identities: tuple[Match, ...] | None = None
    covered: np.ndarray | None = None
    scene: Callable[[], Scene | None] | None = None
    positions: Positions | None = None
    rename: Callable[[int, int], None] | None = None
    renamed: Mapping[int, int] = field(default_factory=dict)
    times: StageTimes = field(default_factory=StageTimes)
    region: Region = field(default_factory=Region)

    @property
    def names(self) -> Sequence[str | None] | None:
        """Name of each detection, None for somebody unknown; None where nobody is looked for."""
        return None if self.identities is None else [match.name for match in self.identities]
