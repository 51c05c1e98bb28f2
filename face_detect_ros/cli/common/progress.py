# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A bar on stderr for work whose length is known."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


def stderr_progress(*, redirect_stdout: bool) -> Progress:
    """A bar with count and remaining time, for a terminal. redirect_stdout: what is printed goes above the bar."""
    from rich.progress import MofNCompleteColumn

    return _stderr_progress(MofNCompleteColumn(), redirect_stdout=redirect_stdout)


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
    with stderr_progress(redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total)
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
