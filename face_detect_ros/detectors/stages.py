# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where the milliseconds of a `detect` call go."""

from __future__ import annotations

import time

from face_detect_ros.core.protocols import StageTimes


class StageClock:
    """Adds up the milliseconds of each stage over the images of a call."""

    def __init__(self) -> None:
        self._sums = {"pre": 0.0, "network": 0.0, "post": 0.0}
        self._last_s = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What passed since the latest lap belongs to `stage`: pre, network or post."""
        now_s = time.perf_counter()
        self._sums[stage] += (now_s - self._last_s) * 1e3
        self._last_s = now_s

    def times(self) -> StageTimes:
        return StageTimes(self._sums["pre"], self._sums["network"], self._sums["post"])
