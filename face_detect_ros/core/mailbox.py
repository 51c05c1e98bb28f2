"""A one-place mailbox in which the newest item wins, and the thread that empties it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds at most one item; a newer one replaces it. Safe between threads.

    A consumer slower than its producer therefore works on the newest item and never builds a queue.
    `received` and `dropped` count items put in and items replaced or refused before anyone took them.
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: Item | None = None
        self._closed = False
        self.received = 0
        self.dropped = 0

    def put(self, item: Item) -> bool:
        """Leave `item`. Never blocks. False if an older item was dropped for it, or the mailbox is closed."""
        with self._ready:
            self.received += 1
            replaced = self._item is not None
            if replaced or self._closed:
                self.dropped += 1
            if self._closed:
                return False
            self._item = item
            self._ready.notify()
            return not replaced

    def take(self, timeout_s: float | None = None) -> Item | None:
        """Wait for an item and remove it. None when closed, or when `timeout_s` passed."""
        with self._ready:
            self._ready.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Wake every waiting `take`; an item still inside is dropped. Closing twice is fine."""
        with self._ready:
            if self._item is not None:
                self._item = None
                self.dropped += 1
            self._closed = True
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed


class Worker(Generic[Item]):
    """A daemon thread that hands each item of its mailbox to `handle`.

    An exception in `handle` goes to `on_error(error)` and the thread carries on with the next item.
    """

    def __init__(
        self, handle: Callable[[Item], None], on_error: Callable[[Exception], None], name: str = "worker"
    ) -> None:
        self.mailbox: Mailbox[Item] = Mailbox()
        self._handle = handle
        self._on_error = on_error
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Close the mailbox and wait for the item in hand. False if it is still busy after `timeout_s`."""
        self.mailbox.close()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self.mailbox.take()) is not None:
            try:
                self._handle(item)
            except Exception as error:  # noqa: BLE001 - one bad item must not end the thread
                self._on_error(error)
            del item  # a frame must not stay alive while the thread waits for the next one
