# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""At most so many events per second."""

from __future__ import annotations


class RateLimit:
    """Chooses which events to let through so that their rate stays below a limit. One thread at a time.

    The choice is even: of 30 events per second with a limit of 10 it is every third, also if they jitter.
    """

    def __init__(self) -> None:
        self._due_s = float("-inf")

    def allows(self, now_s: float, most_hz: float) -> bool:
        """Whether an event may pass.

        Args:
            now_s: When it happens, in seconds of a monotonic clock.
            most_hz: Most events per second; 0: all pass.
        """
        if most_hz <= 0:
            return True
        if now_s < self._due_s:
            return False
        # from when it was due, so that jitter does not add up; but what was missed is not made up for
        self._due_s = max(self._due_s, now_s - 1 / most_hz) + 1 / most_hz
        return True
