# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Work that takes seconds, in a thread of its own, so that a node goes on answering."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Loading:
    """Calls `load` in a thread.

    Args:
        load: What takes time.
        discard: Gets what `load` returned if nobody wants it any more.
    """

    def __init__(self, load: Callable[[], Any], discard: Callable[[Any], None]) -> None:
        self._load = load
        self._discard = discard
        self._lock = threading.Lock()
        self._abandoned = False
        self._finished = False
        self._loaded: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="loading", daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        with self._lock:
            return self._finished

    def take(self) -> Any:
        """What was loaded, once `finished`. Raises what `load` raised."""
        with self._lock:
            self._abandoned = True  # whoever takes it owns it
            if self._error is not None:
                raise self._error
            return self._loaded

    def abandon(self, timeout_s: float) -> bool:
        """Nobody wants it any more. False if `load` is still at work after `timeout_s`."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
            throw_away = self._finished and not self._abandoned and self._error is None
            self._abandoned = True
        if throw_away:
            self._discard(loaded)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        loaded, failure = None, None
        try:
            loaded = self._load()
        except Exception as error:  # noqa: BLE001 - `take` raises it
            failure = error
        with self._lock:
            if not self._abandoned:
                self._loaded, self._error, self._finished = loaded, failure, True
                return
            self._finished = True
        if failure is None:
            self._discard(loaded)
