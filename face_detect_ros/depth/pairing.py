# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Matches images with depth images by time."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")

ALIVE_S = 1.0
"""If no depth has arrived for this long, images do not wait for it."""
_RECENT = 10  # depth images kept for images that come after them
_RESTART_NS = 2_000_000_000  # a stamp further back than this means that time has restarted


class Stamped(Protocol):
    """An image: when it was taken, and when it arrived by `time.monotonic`."""

    @property
    def stamp_ns(self) -> int: ...

    @property
    def arrival_s(self) -> float | None: ...


class _Wanted(Generic[Item]):
    """The best depth for an image so far.

    Attributes:
        best: Nearest depth image in time within the slop, or None.
        settled: Whether no nearer one can arrive.
    """

    def __init__(self, stamp_ns: int) -> None:
        self.stamp_ns = stamp_ns
        self.best: Item | None = None
        self.settled = False
        self._off_ns = 0

    def offer(self, stamp_ns: int, item: Item, slop_ns: int) -> None:
        off_ns = abs(stamp_ns - self.stamp_ns)
        if off_ns <= slop_ns and (self.best is None or off_ns < self._off_ns):
            self.best, self._off_ns = item, off_ns
        if stamp_ns >= self.stamp_ns:  # stamps rise
            self.settled = True


class Pairing(Generic[Item]):
    """Finds the depth image nearest in time to each image, in whatever order they arrive. Safe between threads.

    `expect` announces an image when it arrives. Its depth is then kept while the image waits or is processed, and no
    longer: memory does not grow with a slow detector.

    Args:
        slop_s: Largest difference between their stamps, in seconds; 0: they must be equal.
        wait_s: How long after its arrival an image waits for its depth.
    """

    def __init__(self, slop_s: float, wait_s: float) -> None:
        self._wait_s = wait_s
        self._slop_ns = round(slop_s * 1e9)
        self._changed = threading.Condition()
        self._recent: deque[tuple[int, Item]] = deque(maxlen=_RECENT)
        self._wanted: weakref.WeakKeyDictionary[Stamped, _Wanted[Item]] = weakref.WeakKeyDictionary()
        self._arrival_s = float("-inf")
        self._open = True
        self.received = 0
        """Depth images so far."""
        self.paired = 0
        """Images that got their depth."""
        self.unpaired = 0
        """Images that got none while there was depth."""

    @property
    def alive(self) -> bool:
        """Whether depth images are arriving."""
        return time.monotonic() - self._arrival_s < ALIVE_S

    def silent_s(self, since_s: float) -> float:
        """Seconds since the latest depth image, or since that `time.monotonic` if none has come after it."""
        return time.monotonic() - max(since_s, self._arrival_s)

    def expect(self, image: Stamped) -> None:
        """Announce an image. Its depth is kept until nobody else holds the image."""
        with self._changed:
            wanted: _Wanted[Item] = _Wanted(image.stamp_ns)
            for stamp_ns, item in self._recent:
                wanted.offer(stamp_ns, item, self._slop_ns)
            self._wanted[image] = wanted

    def add(self, stamp_ns: int, item: Item) -> None:
        """Add a depth image that has arrived."""
        with self._changed:
            self.received += 1
            self._arrival_s = time.monotonic()
            if self._recent and stamp_ns < self._recent[-1][0] - _RESTART_NS:
                self._recent.clear()
            self._recent.append((stamp_ns, item))
            for wanted in self._wanted.values():
                wanted.offer(stamp_ns, item, self._slop_ns)
            self._changed.notify_all()

    def get(self, image: Stamped) -> Item | None:
        """The depth image for an image that was announced, or None. Waits up to `wait_s` after the image's arrival."""
        with self._changed:
            wanted = self._find(image)
            if wanted is None:
                return None
            left_s = (image.arrival_s or 0.0) + self._wait_s - time.monotonic()
            if left_s > 0 and self.alive:
                self._changed.wait_for(lambda: wanted.settled or not self._open, left_s)
            if wanted.best is not None:
                self.paired += 1
            elif self.alive:
                self.unpaired += 1
            return wanted.best

    def off_s(self) -> float | None:
        """Stamp of the newest depth image minus that of the newest image, in seconds; None if one is missing."""
        with self._changed:
            newest = max((wanted.stamp_ns for wanted in self._wanted.values()), default=None)
            return None if newest is None or not self._recent else (self._recent[-1][0] - newest) * 1e-9

    def open(self) -> None:
        """Start afresh."""
        with self._changed:
            self._open = True
            self._recent.clear()
            self._wanted.clear()

    def close(self) -> None:
        """Wake every waiting `get`."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _find(self, image: Stamped) -> _Wanted[Item] | None:
        """Look an image up by stamp and arrival: it may be the decoded version of the announced one."""
        key = image.stamp_ns, image.arrival_s
        found = [wanted for each, wanted in self._wanted.items() if (each.stamp_ns, each.arrival_s) == key]
        return found[0] if found else None
