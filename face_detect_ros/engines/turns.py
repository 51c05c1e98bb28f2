"""Networks that share a CPU take turns.

Each uses every core it may. Two at once would evict each other's data from the caches, and every step of each would
wait for a thread that the other one is keeping from its core. One after the other both finish earlier, on average.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class Turns:
    """A lock that is granted in the order of asking, so that a fast network cannot starve a slow one."""

    def __init__(self) -> None:
        self._state = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Inside, nobody else computes."""
        mine = threading.Lock()
        with self._state:
            wait = self._taken
            self._taken = True
            if wait:
                mine.acquire()
                self._waiting.append(mine)
        if wait:
            self._wait(mine)
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, mine: threading.Lock) -> None:
        try:
            mine.acquire()
        except BaseException:  # Ctrl-C
            with self._state:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                    raise
            self._pass_on()  # it came just now
            raise

    def _pass_on(self) -> None:
        with self._state:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_CPU = Turns()


def take(on_cpu: bool = True) -> contextlib.AbstractContextManager[None]:
    """The CPU's turn for this process; on a GPU nothing, whose driver queues by itself."""
    return _CPU.take() if on_cpu else contextlib.nullcontext()
