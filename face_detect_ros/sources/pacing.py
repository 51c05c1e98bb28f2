# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""When to read, which images to leave out, how long to wait: arithmetic on times, no clock of its own."""

from __future__ import annotations

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0


class Pacer:
    """A schedule of one image every 1 / `rate_hz` seconds that does not drift."""

    def __init__(self, rate_hz: float) -> None:
        self._period_s = 1 / rate_hz
        self._due_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Seconds from now until the next image is due; 0 if it is late. Counts as taking that image."""
        due_s = now_s if self._due_s is None else self._due_s
        if now_s > due_s + self._period_s:
            due_s = now_s  # more than one is missed: leave them out, a burst would help nobody
        self._due_s = due_s + self._period_s
        return max(0.0, due_s - now_s)


class Decimator:
    """Leaves out images that come faster than `rate_hz` (0 takes all), so that the average rate is kept."""

    # a camera's images jitter: one that comes this early, in periods, still is the one that is due
    _EARLY = 0.25

    def __init__(self, rate_hz: float) -> None:
        self._period_s = 1 / rate_hz if rate_hz else 0.0
        self._due_s = float("-inf")

    def takes(self, captured_s: float) -> bool:
        if captured_s < self._due_s - self._EARLY * self._period_s:
            return False
        # from the due time on, or the rate would sink; but never to make up for what the camera did not give
        missed = captured_s > self._due_s + self._period_s
        self._due_s = (captured_s if missed else self._due_s) + self._period_s
        return True


class Backoff:
    """Waits between attempts to reopen: doubling, from the start again once the source worked for longer.

    Args:
        first_s: The first wait.
        longest_s: No wait is longer.
    """

    def __init__(self, first_s: float = FIRST_DELAY_S, longest_s: float = LONGEST_DELAY_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._delay_s = 0.0

    def next_s(self, worked_s: float) -> float:
        """Seconds to wait now.

        Args:
            worked_s: For how long the source gave images since it was last opened.
        """
        anew = self._delay_s == 0 or worked_s > self._delay_s
        self._delay_s = self._first_s if anew else min(2 * self._delay_s, self._longest_s)
        return self._delay_s
