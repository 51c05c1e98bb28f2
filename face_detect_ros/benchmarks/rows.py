# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The rows that every benchmark gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """One measured figure beside what it is held against; lower is better.

    Attributes:
        name: What was measured.
        unit: Of `ours`, `peer`, `limit` and `goal`.
        ours: What this package takes.
        peer: What another implementation takes; None without one.
        peer_name: Which one that is.
        limit: What no implementation can beat; None where it is not known.
        limit_name: What that is.
        goal: What we want to reach.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    limit: float | None = None
    limit_name: str = ""
    goal: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the peer costs of what we cost."""
        return self.peer / self.ours if self.peer is not None and self.ours > 0 else None


def median_ms(action: Callable[[], object], repeats: int = 50) -> float:
    """Median milliseconds of `action`, after three calls that are not counted."""
    for _ in range(3):
        action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


def best_ms(action: Callable[[], object], repeats: int) -> float:
    """The shortest of some calls: what the code takes, without what other programs took of the machine."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3
