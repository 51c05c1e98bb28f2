# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""LFW's lists of pairs: which two images show the same person, and which do not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import LARGE_BYTES, read_text


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images.

    Attributes:
        images: Distinct image files.
        first, second: (P,) indices into them.
        same: (P,) bool; one person.
        folds: (P,) fold of each pair, from 0 on.
    """

    images: tuple[Path, ...]
    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    folds: np.ndarray

    def __len__(self) -> int:
        return len(self.same)


def read_pairs(file: Path, folder: Path) -> Pairs:
    """Read a list of pairs in LFW's format, with images as FOLDER/Name/Name_0001.jpg.

    The first line is "folds<tab>n" or, for one fold, "n". Each fold has n lines "name<tab>i<tab>j" for pairs of one
    person, then n lines "name<tab>i<tab>name<tab>j".

    Raises:
        ConfigError: The file has another format, or images are missing.
    """
    hint = "give a list of pairs in LFW's format"
    lines = read_text(file, most_bytes=LARGE_BYTES, hint=hint).splitlines()
    rows = [line.split() for line in lines if line.strip()]
    folds, count = _header(file, rows)
    if len(rows) - 1 != folds * 2 * count:
        raise ConfigError(
            f"{file}: {len(rows) - 1} pairs; its first line announces {folds} x 2 x {count} = {folds * 2 * count}"
        )
    places: dict[Path, int] = {}
    pairs = []
    for number, row in enumerate(rows[1:]):
        same = number % (2 * count) < count
        first, second = (places.setdefault(path, len(places)) for path in _images(file, row, same, folder))
        pairs.append((first, second, same, number // (2 * count)))
    missing = [path for path in places if not is_file(path)]
    if missing:
        raise ConfigError(
            f"{folder}: {len(missing)} of the {len(places)} images of {file} are not there, for example "
            f"{missing[0].relative_to(folder)}; give the folder that holds a folder for each person"
        )
    columns = np.array(pairs, np.int64)
    return Pairs(tuple(places), columns[:, 0], columns[:, 1], columns[:, 2].astype(bool), columns[:, 3])


def _header(file: Path, rows: list[list[str]]) -> tuple[int, int]:
    """(folds, pairs of each kind in a fold)."""
    try:
        values = [int(value) for value in rows[0]]
    except (IndexError, ValueError):
        values = []
    if len(values) not in (1, 2) or min(values) < 1:
        raise ConfigError(f"{file}: its first line must be 'folds pairs' or 'pairs', as in LFW's lists")
    folds, count = (1, values[0]) if len(values) == 1 else (values[0], values[1])
    if folds * count < 2:
        raise ConfigError(f"{file}: one pair of each kind is too few: thresholds are chosen on other pairs")
    return folds, count


def _images(file: Path, row: list[str], same: bool, folder: Path) -> tuple[Path, Path]:
    try:
        if same:
            name, first, second = row
            other = name
        else:
            name, first, other, second = row
        chosen = [
            folder / who / f"{who}_{int(number):04d}.jpg" for who, number in ((name, first), (other, second))
        ]
    except ValueError as error:
        expected = "name i j" if same else "name i name j"
        raise ConfigError(f"{file}: '{' '.join(row)}' is not '{expected}'") from error
    return chosen[0], chosen[1]
