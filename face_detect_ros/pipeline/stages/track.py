# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Gives each thing the same id in every image, then tells what counts from what is faint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Step
from face_detect_ros.tracking.protocol import Tracker


class Track:
    """The first stage. The tracker sees faint detections too; the thresholds for publishing apply after it.

    Tracks are in pixels, so all of them end where the images get another size: they would go on as other things.

    Args:
        make_tracker: Makes the tracker of one stream; None for images that have nothing to do with each other.
    """

    name = "track"

    def __init__(self, make_tracker: Callable[[], Tracker] | None) -> None:
        self._make_tracker = make_tracker

    def open(self) -> Step:
        tracker = None if self._make_tracker is None else self._make_tracker()
        size: tuple[int, int] | None = None

        def step(result: Result, options: PipelineOptions) -> Result:
            nonlocal size
            found = result.detections
            if tracker is not None:
                frame, threshold = result.frame, options.detect.score_threshold
                if size not in (None, frame.size):
                    tracker.reset()
                size = frame.size
                found = tracker.update(
                    found, frame.stamp_ns, score_threshold=threshold, arrival_s=frame.arrival_s
                )
            counts = _counts(found, options, result)
            rename = None if tracker is None else tracker.rename
            return replace(
                result, detections=found.select(counts), faint=found.select(~counts), rename=rename
            )

        return step

    def close(self) -> None:
        """Nothing is shared."""


def _counts(found: Detections, options: PipelineOptions, result: Result) -> np.ndarray:
    """(N,) bool: which detections, sorted by score, are published."""
    # in float32, as the scores: 0.7 must not fall below itself
    counts: np.ndarray = found.scores >= np.float32(options.detect.score_threshold)
    if options.wide.min_size_px < options.detect.min_size_px:  # else the detector has seen to it
        sides = (found.boxes[:, 2:] - found.boxes[:, :2]).min(axis=1, initial=np.inf)
        counts &= sides >= options.detect.min_size_px
    if result.region:
        counts &= result.region.keeps(found.boxes, result.frame.width, result.frame.height)
    counts &= np.cumsum(counts) <= options.detect.max_detections
    return counts
