# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images that arrive later than images of their camera usually do: after a pause of the camera, or of this process."""

from __future__ import annotations

from collections import deque

LATE_S = 1.0
"""An image that is this much later than usual is stale."""
GIVE_UP_S = 3.0
"""If images have been late for so long, that is how late they are now: a slower network, or another clock."""
_FEWEST = 5  # images from which on it is known what is usual
_KEPT = 50
_SAME_CLOCK_S = 10.0  # stamps that differ more from the clock are of another one, or of a recording
_JUMP_S = 0.5  # of the clock


class Freshness:
    """Tells stale images of one camera. One thread at a time may use an instance."""

    def __init__(self) -> None:
        self._delays_s: deque[float] = deque(maxlen=_KEPT)
        self._offset_s: float | None = None  # of the clock from the monotonic one
        self._late_since_s: float | None = None
        self._stamp_ns = 0  # of the image before

    def stale(self, stamp_ns: int, clock_ns: int, arrival_s: float) -> bool:
        """Whether the next image is stale.

        Args:
            stamp_ns: Its stamp in nanoseconds; 0 means that it has none.
            clock_ns: What the clock that stamps are compared with says now, in nanoseconds.
            arrival_s: When it arrived, in seconds of `time.monotonic`.
        """
        offset_s = clock_ns * 1e-9 - arrival_s
        if self._offset_s is not None and abs(offset_s - self._offset_s) > _JUMP_S:
            self._forget()  # the clock was set, or a simulation runs faster than time
        self._offset_s = offset_s
        if stamp_ns and (self._stamp_ns - stamp_ns) * 1e-9 > LATE_S:
            self._forget()  # late images come in order: the clock of the camera was set back
        self._stamp_ns = stamp_ns
        delay_s = (clock_ns - stamp_ns) * 1e-9
        usual_s = min(self._delays_s, default=delay_s)
        known = bool(stamp_ns) and len(self._delays_s) >= _FEWEST and abs(usual_s) < _SAME_CLOCK_S
        if known and usual_s + LATE_S < delay_s < usual_s + 3600:
            self._late_since_s = arrival_s if self._late_since_s is None else self._late_since_s
            if arrival_s - self._late_since_s < GIVE_UP_S:
                return True
            self._forget()
        self._late_since_s = None
        self._delays_s.append(delay_s)
        return False

    def _forget(self) -> None:
        self._delays_s.clear()
        self._late_since_s = None
