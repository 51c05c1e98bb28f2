# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The option --report of commands that measure: their figures as an HTML page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.files.looking import is_folder

if TYPE_CHECKING:
    from face_detect_ros.reports.figures import Image


def _can_be_written(path: Path | None) -> Path | None:
    """Refuse a page that cannot be written before anything is measured."""
    if path is not None:
        if is_folder(path):
            raise typer.BadParameter(f"{path} is a folder; give a file, such as {path / 'page.html'}")
        if not os.access(path.absolute().parent, os.W_OK):
            raise typer.BadParameter(f"{path}: no file can be written there")
    return path


ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write the figures there as an HTML page, with charts.",
        callback=_can_be_written,
    ),
]


def write_page(
    path: Path | None, title: str, figures: Mapping[str, Any], images: Sequence[Image] = ()
) -> None:
    """Write the page and say where, if one was asked for.

    Args:
        path: None: no page.
        title: Of the page.
        figures: What --json prints.
        images: Examples of mistakes.

    Raises:
        OutputError: It cannot be written.
    """
    if path is None:
        return
    from face_detect_ros.reports.figures import figures_report

    figures_report(figures, title, images).write(path)
    typer.echo(f"page: {path}", err=True)
