# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What may change from one call of the pipeline to the next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.faces.options import MatchOptions

FAINT_FROM = 0.7
"""Detections from this share of the score threshold on are tracked, and covered where faces are covered, though not
published: a needless cover hides little, a missing one shows somebody. Measured on COCO at a threshold of 0.5
(docs/benchmarks.md): with `mmod`, boxes that are not a face are 1 in 25 images more; from a share of 0.5 on they would
be 10 in each."""

MOST_FOUND = 300
"""Detections that one image may have before the best `max_detections` are chosen for publishing."""


COVER_SCORE = 0.35
"""Where faces are covered, those from this score on are, whatever is published."""
COVER_OVERLAP = 0.4
"""Where faces are covered, faces that overlap less are two, whatever is published."""

COVER_FROM_PX = 24
"""A `min_size_px` above this does not hold where faces are covered: the detector then looks for its usual size."""


@dataclass(frozen=True)
class PipelineOptions:
    """Settings of one call.

    Attributes:
        detect: What to publish.
        match: When a face has a name.
        cover: Whether `Result.covered` is needed.
        cover_score: Lowest score that is covered for certain; detections from `FAINT_FROM` of the threshold for
            publishing on are covered too.
        locate: Whether `Result.positions` is needed.
    """

    detect: DetectOptions
    match: MatchOptions = field(default_factory=MatchOptions)
    cover: bool = False
    cover_score: float = COVER_SCORE
    locate: bool = True

    @property
    def wide(self) -> DetectOptions:
        """What the detector is asked for: also what is only tracked or covered."""
        smallest = self.detect.min_size_px
        if self.cover and smallest > COVER_FROM_PX:
            smallest = 0
        faint, overlap = FAINT_FROM * self.detect.score_threshold, self.detect.iou_threshold
        if self.cover:
            faint, overlap = min(faint, self.cover_score), max(overlap, COVER_OVERLAP)
        return replace(
            self.detect,
            score_threshold=faint,
            iou_threshold=overlap,
            max_detections=max(self.detect.max_detections, MOST_FOUND),
            min_size_px=smallest,
        )
