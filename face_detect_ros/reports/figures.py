# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pages about figures: what `bench` and `evaluate` print with --json, and show with --report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.files.reading import read_json
from face_detect_ros.images.reading import image_files, read_image
from face_detect_ros.images.resizing import to_longest
from face_detect_ros.reports.bench import add_bench, is_bench
from face_detect_ros.reports.document import Document
from face_detect_ros.reports.evaluation import add_evaluation, add_headlines

MOST_IMAGES = 24
IMAGE_PX = 480
_MOST_ITEMS = 50
Image = tuple[np.ndarray, str]
"""(H, W, 3) uint8 RGB and its caption."""


def figures_report(found: Mapping[str, Any], title: str, images: Sequence[Image] = ()) -> Document:
    """A page about figures.

    Args:
        found: What `bench` or `evaluate` prints with --json.
        title: Of the page.
        images: Examples, such as those with most mistakes.
    """
    rest = dict(found)
    about = [str(rest.pop(key)) for key in ("model", "embedder", "machine", "device") if rest.get(key)]
    page = Document(
        title, f"{', '.join(about)}. Made by face_detect_ros." if about else "Made by face_detect_ros."
    )
    if is_bench(rest):
        add_bench(page, rest)
    else:
        add_headlines(page, rest)
        add_evaluation(page, rest, images)
    flat = _flat(rest)
    if flat:
        page.section("All figures")
        page.table(["figure", "value"], flat)
    return page


def read_figures(path: Path) -> dict[str, Any]:
    """Read figures.

    Raises:
        SourceError: The file cannot be read.
        ConfigError: It is not the output of `bench` or `evaluate`.
    """
    found = read_json(path, error=SourceError)
    if not isinstance(found, dict) or not found:
        raise ConfigError(f"{path}: is not what bench or evaluate prints with --json")
    return found


def read_images(folder: Path) -> list[Image]:
    """Read a folder of images, such as `evaluate coco --worst` writes. Raises SourceError."""
    return [
        (to_longest(read_image(file), IMAGE_PX), file.stem.replace("_", " "))
        for file in image_files(folder)[:MOST_IMAGES]
    ]


def _flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, (bool, str)):
            rows.append((prefix + name, "-" if value is None else str(value)))
        elif isinstance(value, (int, float)):
            rows.append((prefix + name, f"{value:g}"))
        elif value and all(isinstance(item, dict) for item in value):
            rows += [
                (prefix + name, ", ".join(f"{k} {v}" for k, v in item.items()))
                for item in value[:_MOST_ITEMS]
            ]
        else:
            rows.append((prefix + name, ", ".join(map(str, value)) or "-"))
    return rows
