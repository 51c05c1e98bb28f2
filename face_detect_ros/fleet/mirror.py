# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results of a fleet in an object store: the driver's state on this machine, and its copy in the store.

Workers put pieces and results there themselves, each under its own name and complete before anybody looks for it. The
driver's state is copied now and then. If the driver dies, the next one starts from the latest copy, on any machine:
steps that were done since then find what they are to do in the store, and only the driver's rows are written again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from types import TracebackType

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.files.scratch import check_space, scratch
from face_detect_ros.files.stores import Store
from face_detect_ros.fleet.lease import Lease
from face_detect_ros.fleet.manifest import Manifest
from face_detect_ros.fleet.one_bag.table import FILE
from face_detect_ros.fleet.steps import PIECES, Step, bag_of

COPY_S = 30.0
"""Between two copies of the state, at least."""
_SHARE = 10.0
"""And this many times the duration of the latest copy, so that large tables are copied less often."""


class Mirror:
    """The store that has the results. Use as a context manager, for as long as a driver works on it.

    Args:
        url: Of the folder.
        notify: Told why it takes a while to enter, or starts anew.

    Attributes:
        url: As given.
        shown: The URL for people to read.
        folder: On this machine, for the driver's state; with that of the latest run.

    Entering it raises:
        ConfigError: fsspec is not installed, or another driver is at work.
        OutputError: There is no room for the state.
        StoreError: The store does not answer.
    """

    def __init__(self, url: str, notify: Callable[[str], None] = lambda text: None) -> None:
        self.url = url
        self._store = Store(url)
        self.shown = self._store.shown
        self.folder = Path()
        self._notify = notify
        self._lease = Lease(self._store, notify)
        self._stack = contextlib.ExitStack()
        self._next_s = 0.0
        self._unneeded: list[str] = []

    def __enter__(self) -> Mirror:
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(scratch()) / "out"
            self.folder.mkdir()
            self._lease.acquire()
            stack.callback(self._lease.release)
            self._fetch_state()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def keep(self, manifest: Manifest, *, now: bool = False) -> None:
        """Copy the state to the store if it is time, or if `now`.

        Raises:
            ConfigError: Another driver has taken over.
            StoreError: The store does not take it.
        """
        self._lease.check()
        began_s = time.monotonic()
        if not now and began_s < self._next_s:
            return
        copy = self.folder / f"copy-{FILE}"
        try:
            manifest.copy_to(copy)
            self._store.put(copy, FILE)
        finally:
            copy.unlink(missing_ok=True)
        self._remove_pieces()
        ended_s = time.monotonic()
        self._next_s = ended_s + max(COPY_S, _SHARE * (ended_s - began_s))

    @contextlib.contextmanager
    def table(self, step: Step) -> Iterator[Path]:
        """A copy of the table of a finished bag, removed afterwards. Raises as `Store`."""
        copy = self.folder / f"one-{FILE}"
        try:
            self._store.get(f"{step.result_name}/{FILE}", copy)
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def remove_pieces(self, step: Step) -> None:
        """Remove the answers to the pieces of a finished bag once the state that says so is in the store."""
        self._unneeded += [step.journal_name(number) for number in range(len(step.spans_ns))]

    def remove_pieces_left(self, done: Container[int]) -> None:
        """Remove answers that a driver which ended, or a late worker of it, has left.

        Args:
            done: Numbers of the bags that are done, by the state in the store.
        """
        with contextlib.suppress(PerceptionError):
            pieces = Store(f"{self.url.rstrip('/')}/{PIECES}").files()
            self._unneeded += [f"{PIECES}/{name}" for name in pieces if bag_of(name) in done]
        self._remove_pieces()

    def put(self, path: Path) -> None:
        """Copy a file to the store, under its own name. Raises as `Store`."""
        self._store.put(path, path.name)

    def _remove_pieces(self) -> None:
        for name in self._unneeded:
            with contextlib.suppress(PerceptionError):
                self._store.remove(name)
        self._unneeded.clear()

    def _fetch_state(self) -> None:
        """Get the latest state. One that is cut off, by a store that does not write whole files, is not used."""
        if not self._store.exists(FILE):
            return
        path = self.folder / FILE
        stored = Store(f"{self.url.rstrip('/')}/{FILE}").files()[""]
        check_space(self.folder, stored.size, f"{self.shown}/{FILE}")
        self._store.get(FILE, path)
        try:
            with contextlib.closing(sqlite3.connect(path)) as database:
                whole = database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.Error:
            whole = False
        if not whole:
            self._notify(f"{self.shown}/{FILE}: is damaged; made anew from the results that are there")
            path.unlink()
