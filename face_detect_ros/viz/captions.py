# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where captions go: beside their boxes, inside the image, and not over each other."""

from __future__ import annotations

import numpy as np

# in this order, as long as nothing is in the way
_PLACES = (
    "above",
    "below",
    "above, at the right",
    "below, at the right",
    "inside",
    "inside, below",
    "right",
    "left",
)
_SLIDES = np.array([True] * 4 + [False] * 2 + [True] * 2)  # along its box's edge, where the image ends
_STEP = 0.1  # cost of each place further down in the order
_SHORT = 8.0  # cost of a short caption
_OVER_BOX = 6.0  # cost of covering a whole box
_OVER_CAPTION = 100.0  # cost of covering a whole caption
_OUTSIDE = 1e6
_LARGEST_OVERLAP = 0.1


def place_captions(
    boxes: np.ndarray, sizes: np.ndarray, image_size: tuple[int, int], gap_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose a place for every caption, the first caption first.

    Args:
        boxes: (N, 4) xyxy, pixels of the image; they may reach outside.
        sizes: (N, V, 2) width and height of each caption in pixels, as V versions; the first is preferred.
        image_size: (width, height).
        gap_px: Distance between a box's edge and the captions outside and inside of it.

    Returns:
        (N,) int, the version of each caption that is shown, -1 where there is no room for any between the captions
        placed before; and (N, 2) int, x and y of its upper left corner. A caption that fits into the image lies
        inside.
    """
    count, versions = sizes.shape[:2]
    boxes, sizes = boxes.astype(np.float32), sizes.astype(np.float32)
    places = len(_PLACES)
    # (N, V, P) each; planes of their own, because NumPy is slow along short last axes
    width, height = np.repeat(sizes[..., None], places, axis=3).transpose(2, 0, 1, 3)
    wanted_x, wanted_y = _candidates(boxes, width, height, image_size, gap_px)
    x = np.clip(wanted_x, 0, np.maximum(image_size[0] - width, 0))
    y = np.clip(wanted_y, 0, np.maximum(image_size[1] - height, 0))
    cost = np.where((y != wanted_y) | ((x != wanted_x) & ~_SLIDES), np.float32(_OUTSIDE), np.float32(0))
    cost += _SHORT * np.arange(versions, dtype=np.float32)[:, None] + _STEP * np.arange(
        places, dtype=np.float32
    )
    rects = np.stack([x, y, x + width, y + height]).reshape(4, count, versions * places)
    cost = cost.reshape(count, versions * places)
    for box, area in zip(boxes, (boxes[:, 2:] - boxes[:, :2]).prod(axis=1), strict=True):
        cost += _overlap(rects, box) * (_OVER_BOX / max(area, 1.0))
    covered = np.zeros_like(cost)
    areas = (width * height).reshape(cost.shape)
    shown = np.full(count, -1)
    corners = np.zeros((count, 2), np.int64)
    for index in range(count):
        best = int((cost[index] + _OVER_CAPTION * covered[index]).argmin())
        if covered[index, best] > _LARGEST_OVERLAP:
            continue
        shown[index] = best // places
        corners[index] = rects[:2, index, best]
        later = slice(index + 1, None)
        smaller = np.minimum(areas[later], areas[index, best])
        covered[later] += _overlap(rects[:, later], rects[:, index, best]) / smaller
    return shown, corners


def _candidates(
    boxes: np.ndarray, width: np.ndarray, height: np.ndarray, image_size: tuple[int, int], gap_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """x and y, (N, V, P) each, of the upper left corner of each version of each caption at each of `_PLACES`."""
    limit = np.array(image_size * 2, np.float32)
    left, top, right, bottom = np.clip(np.rint(boxes), -limit, 2 * limit).T[..., None]
    x, y = np.empty_like(width), np.empty_like(height)
    width, height = width[..., 0], height[..., 0]
    x[..., 0] = x[..., 1] = left
    x[..., 2] = x[..., 3] = right - width
    x[..., 4] = right + gap_px
    x[..., 5] = left - gap_px - width
    x[..., 6] = x[..., 7] = left + gap_px
    y[..., 0] = y[..., 2] = top - gap_px - height
    y[..., 1] = y[..., 3] = bottom + gap_px
    y[..., 4] = y[..., 5] = top
    y[..., 6] = top + gap_px
    y[..., 7] = bottom - gap_px - height
    return x, y


def _overlap(rects: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Area that each of (4, ...) `rects` shares with `other`, (4,); both left, top, right, bottom."""
    wide = np.minimum(rects[2], other[2]) - np.maximum(rects[0], other[0])
    high = np.minimum(rects[3], other[3]) - np.maximum(rects[1], other[1])
    area: np.ndarray = np.maximum(wide, 0) * np.maximum(high, 0)
    return area
