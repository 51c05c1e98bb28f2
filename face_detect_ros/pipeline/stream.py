# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One camera, bag topic or file on its way through the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from face_detect_ros.core.frame import Frame
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.depth.scene import Scene
from face_detect_ros.pipeline.stage import Step
from face_detect_ros.pipeline.statistics import StreamStatistics
from face_detect_ros.tracking.zones import Region


class Stream:
    """What belongs to one source of frames. Two streams never share state. One thread at a time may use one.

    Attributes:
        name: For people to read; may be empty.
        steps: The stages at work on this stream, by name, in order.
        clock: Time by its stamps.
        statistics: What was counted and measured.
        scene_of: Gives camera and depth of a frame, see `Result.scene`; None where there is neither.
        region: Where detections count; may be changed between two images.
    """

    def __init__(self, name: str, steps: Mapping[str, Step]) -> None:
        self.name = name
        self.steps = dict(steps)
        self.clock = StampClock()
        self.statistics = StreamStatistics()
        self.scene_of: Callable[[Frame], Scene | None] | None = None
        self.region = Region()
        self._stamp_ns = 0

    def advance(self, frame: Frame) -> None:
        """Move the clock on to `frame`, and note if time starts again."""
        if not self.clock.advance(frame.stamp_ns, frame.arrival_s):
            self.statistics.time_jumps += 1
            self.statistics.latest_jump_s = (self._stamp_ns - frame.stamp_ns) * 1e-9
            self.statistics.latency_ms.clear()
        self._stamp_ns = frame.stamp_ns
