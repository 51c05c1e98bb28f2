# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small mailboxes in which the newest items win, and the thread that empties them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

LIVE_S = 1.0
"""Nobody waits for a mailbox that has been empty for longer."""


class Mailbox(Generic[Item]):
    """Holds at most `capacity` items; a newer one replaces the oldest. Safe between threads.

    A consumer slower than its producer therefore works on the newest items and never builds a queue.

    Args:
        capacity: Most items inside.
        ready: Notified when an item comes or the mailbox is closed; shared by the mailboxes of one consumer.

    Attributes:
        received: Items put in so far.
        dropped: Items that were replaced or refused before anyone took them, or discarded.

    Raises:
        ValueError: The capacity is below 1.
    """

    def __init__(self, capacity: int = 1, ready: threading.Condition | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; a mailbox holds at least 1 item")
        self._ready = ready or threading.Condition()
        self._items: deque[tuple[float, Item]] = deque()  # when it came, and it
        self._capacity = capacity
        self._closed = False
        self._latest_s = float("-inf")
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
            self._latest_s = time.monotonic()
            self._items.append((self._latest_s, item))
            self._ready.notify_all()
            return not replaced

    def discard(self) -> None:
        """Count an item that was taken as dropped: it was of no use any more."""
        with self._ready:
            self.dropped += 1

    def take(self, timeout_s: float | None = None) -> Item | None:
        """Wait for an item and remove the oldest. None when closed, or when `timeout_s` passed."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout_s)
            return self._items.popleft()[1] if self._items else None

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


class Mailboxes(Generic[Item]):
    """The mailboxes of several producers and their one consumer, who takes the newest items of all of them at once.

    Each producer has as much room as any other, so a fast one cannot crowd out a slow one.

    Args:
        count: Number of mailboxes.
        capacity: Of each.
        max_wait_s: How long an item may wait for the producers that have none in their mailbox. Nobody waits for a
            producer that has been silent for `LIVE_S`.
    """

    def __init__(self, count: int, capacity: int = 1, max_wait_s: float = 0.0) -> None:
        self._ready = threading.Condition()
        self._max_wait_s = max_wait_s
        self.boxes: tuple[Mailbox[Item], ...] = tuple(Mailbox(capacity, self._ready) for _ in range(count))

    def take(self) -> list[tuple[int, Item]] | None:
        """Wait for items and remove all there are: (index of the mailbox, item), oldest first. None when closed."""
        with self._ready:
            self._ready.wait_for(lambda: self.closed or any(box._items for box in self.boxes))
            self._wait_for_others()
            if self.closed:
                return None
            waiting = [
                (came_s, index, item) for index, box in enumerate(self.boxes) for came_s, item in box._items
            ]
            for box in self.boxes:
                box._items.clear()
            return [(index, item) for _, index, item in sorted(waiting, key=lambda each: each[0])]

    def _wait_for_others(self) -> None:
        if self.closed:
            return
        # from the first item on, even if a newer one replaces it
        until_s = min(box._items[0][0] for box in self.boxes if box._items) + self._max_wait_s
        while (now_s := time.monotonic()) < until_s and not self.closed:
            if not any(not box._items and now_s - box._latest_s < LIVE_S for box in self.boxes):
                return
            self._ready.wait(until_s - now_s)

    def close(self) -> None:
        """Wake a waiting `take`; items still inside are dropped. Closing twice is fine."""
        for box in self.boxes:
            box.close()

    @property
    def closed(self) -> bool:
        return self.boxes[0].closed


class Worker(Generic[Item]):
    """A daemon thread that hands to `handle` whatever its mailboxes give it, one after another.

    Args:
        handle: Gets what `mailbox.take` returns.
        on_error: Gets what `handle` raises; the thread carries on with the next item.
        name: Of the thread.
        mailbox: A `Mailbox` or `Mailboxes`; by default a mailbox for one item.
        on_start: Runs in the thread before anything else.
    """

    def __init__(
        self,
        handle: Callable[[Item], None],
        on_error: Callable[[Exception], None],
        name: str = "worker",
        mailbox: Any = None,
        on_start: Callable[[], None] | None = None,
    ) -> None:
        self.mailbox: Any = Mailbox() if mailbox is None else mailbox
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
