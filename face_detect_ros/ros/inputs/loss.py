# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many images of a stream do not arrive, told by the gaps between stamps."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np

WINDOW_S = 5.0
_FEWEST = 10  # images without which a rate says nothing
_STEADY = 1.25  # gaps up to this many periods are jitter
# losses make steps longer, never shorter: steps below this share of a period come from late stamps
_IRREGULAR = 0.7
_JUMP_S = 0.5  # if stamps and arrivals advance this differently, the clock of the stamps was set


class LossMeter:
    """Estimates the publisher's rate and the share of its images that are missing. Safe between threads.

    The period is the shortest usual step between stamps (their lower quartile), so it is right as long as one image in
    four arrives right after the one before it. A source whose rate really changes looks lossy for `WINDOW_S`. If the
    clock of the stamps jumps, it starts again. Of a source too busy to stamp its images regularly nothing can be told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: deque[tuple[float, int]] = deque(maxlen=2000)  # arrival, stamp

    def add(self, stamp_ns: int, arrival_s: float) -> None:
        """Count an image."""
        with self._lock:
            if self._images:
                then_s, before_ns = self._images[-1]
                if abs((stamp_ns - before_ns) * 1e-9 - (arrival_s - then_s)) > _JUMP_S:
                    self._images.clear()
            self._images.append((arrival_s, stamp_ns))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._images.clear()

    def rates(self) -> tuple[float, float] | None:
        """(images per second that arrive, images per second that were published) over `WINDOW_S`; None if unknown."""
        oldest_s = time.monotonic() - WINDOW_S
        with self._lock:
            while self._images and self._images[0][0] < oldest_s:
                self._images.popleft()
            stamps = np.sort(np.array([stamp for _, stamp in self._images], np.int64))
        steps_s = np.diff(stamps) * 1e-9
        steps_s = steps_s[steps_s > 0]
        if len(steps_s) < _FEWEST:
            return None
        short_s, period_s = np.quantile(steps_s, (0.05, 0.25)).tolist()
        if short_s < _IRREGULAR * period_s:
            return None
        periods = np.where(steps_s > _STEADY * period_s, np.rint(steps_s / period_s), 1.0)
        span_s = float(steps_s.sum())
        return len(steps_s) / span_s, float(periods.sum()) / span_s
