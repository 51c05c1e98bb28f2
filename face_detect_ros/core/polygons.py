# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Polygons in images, as people write them.

A polygon is its corners in order, `x,y` each, separated by spaces: `0,0.5 0.3,0.5 0.3,1 0,1`. If every number is
between 0 and 1, they are shares of the image's width and height, and the polygon fits images of any size; otherwise
they are pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.errors import ConfigError

MOST_CORNERS = 100
_EXAMPLE = "0,0.5 0.3,0.5 0.3,1 0,1"
_ON_EDGE = 1e-6  # relative to the larger side of the image


@dataclass(frozen=True)
class Polygon:
    """An area of an image; its edge belongs to it. Where it crosses itself, the even-odd rule applies.

    Attributes:
        corners: At least three (x, y), in order.
        relative: Whether they are shares of the image's width and height, otherwise pixels.
    """

    corners: tuple[tuple[float, float], ...]
    relative: bool

    def contains(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Which points lie inside.

        Args:
            points: (N, 2) x, y in pixels.
            width: Of the image, in pixels.
            height: Of the image, in pixels.

        Returns:
            (N,) bool.
        """
        x, y = np.asarray(points, np.float64).reshape(-1, 2).T[:, :, None]  # (N, 1) each
        scale = (width, height) if self.relative else (1, 1)
        begin = np.array(self.corners) * scale
        end = np.roll(begin, -1, axis=0)
        (x0, y0), (x1, y1) = begin.T, end.T  # (C,) each
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)  # where the edge is level with the point
        crosses = ((y0 > y) != (y1 > y)) & (x < crossing)
        inside: np.ndarray = crosses.sum(axis=1) % 2 == 1
        return inside | _on_edge(x, y, begin, end, _ON_EDGE * max(width, height))


def _on_edge(
    x: np.ndarray, y: np.ndarray, begin: np.ndarray, end: np.ndarray, tolerance: float
) -> np.ndarray:
    """(N,) bool: which points, (N, 1) x and y, are within `tolerance` of an edge, (C, 2) begin and end."""
    step = end - begin
    length = np.maximum((step**2).sum(axis=1), 1e-18)
    along = np.clip(((x - begin[:, 0]) * step[:, 0] + (y - begin[:, 1]) * step[:, 1]) / length, 0, 1)
    away = np.hypot(x - begin[:, 0] - along * step[:, 0], y - begin[:, 1] - along * step[:, 1])
    near: np.ndarray = (away <= tolerance).any(axis=1)
    return near


def parse_polygon(text: str) -> Polygon:
    """A polygon from its text.

    Raises:
        ConfigError: It is not one; the message says why and shows an example.
    """
    corners = [_corner(word, text) for word in text.split()]
    if not 3 <= len(corners) <= MOST_CORNERS:
        raise ConfigError(
            f"polygon '{_short(text)}' has {len(corners)} corners; give 3 to {MOST_CORNERS}, such as {_EXAMPLE}"
        )
    relative = max(max(corner) for corner in corners) <= 1
    polygon = Polygon(tuple(corners), relative)
    if _area(corners) <= 0:
        raise ConfigError(f"polygon '{_short(text)}' has no area; give corners that are not on one line")
    return polygon


def _corner(word: str, text: str) -> tuple[float, float]:
    parts = word.split(",")
    try:
        x, y = (float(part) for part in parts)
    except ValueError:
        raise ConfigError(
            f"polygon '{_short(text)}': '{_short(word)}' is not a corner x,y; write it as {_EXAMPLE}"
        ) from None
    if not (0 <= x < math.inf and 0 <= y < math.inf):
        raise ConfigError(f"polygon '{_short(text)}': corner {_short(word)} must have x and y from 0 on")
    return x, y


def _area(corners: list[tuple[float, float]]) -> float:
    """Of the smallest box around them: a polygon that crosses itself may have a signed area of 0."""
    if len({*corners}) < 3:
        return 0.0
    (x0, y0), *rest = corners
    first = next(((x - x0, y - y0) for x, y in rest if (x, y) != (x0, y0)), (0.0, 0.0))
    return max(abs(first[0] * (y - y0) - first[1] * (x - x0)) for x, y in rest)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
