"""Time by the stamps of pictures, for what must wait, age or expire with them."""

from __future__ import annotations

UNSTAMPED_STEP_S = 1 / 30
"""Taken to pass between two pictures with the same stamp, for example where a camera leaves them all at 0."""


class StampClock:
    """Seconds since the first picture. One thread at a time may use an instance."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._stamp_ns: int | None = None

    def advance(self, stamp_ns: int) -> bool:
        """Go on to the next picture. False if its stamp lies before the last one: a bag or a simulation that starts
        again; time then starts at 0 again too."""
        elapsed_ns = 0 if self._stamp_ns is None else stamp_ns - self._stamp_ns
        first, self._stamp_ns = self._stamp_ns is None, stamp_ns
        if elapsed_ns < 0:
            self.now_s = 0.0
            return False
        if not first:
            self.now_s += elapsed_ns * 1e-9 if elapsed_ns else UNSTAMPED_STEP_S
        return True
