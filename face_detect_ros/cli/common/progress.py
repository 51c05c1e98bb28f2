# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bars on stderr, for a terminal; elsewhere nothing is shown."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from face_detect_ros.core.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


def _stderr_progress(*amounts: ProgressColumn, redirect_stdout: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *amounts,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=redirect_stdout,
    )


@contextlib.contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives the function to call after each of `total` steps. Shows nothing where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import MofNCompleteColumn

    with _stderr_progress(MofNCompleteColumn(), redirect_stdout=False) as progress:
        task = progress.add_task(printable(what), total=total)
        yield lambda: progress.advance(task)


@contextlib.contextmanager
def download_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """Gives the function to call with a file's name, its bytes so far and in all (None: unknown); silent as above."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _stderr_progress(DownloadColumn(), TransferSpeedColumn(), redirect_stdout=False) as progress:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name)
            progress.update(tasks[name], completed=done, total=total)

        yield show


@contextlib.contextmanager
def rate_bar(what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Gives the function to call with how many of `total` are done and what to say; shows the rate per second."""
    if not sys.stderr.isatty():
        yield lambda done, text: None
        return
    from rich.progress import MofNCompleteColumn, TextColumn

    rate = TextColumn("{task.fields[rate]:.1f} Hz")
    with _stderr_progress(MofNCompleteColumn(), rate, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total, rate=0.0)
        began_s = time.monotonic()

        def update(done: int, text: str) -> None:
            passed_s = max(time.monotonic() - began_s, 0.1)
            progress.update(task, completed=done, description=text, rate=done / passed_s)

        yield update


@contextlib.contextmanager
def fleet_bar() -> Iterator[Callable[[int, int, str], None]]:
    """Gives the function to call with how many of how many are done, and what to say; the total may change."""
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.progress import MofNCompleteColumn

    with _stderr_progress(MofNCompleteColumn(), redirect_stdout=False) as progress:
        task = progress.add_task("bags", total=1)
        yield lambda done, total, text: progress.update(task, completed=done, total=total, description=text)


class FilesProgress:
    """A bar on stderr that counts images and frames. This one shows nothing."""

    def start(self, name: str) -> None:
        """Work on the file `name`, one image until `expect` says otherwise, begins."""

    def expect(self, frames: int | None) -> None:
        """The file in hand has this many frames; None: nobody knows."""

    def advance(self) -> None:
        """One frame is done."""

    def finish(self) -> None:
        """Work on the file is over, whether it went well or not."""


class _FilesBar(FilesProgress):
    def __init__(self, progress: Any, files: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=files)
        self._total: int | None = files
        self._done_after_file = 0

    def start(self, name: str) -> None:
        self._done_after_file += 1
        self._progress.update(self._task, description=name[-40:])

    def expect(self, frames: int | None) -> None:
        more = 0 if frames is None else frames - 1
        self._done_after_file += more
        self._total = None if self._total is None or frames is None else self._total + more
        self._progress.update(self._task, total=self._total)

    def advance(self) -> None:
        self._progress.advance(self._task)

    def finish(self) -> None:
        self._progress.update(self._task, completed=self._done_after_file)


@contextlib.contextmanager
def files_progress(files: int, *, wanted: bool = True) -> Iterator[FilesProgress]:
    """A bar over files, some of which are videos of many frames; shows nothing where stderr is not a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield FilesProgress()
        return
    from rich.progress import MofNCompleteColumn

    # rich would send stdout to the bar's own stream: right on one terminal, wrong for a file or a pipe
    with _stderr_progress(MofNCompleteColumn(), redirect_stdout=sys.stdout.isatty()) as progress:
        yield _FilesBar(progress, files)
