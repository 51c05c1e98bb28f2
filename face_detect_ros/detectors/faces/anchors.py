# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Centers and sizes of the anchors that face networks give their boxes for."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np


@functools.lru_cache(maxsize=16)
def centers(rows: int, columns: int, stride: int, each: int, offset: float) -> np.ndarray:
    """(rows * columns * each, 2) float32 xy in pixels: row by row, `each` anchors in one place. Not to be modified.

    Args:
        rows, columns: Of the map.
        stride: Pixels from one cell to the next.
        each: Anchors in one place.
        offset: Of the center within its cell, in cells: 0 its corner, 0.5 its middle.
    """
    y, x = np.mgrid[:rows, :columns]
    grid = (np.stack([x, y], axis=-1).reshape(-1, 2) + offset) * stride
    return np.repeat(grid, each, axis=0).astype(np.float32)


@functools.lru_cache(maxsize=16)
def priors(
    height: int, width: int, strides: tuple[int, ...], sides: tuple[tuple[int, ...], ...]
) -> np.ndarray:
    """(N, 3) float32: x and y of the center and the side of each anchor, in pixels, level by level.

    Args:
        height, width: Of the input, in pixels.
        strides: Of the maps, in pixels.
        sides: Of the anchors in each place, for each stride.
    """
    levels = []
    for stride, own in zip(strides, sides, strict=True):
        places = centers(-(-height // stride), -(-width // stride), stride, len(own), 0.5)
        levels.append(np.column_stack([places, np.tile(np.array(own, np.float32), len(places) // len(own))]))
    return np.concatenate(levels)


def probabilities(scores: np.ndarray) -> np.ndarray:
    """(N, 2) of background and face to (N,) of the face; logits become probabilities."""
    if len(scores) and np.abs(scores.sum(axis=1) - 1.0).max() > 1e-3:
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores = scores / scores.sum(axis=1, keepdims=True)
    return np.asarray(scores[:, 1], np.float32)


def by_columns(arrays: Sequence[np.ndarray], columns: int) -> list[np.ndarray]:
    """The outputs with a certain number of columns, the longest first.

    Args:
        arrays: Outputs of a network.
        columns: Length of the last axis.

    Returns:
        (N, columns) each.
    """
    chosen = [array.reshape(-1, columns) for array in arrays if array.shape[-1] == columns]
    return sorted(chosen, key=len, reverse=True)
