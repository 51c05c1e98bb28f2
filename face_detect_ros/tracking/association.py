# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which track a detection belongs to."""

from __future__ import annotations

import numpy as np


def overlap(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union of boxes and of their heights alone.

    Args:
        a: (T, 4) float64 xyxy.
        b: (N, 4) float64 xyxy.

    Returns:
        Two (T, N) float64 arrays; 0 where there is no area or height.
    """
    left, top, right, bottom = a.T[:, :, None]
    widths = np.minimum(right, b[:, 2])
    widths -= np.maximum(left, b[:, 0])
    widths.clip(0, None, out=widths)
    heights = np.minimum(bottom, b[:, 3])
    heights -= np.maximum(top, b[:, 1])
    heights.clip(0, None, out=heights)
    span = np.maximum(bottom, b[:, 3])
    span -= np.minimum(top, b[:, 1])
    shared = widths * heights
    union = ((right - left) * (bottom - top)).clip(0, None) + (
        (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    ).clip(0, None)
    union -= shared
    # no union or span without area, so that nothing is divided by 0
    return shared / np.maximum(union, 1e-9), heights / np.maximum(span, 1e-9)


def enlarged(boxes: np.ndarray, margin: float) -> np.ndarray:
    """Boxes that are larger on each side.

    Args:
        boxes: (N, 4) xyxy.
        margin: In parts of their width and height.

    Returns:
        (N, 4) xyxy.
    """
    grown = margin * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - grown, boxes[:, 2:] + grown], axis=1)


def greedy(worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair rows and columns, the greatest worth first, each row and column once.

    Greedy, because an optimal assignment was no better: it gives up a clear pair to save an unlikely one.

    Args:
        worth: (T, N); pairs with 0 or less are never made. Ties go to the first row, then the first column.

    Returns:
        (M,) int64 rows and their columns.
    """
    all_rows, all_columns = np.nonzero(worth > 0)
    order = np.argsort(-worth[all_rows, all_columns], kind="stable")
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(all_rows[order].tolist(), all_columns[order].tolist(), strict=True):
        if row not in partner and column not in taken:
            partner[row] = column
            taken.add(column)
    rows, columns = np.array(list(partner), np.int64), np.array(list(partner.values()), np.int64)
    return rows, columns
