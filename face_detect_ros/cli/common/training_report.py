# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How far a training is, for whoever started it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from face_detect_ros.training.trainer import Progress

_EVERY_S = 10.0  # between lines where stderr is not a terminal


class Report:
    """Tells a person on stderr how far it is: a line that changes on a terminal, else one every few seconds.

    Of torchrun's processes the first one speaks.
    """

    def __init__(self) -> None:
        self._speaks = os.environ.get("RANK", "0") == "0"
        self._terminal = sys.stderr.isatty()
        self._told_s = 0.0
        self._in_line = False  # one that changes stands on the terminal

    def data(self, remarks: Sequence[str], images: int, counts: Mapping[str, int]) -> None:
        for remark in remarks:
            self._say(remark)
        self._say(f"{images} images; {', '.join(f'{name} {count}' for name, count in counts.items())}")

    def begin(self, name: str, seed: int) -> None:
        self._say(f"{name}, seed {seed}")

    def start(self, about: Mapping[str, object]) -> None:
        goes_on = "; going on where it was ended" if about["resumed"] else ""
        self._say(f"{about['device']}, {about['precision']}, {about['steps']} steps an epoch{goes_on}")

    def progress(self, now: Progress) -> None:
        if not self._terminal and time.monotonic() - self._told_s < _EVERY_S and now.step < now.steps:
            return
        self._told_s = time.monotonic()
        losses = "  ".join(f"{name} {value:.3f}" for name, value in now.losses.items())
        left = time.strftime("%H:%M:%S", time.gmtime(now.left_s % 86400))
        days = f"{int(now.left_s // 86400)}d " if now.left_s >= 86400 else ""
        line = (
            f"epoch {now.epoch + 1}/{now.epochs}  step {now.step}/{now.steps}  {losses}  "
            f"{now.images_per_s:.1f} images/s  {days}{left} left"
        )
        if not self._terminal or now.step == now.steps:
            self._say(line)
            return
        # what is longer than a row would not be replaced by the next
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        typer.echo(f"\r\x1b[K{line[: columns - 1]}", err=True, nl=False)
        self._in_line = True

    def epoch(self, row: Mapping[str, float]) -> None:
        if "AP" in row:
            self._say(f"epoch {row['epoch']}: AP {row['AP']:.4f}  AP50 {row.get('AP50', 0):.4f}")

    @contextlib.contextmanager
    def telling_of_a_stop(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            self.stopped()
            raise

    def stopped(self) -> None:
        self._say("stopped; the same command goes on where it was")

    def done(self, best: Path, folder: Path | None = None) -> None:
        """Say what the result is, and write the page about the training in `folder`. Raises OutputError."""
        if not self._speaks:
            return
        if folder is not None:
            page = folder / "report.html"
            # here, as it loads OpenCV, which no other verb needs
            from face_detect_ros.reports.training import training_report as training_page

            training_page(folder).write(page)
            self._say(f"page: {page}")
        typer.echo(f"the best model is {best}")

    def thresholds(self, rows: Callable[[], Sequence[Mapping[str, float]]]) -> None:
        if self._speaks:
            for row in rows():
                typer.echo("  ".join(f"{name} {value:.3f}" for name, value in row.items()))

    def _say(self, line: str) -> None:
        if self._speaks:
            typer.echo(f"\r\x1b[K{line}" if self._in_line else line, err=True)
            self._in_line = False
