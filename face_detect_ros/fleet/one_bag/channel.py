# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A short queue between two threads that ends or fails as a whole."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_WAIT_S = 0.1
DEPTH = 8
"""Images that wait between two steps: enough to even out their times, little memory."""


class StoppedError(Exception):
    """The other end is gone."""


class Channel(Generic[Item]):
    """Items from one thread to another, in order. The sender waits while `DEPTH` items are underway.

    Args:
        stop: Set when all work is to end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._queue: queue.Queue[Item | None] = queue.Queue(DEPTH)
        self._stop = stop

    def put(self, item: Item | None) -> None:
        """Send an item; None is the end. Raises StoppedError."""
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_WAIT_S)
                return
            except queue.Full:
                continue
        raise StoppedError

    def __iter__(self) -> Iterator[Item]:
        """The items until the end. Raises StoppedError."""
        while True:
            try:
                item = self._queue.get(timeout=_WAIT_S)
            except queue.Empty:
                if self._stop.is_set():
                    raise StoppedError from None
                continue
            if item is None:
                return
            yield item


class Steps:
    """Runs each step of a chain in a thread; the first error of any is raised in the thread that waits."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def start(self, name: str, items: Iterable[Item], to: Channel[Item]) -> None:
        """Send everything that an iterable gives to a channel, in a thread of its own.

        Args:
            name: Of the thread.
            items: Consumed in that thread; what it raises is raised again by `finish`.
            to: The channel.
        """

        def work() -> None:
            try:
                for item in items:
                    to.put(item)
                to.put(None)
            except StoppedError:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again in `finish`
                self._error = self._error or error
                self.stop.set()

        # not a daemon, nor are the threads that engines start in it: native code must not outlive the interpreter
        thread = threading.Thread(target=work, name=name, daemon=False)
        self._threads.append(thread)
        thread.start()

    def finish(self) -> None:
        """End all threads. Raises what went wrong in one of them."""
        self.stop.set()
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error
