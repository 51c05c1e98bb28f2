# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page about a training: what it left in its folder."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from face_detect_ros.core.errors import SourceError
from face_detect_ros.files.looking import is_file, is_folder
from face_detect_ros.files.reading import read_text
from face_detect_ros.reports import charts
from face_detect_ros.reports.document import Document
from face_detect_ros.reports.evaluation import add_evaluation, add_headlines
from face_detect_ros.reports.figures import read_figures, read_images

CURVE, BEST, WORST = "curve.csv", "best.json", "worst"
"""What a training writes into its folder: its curve; the figures of its best model, and a folder of images with its
mistakes."""


def training_report(folder: Path, *, with_images: bool = True) -> Document:
    """A page about a training, also one that is not over.

    Raises:
        SourceError: The curve, or another file of the training, cannot be read.
        ConfigError: A file holds something else.
    """
    path = folder / CURVE
    rows = _curve(read_text(path, error=SourceError), path)
    page = Document(
        f"Training: {folder.resolve().name}", f"{len(rows)} epochs, made by face_detect_ros from {CURVE}."
    )
    best = read_figures(folder / BEST) if is_file(folder / BEST, SourceError) else {}
    epoch = best.pop("epoch", None)
    add_headlines(page, best)
    if epoch is not None:
        page.text(
            f"Figures, confusion and mistakes: the best model, that of epoch {epoch}, on the held-back images."
        )
    _add_curves(page, rows)
    images = with_images and is_folder(folder / WORST)
    add_evaluation(page, best, read_images(folder / WORST) if images else ())
    return page


def _add_curves(page: Document, rows: list[dict[str, float]]) -> None:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "epoch"]
    losses = [name for name in names if name.startswith("loss")]
    precisions = [name for name in names if name.startswith("AP")]
    rest = [[name] for name in names if name not in losses + precisions]
    page.section("Curves")
    for title, group in (("Loss", losses), ("Average precision", precisions), *((g[0], g) for g in rest)):
        series = {
            name.replace("_", " "): [
                (row["epoch"], row[name]) for row in rows if name in row and "epoch" in row
            ]
            for name in group
        }
        if chart := charts.lines(title, series, x_unit=""):
            page.chart(chart, f"{title[0].upper()}{title[1:].replace('_', ' ')} by epoch")
    best = {
        name: (min if name in losses else max)(row[name] for row in rows if name in row)
        for name in losses + precisions
    }
    last = rows[-1] if rows else {}
    page.section("Last epoch, and the best")
    page.table(["figure", "last", "best"], [(name, last.get(name, math.nan), best[name]) for name in best])


def _curve(text: str, path: Path) -> list[dict[str, float]]:
    try:
        return [
            {name: float(value) for name, value in row.items() if name and value}
            for row in csv.DictReader(text.splitlines())
        ]
    except (ValueError, TypeError, csv.Error) as error:
        raise SourceError(f"{path}: is not the curve of a training: {error}") from error
