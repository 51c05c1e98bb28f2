# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Time by the stamps of images, for what must wait, age or expire with them."""

from __future__ import annotations

UNSTAMPED_STEP_S = 1 / 30
"""Assumed time between two images with the same stamp whose arrival times are unknown."""

RESTART_S = 2.0
"""A stamp further back than this means that time starts again: a looped bag or a reset simulation."""

_LATE_IN_A_ROW = (
    5  # more than reordering or a second publisher explains: the source itself was set back a little
)


class StampClock:
    """Time of a stream of images, robust to late, repeated and missing stamps.

    Stamps may be a little out of order, as with reordered frames or two publishers on one topic: a late image has its
    own time, but does not move the clock. Images without usable stamps (0, or all equal) are told apart by their
    arrival times. One thread at a time may use an instance.

    Attributes:
        now_s: Time of the newest image, in seconds since the first image or restart.
        image_s: Time of the latest image; below `now_s` if it is late. May be negative.
        images: Number of images so far; late ones do not count.
    """

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self.now_s = self.image_s = 0.0
        self.images = 0
        self._stamp_ns: int | None = None  # of the newest image that has one
        self._late_in_a_row = 0
        self._late_stamp_ns = 0
        self._arrival_s: float | None = None

    @property
    def late(self) -> bool:
        """Whether the latest image is older than one before it."""
        return self.image_s < self.now_s

    def advance(self, stamp_ns: int, arrival_s: float | None = None) -> bool:
        """Move on to the next image.

        Args:
            stamp_ns: Its stamp in nanoseconds; 0 means that it has none.
            arrival_s: When it arrived, in seconds of any monotonic clock, if known.

        Returns:
            False if time started again (the stamp is more than `RESTART_S` back), otherwise True.
        """
        waited_s = None
        if arrival_s is not None and self._arrival_s is not None:
            waited_s = max(arrival_s - self._arrival_s, 0.0)
        newest_ns = self._stamp_ns
        restarted = bool(stamp_ns) and newest_ns is not None and (stamp_ns - newest_ns) * 1e-9 < -RESTART_S
        if restarted:
            self._restart()
        elif stamp_ns and newest_ns is not None and stamp_ns < newest_ns:
            self._take_late(stamp_ns, newest_ns, arrival_s)
            return True
        elif self.images:
            unstamped = not stamp_ns or newest_ns is None or stamp_ns == newest_ns
            if not unstamped:
                self.now_s += (stamp_ns - newest_ns) * 1e-9  # type: ignore[operator]
            else:
                self.now_s += UNSTAMPED_STEP_S if waited_s is None else waited_s
        self._take_newest(stamp_ns, arrival_s)
        return not restarted

    def _take_newest(self, stamp_ns: int, arrival_s: float | None) -> None:
        self.image_s = self.now_s
        self.images += 1
        self._stamp_ns = stamp_ns or self._stamp_ns
        self._arrival_s = arrival_s
        self._late_in_a_row = 0

    def _take_late(self, stamp_ns: int, newest_ns: int, arrival_s: float | None) -> None:
        self._late_in_a_row += 1
        step_ns = stamp_ns - self._late_stamp_ns
        self._late_stamp_ns = stamp_ns
        if self._late_in_a_row > _LATE_IN_A_ROW and step_ns > 0:
            self._stamp_ns = stamp_ns
            self.now_s += step_ns * 1e-9
            self._take_newest(stamp_ns, arrival_s)
        else:
            self.image_s = self.now_s + (stamp_ns - newest_ns) * 1e-9
