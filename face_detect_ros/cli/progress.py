"""A bar on stderr for work whose length is known."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def stderr_progress(*, redirect_stdout: bool) -> Progress:
    """A bar with count and remaining time, for a terminal. redirect_stdout: what is printed goes above the bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=redirect_stdout,
    )


@contextlib.contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives the function to call after each of `total` steps. Shows nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with stderr_progress(redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
