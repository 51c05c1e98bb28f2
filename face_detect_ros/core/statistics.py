# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Counters for live figures: percentiles of recent durations and the rate of recent events."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np


class DurationWindow:
    """Percentiles over the latest `size` durations. Safe between threads."""

    def __init__(self, size: int = 200) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._lock = threading.Lock()

    def add(self, milliseconds: float) -> None:
        with self._lock:
            self._values.append(milliseconds)

    def percentile(self, percent: float) -> float:
        """Milliseconds; NaN while empty."""
        with self._lock:
            return float(np.percentile(self._values, percent)) if self._values else float("nan")

    def clear(self) -> None:
        with self._lock:
            self._values.clear()


class RateMeter:
    """Events per second over the last `window_s` seconds. Safe between threads."""

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque()
        self._lock = threading.Lock()
        self._since = time.monotonic()

    def tick(self) -> None:
        with self._lock:
            self._times.append(time.monotonic())
            self._trim()

    def hz(self) -> float:
        with self._lock:
            self._trim()
            # while younger than the window, divide by the age: a rate must not start too low
            span_s = min(self._window_s, time.monotonic() - self._since)
            return len(self._times) / span_s if span_s > 0 else 0.0

    def _trim(self) -> None:
        oldest = time.monotonic() - self._window_s
        while self._times and self._times[0] < oldest:
            self._times.popleft()


class Throttle:
    """Lets a repeated message through once per period and key. Safe between threads."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def allows(self, key: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(key, 0.0):
                return False
            self._next[key] = now + self._period_s
            return True
