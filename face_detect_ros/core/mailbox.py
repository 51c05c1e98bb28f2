# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A small mailbox in which the newest items win, and the thread that empties it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds at most `capacity` items; a newer one replaces the oldest. Safe between threads.

    A consumer slower than its producer therefore works on the newest items and never builds a queue.
    `received` and `dropped` count items put in and items replaced or refused before anyone took them.
    """

    def __init__(self, capacity: int = 1) -> None:
        """Raises ValueError for a capacity below 1."""
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; a mailbox holds at least 1 item")
        self._ready = threading.Condition()
        self._items: deque[Item] = deque()
        self._capacity = capacity
        self._closed = False
        self.received = 0
        self.dropped = 0

    def put(self, item: Item) -> bool:
        """Leave `item`. Never blocks. False if an older item was dropped for it, or the mailbox is closed."""
        with self._ready:
            self.received += 1
            replaced = len(self._items) == self._capacity
            if replaced or self._closed:
                self.dropped += 1
            if self._closed:
                return False
            if replaced:
                self._items.popleft()
            self._items.append(item)
            self._ready.notify()
            return not replaced

    def take(self, timeout_s: float | None = None) -> Item | None:
        """Wait for an item and remove the oldest. None when closed, or when `timeout_s` passed."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout_s)
            return self._items.popleft() if self._items else None

    def take_waiting(self, most: int) -> list[Item]:
        """Remove up to `most` items that are there now, oldest first; waits for none."""
        with self._ready:
            return [self._items.popleft() for _ in range(min(most, len(self._items)))]

    def close(self) -> None:
        """Wake every waiting `take`; items still inside are dropped. Closing twice is fine."""
        with self._ready:
            self.dropped += len(self._items)
            self._items.clear()
            self._closed = True
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed


class Worker(Generic[Item]):
    """A daemon thread that hands each item of its mailbox to `handle`, which may take more that wait.

    `on_start()` runs in the thread before anything else.

    An exception in `handle` goes to `on_error(error)` and the thread carries on with the next item.
    """

    def __init__(
        self,
        handle: Callable[[Item], None],
        on_error: Callable[[Exception], None],
        name: str = "worker",
        capacity: int = 1,
        on_start: Callable[[], None] | None = None,
    ) -> None:
        self.mailbox: Mailbox[Item] = Mailbox(capacity)
        self._handle = handle
        self._on_error = on_error
        self._on_start = on_start
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Close the mailbox and wait for the item in hand. False if it is still busy after `timeout_s`."""
        self.mailbox.close()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if self._on_start is not None:
            self._on_start()
        while (item := self.mailbox.take()) is not None:
            try:
                self._handle(item)
            except Exception as error:  # noqa: BLE001 - one bad item must not end the thread
                self._on_error(error)
            del item  # a frame must not stay alive while the thread waits for the next one
