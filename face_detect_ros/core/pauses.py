# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pauses of the whole process: stopped by a signal or a debugger, frozen by a container, a machine that slept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PAUSE_S = 1.0
"""Shorter ones are the scheduler's."""
_PERIOD_S = 0.25


def _boot_s() -> float:
    """Seconds that go on while the machine sleeps, where the system tells them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Pauses:
    """Knows when the process last stood still. One per process is enough: see `of_this_process`. Safe between threads.

    A thread notes a few times per second that it is alive; a gap in these notes is a pause. Whoever asks looks at the
    gap too, so the answer is right even before that thread has gone on.

    Args:
        clock: Gives seconds that include the time of a pause.
    """

    def __init__(self, clock: Callable[[], float] = _boot_s) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._alive_s = clock()
        self._resumed_s = float("-inf")  # time.monotonic() at the end of the latest pause
        self._latest_s = 0.0

    @property
    def latest_s(self) -> float:
        """How long the latest pause was, in seconds."""
        return self._latest_s

    def note(self) -> None:
        """Say that the process is alive."""
        with self._lock:
            now_s = self._clock()
            gap_s, self._alive_s = now_s - self._alive_s, now_s
            if gap_s > PAUSE_S:
                self._resumed_s, self._latest_s = time.monotonic(), gap_s

    def since(self, moment_s: float) -> bool:
        """Whether the process has stood still since a moment, in seconds of `time.monotonic`."""
        self.note()
        return self._resumed_s > moment_s


_shared: Pauses | None = None
_start = threading.Lock()


def of_this_process() -> Pauses:
    """The one that a thread of this process keeps up to date, from the first call on."""
    global _shared
    with _start:
        if _shared is None:
            _shared = Pauses()
            threading.Thread(target=_keep, args=(_shared,), name="pauses", daemon=True).start()
    return _shared


def _keep(pauses: Pauses) -> None:
    while True:
        time.sleep(_PERIOD_S)
        pauses.note()
