# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Cells of feature maps, and what the place of boxes tells about how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core import boxes as box_geometry

USUAL_STRIDES = (8, 16, 32)
LEVELS = (USUAL_STRIDES, (4, 8, 16, 32), (8, 16, 32, 64))
"""Strides of the feature maps, as detectors with one head or three anchors to a cell have them."""

ANCHORS = 3

_NEAR_CELLS = 6.0  # strides between a cell and the center of its box, in the median
_CLEARLY = 3.0  # times as near as by another reading
_ORDERED = 0.99  # of corners: so many boxes have left <= right and top <= bottom
_BEYOND = 0.1  # of centers and sizes: at most so many boxes reach far beyond the image


@dataclass(frozen=True)
class Cells:
    """The cells of an input, level by level and row by row.

    Attributes:
        corners: (N, 2) float32 xy of their upper left corners, in pixels of the input.
        strides: (N,) float32 sides in pixels.
    """

    corners: np.ndarray
    strides: np.ndarray

    @property
    def centers(self) -> np.ndarray:
        """(N, 2) float32 xy."""
        centers: np.ndarray = self.corners + self.strides[:, None] / 2
        return centers

    def __len__(self) -> int:
        return len(self.strides)


def cells(size: tuple[int, int], strides: Sequence[int] = USUAL_STRIDES) -> Cells:
    """The cells of an input of (height, width) pixels; sides that are no multiple of a stride are rounded up."""
    corners, sides = [], []
    for stride in strides:
        rows, columns = -(-size[0] // stride), -(-size[1] // stride)
        y, x = np.mgrid[:rows, :columns]
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1) * stride)
        sides.append(np.full(rows * columns, stride))
    return Cells(np.concatenate(corners).astype(np.float32), np.concatenate(sides).astype(np.float32))


def cells_of(count: int, size: tuple[int, int]) -> Cells | None:
    """The cells of which there are `count` in that input, with one box each; None for another number."""
    for strides in LEVELS:
        found = cells(size, strides)
        if len(found) == count:
            return found
    return None


def has_anchors(count: int, size: tuple[int, int]) -> bool:
    """Whether `count` boxes are three to a cell."""
    return any(count == ANCHORS * len(cells(size, strides)) for strides in LEVELS)


def ways_of_boxes(boxes: np.ndarray, size: tuple[int, int], of: Cells | None = None) -> list[dict[str, str]]:
    """How boxes may be written, by their numbers: fields `box` and `unit` of `OnnxFormat`; more than one: unclear.

    Args:
        boxes: (N, 4), of every cell or query.
        size: (height, width) of the input in pixels.
        of: The cells that the boxes belong to, row by row, if they do.
    """
    boxes = boxes.astype(np.float32)
    if not len(boxes) or not np.isfinite(boxes).all():
        return []
    limit = np.array([size[1], size[0]] * 2, np.float32)
    found: list[tuple[float, dict[str, str]]] = []
    for unit in ("pixels", "fractions"):
        in_pixels = boxes * limit if unit == "fractions" else boxes
        greatest = np.abs(boxes).max()
        # fractions taken for pixels all lie in one corner of the image, pixels taken for fractions far outside of it
        if greatest <= 2 if unit == "pixels" else greatest > 8:
            continue
        for box in ("center", "corners"):
            corners = box_geometry.from_center_size(in_pixels) if box == "center" else in_pixels
            if not _possible(corners, limit, box):
                continue
            distance = 0.0
            if of is not None:
                centers = (corners[:, :2] + corners[:, 2:]) / 2
                distance = float(np.median(np.abs(centers - of.centers) / of.strides[:, None]))
                if distance > _NEAR_CELLS:
                    continue
            found.append((distance, {"box": box, "unit": unit}))
    found.sort(key=lambda way: way[0])
    if of is not None and len(found) > 1 and found[1][0] >= _CLEARLY * max(found[0][0], 0.05):
        found = found[:1]
    return [way for _, way in found]


def _possible(corners: np.ndarray, limit: np.ndarray, box: str) -> bool:
    """Whether such boxes could come from a detector: sides are not negative, and few boxes lie far outside."""
    ordered = (corners[:, 2:] >= corners[:, :2] - 1).all(axis=1).mean()
    if ordered < _ORDERED:
        return False
    if box == "corners":
        return True
    # what are corners, taken for a center and a size, reach beyond the image by half of it
    beyond = (corners[:, 2:] > 1.25 * limit[2:]) | (corners[:, :2] < -0.25 * limit[:2])
    return bool(beyond.any(axis=1).mean() <= _BEYOND)


def to_pixels(boxes: np.ndarray, box: str, unit: str, size: tuple[int, int]) -> np.ndarray:
    """Boxes as a network gives them to xyxy in pixels of its input.

    Args:
        boxes: (K, 4).
        box: "center" for center x, center y, width, height; else they are xyxy.
        unit: "fractions" of the input, or pixels.
        size: (height, width) of the input in pixels.

    Returns:
        (K, 4) float32 xyxy.
    """
    boxes = boxes.astype(np.float32)
    if unit == "fractions":
        boxes = boxes * np.array([size[1], size[0]] * 2, np.float32)
    return box_geometry.from_center_size(boxes) if box == "center" else boxes
