# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports about figures: what a training left, and what `bench --json` and `evaluate --json` printed."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.files.reading import read_json, read_text
from face_detect_ros.images.reading import image_files, read_image
from face_detect_ros.images.resizing import for_eyes
from face_detect_ros.reports import charts
from face_detect_ros.reports.document import Document

CURVE = "curve.csv"
"""What a training writes into its folder."""
MOST_CLASSES = 20
MOST_IMAGES = 24
_IMAGE_PX = 480
_NOTHING = "nothing"


def training_report(folder: Path) -> Document:
    """The curve of a training. Raises SourceError if it cannot be read."""
    path = folder / CURVE
    rows = _curve(read_text(path, error=SourceError), path)
    page = Document(f"Training: {folder.name}", f"{len(rows)} epochs, made by face_detect_ros from {CURVE}.")
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "epoch"]
    losses = [name for name in names if name.startswith("loss")]
    precisions = [name for name in names if name.startswith("AP")]
    rest = [[name] for name in names if name not in losses + precisions]
    page.section("Curves")
    for title, group in (("Loss", losses), ("Average precision", precisions), *((g[0], g) for g in rest)):
        series = {
            name: [(row["epoch"], row[name]) for row in rows if name in row and "epoch" in row]
            for name in group
        }
        if chart := charts.lines(title, series, x_unit=""):
            page.chart(chart, f"{title} by epoch")
    page.section("Last epoch, and the best")
    best = {
        name: (min if name in losses else max)(row[name] for row in rows if name in row)
        for name in losses + precisions
    }
    last = rows[-1] if rows else {}
    page.table(["figure", "last", "best"], [(n, last.get(n, math.nan), best.get(n, math.nan)) for n in best])
    return page


def figures_report(path: Path, images: Path | None = None) -> Document:
    """A page about what a command printed with --json.

    Args:
        path: Its output.
        images: A folder of images to show, such as `evaluate coco --worst` writes.

    Raises:
        SourceError: The file or an image cannot be read.
        ConfigError: It is not the output of such a command.
    """
    found = read_json(path, error=SourceError)
    if not isinstance(found, dict) or not found:
        raise ConfigError(f"{path}: is not what bench or evaluate prints with --json")
    about = found.get("machine") or found.get("model") or ""
    page = Document(
        f"Figures: {path.stem}", f"{about}, made by face_detect_ros." if about else "Made by face_detect_ros."
    )
    rest = dict(found)
    if _is_bench(found.get("rows")):
        _add_bench(page, rest.pop("rows"))
    confusion = rest.pop("confusion", None)
    flat = _flat(rest)
    if flat:
        page.section("Figures")
        page.table(["figure", "value"], flat)
    if isinstance(confusion, list):
        _add_confusion(page, confusion)
    if images is not None:
        page.section("Images")
        page.images(
            (_fitted(file), file.stem.replace("_", " ")) for file in image_files(images)[:MOST_IMAGES]
        )
    return page


def _curve(text: str, path: Path) -> list[dict[str, float]]:
    try:
        return [
            {name: float(value) for name, value in row.items() if name and value}
            for row in csv.DictReader(text.splitlines())
        ]
    except (ValueError, TypeError, csv.Error) as error:
        raise SourceError(f"{path}: is not the curve of a training: {error}") from error


def _is_bench(rows: Any) -> bool:
    return isinstance(rows, list) and all(
        isinstance(row, dict) and {"name", "unit", "ours"} <= set(row) for row in rows
    )


def _add_bench(page: Document, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bars beside the peers, by unit: those of different units have no common length."""
    page.section("Beside peers and limits; shorter is better")
    for unit in dict.fromkeys(row["unit"] for row in rows):
        bars = {}
        for row in (row for row in rows if row["unit"] == unit):
            values = {
                "ours": row["ours"],
                "peer": row.get("peer"),
                "limit": row.get("limit"),
                "goal": row.get("goal"),
            }
            named = f"{row['name']} (beside {row['peer_name']})" if row.get("peer_name") else row["name"]
            bars[named] = {
                name: float(value) for name, value in values.items() if isinstance(value, (int, float))
            }
        page.chart(charts.bars(f"Measured, in {unit}", bars, unit), f"in {unit}")


def _add_confusion(page: Document, pairs: Sequence[Mapping[str, Any]]) -> None:
    """What was labeled, against what was found there, for the most frequent classes."""
    counts: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    for pair in pairs:
        labeled, found = (pair.get(key) or _NOTHING for key in ("labeled", "found"))
        count = int(pair.get("count", 0))
        counts[labeled, found] = counts.get((labeled, found), 0) + count
        for name in {labeled, found} - {_NOTHING}:
            totals[name] = totals.get(name, 0) + count
    shown = sorted(totals, key=lambda name: -totals[name])[:MOST_CLASSES]
    page.section("Confusion: labeled (rows), found (columns)")
    page.table(
        ["", *shown, _NOTHING],
        [
            (row, *(counts.get((row, column), 0) for column in (*shown, _NOTHING)))
            for row in (*shown, _NOTHING)
        ],
    )


def _flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str | int | float]]:
    rows: list[tuple[str, str | int | float]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, bool) or value is None or isinstance(value, str):
            rows.append((prefix + name, str(value)))
        elif isinstance(value, (int, float)):
            rows.append((prefix + name, f"{value:g}"))
        else:
            rows.append((prefix + name, json.dumps(value, ensure_ascii=False)[:1000]))
    return rows


def _fitted(file: Path) -> Any:
    image = read_image(file)
    scale = min(1.0, _IMAGE_PX / max(image.shape[:2]))
    return for_eyes(image, (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))))
