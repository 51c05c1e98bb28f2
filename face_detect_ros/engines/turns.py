# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Networks that share a CPU do not fight for its cores.

Each computes by some threads. While more of them would run than there are cores, every step of a network would wait for
a thread that another network keeps from its core, and each would evict the other's data from the caches. So a network
takes as many cores as it has threads, or waits until they are free: two networks of one thread each run side by side
on two cores, two of two threads take turns.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

from face_detect_ros.engines import cpu


class Turns:
    """Cores, given in the order of asking: a network that needs many is not overtaken by small ones for ever."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._free = cores
        self._state = threading.Lock()
        self._waiting: deque[_Place] = deque()

    @contextlib.contextmanager
    def take(self, threads: int) -> Iterator[None]:
        """Inside, that many cores belong to the caller: all of them where there are not as many."""
        place = _Place(max(1, min(threads, self._cores)))
        with self._state:
            self._waiting.append(place)
            self._serve()
        try:
            place.served.wait()
            yield
        finally:  # also where Ctrl-C ends the wait
            with self._state:
                if place.served.is_set():
                    self._free += place.cores
                else:
                    self._waiting.remove(place)
                self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0].cores <= self._free:
            place = self._waiting.popleft()
            self._free -= place.cores
            place.served.set()


class _Place:
    """In the queue."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.served = threading.Event()


_CPU = Turns(cpu.cores())


def take(threads: int) -> contextlib.AbstractContextManager[None]:
    """Cores for `threads` threads of a network of this process; 0, as on a GPU: none are needed."""
    return _CPU.take(threads) if threads else contextlib.nullcontext()
