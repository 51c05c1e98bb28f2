# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's tiled image pyramid: one image at ever smaller sizes, side by side on one canvas.

The network sees the canvas as one image; near its border a level therefore sees its neighbors and the
black between them. That is part of what dlib's detector gives, so it is done the same here, to the pixel.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

_STEP = 6  # each level has 5/6 of the sides of the one before
_LOWEST_LEVEL = 5  # pixels
_UNSIGNED = 1 << 64
_OFFSET = 0.3  # pixels; by which dlib moves a point from one level to the next larger one


@dataclass(frozen=True)
class Level:
    """Where one size of the image lies on the canvas, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class PyramidLayout:
    """A canvas and the levels on it.

    Attributes:
        width: Of the canvas, in pixels.
        height: Of the canvas, in pixels.
        levels: Largest first.
    """

    width: int
    height: int
    levels: tuple[Level, ...]

    def nearest_levels(self, points: np.ndarray) -> np.ndarray:
        """(N,) index of the level that contains each of (N, 2) whole xy points of the canvas, or is nearest."""
        boxes = np.array([(level.left, level.top, level.width, level.height) for level in self.levels])
        first, last = boxes[:, :2], boxes[:, :2] + boxes[:, 2:] - 1
        outside = np.maximum(first[None] - points[:, None], points[:, None] - last[None]).clip(0)
        return (outside**2).sum(axis=2).argmin(axis=1)

    def to_image(self, points: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """(N, 2) xy points of the canvas, which belong to the levels (N,), as points of the image."""
        origins = np.array([(level.left, level.top) for level in self.levels], np.float64)
        points = points - origins[levels]
        ratio = _STEP / (_STEP - 1.0)
        for step in range(levels.max(initial=0)):
            points = np.where((levels > step)[:, None], points * ratio + _OFFSET, points)
        return points


@functools.lru_cache(maxsize=64)
def layout(height: int, width: int, padding: int, outer_padding: int) -> PyramidLayout:
    """How dlib lays out the pyramid of a height x width image: a column downward, the rest upward beside it.

    Args:
        height, width: Of the image, in pixels.
        padding, outer_padding: Pixels between the levels and around the canvas.
    """
    sizes = [(height, width)]
    while True:
        height, width = (int((_STEP - 1.0) / _STEP * side) for side in sizes[-1])
        if not height * width or height < _LOWEST_LEVEL:
            break
        sizes.append((height, width))
    first_height, first_width = sizes[0]
    rest = sum(level[0] + padding for level in sizes) - 2 * padding - first_height
    column = 0
    previous_width = 0
    for level_height, level_width in sizes:
        # dlib computes this without signs, so what would be negative is huge
        fits_beside = level_width <= (first_width - previous_width - padding) % _UNSIGNED
        past_middle = (column - first_height) * 2 % _UNSIGNED >= rest % _UNSIGNED
        if fits_beside and past_middle:
            break
        column += level_height + padding
        previous_width = level_width
    column -= padding

    levels = []
    y = outer_padding
    for level_height, level_width in sizes:
        if y >= column + outer_padding:
            break
        levels.append(Level(outer_padding, y, level_width, level_height))
        y += level_height + padding
    y -= padding
    for level_height, level_width in sizes[len(levels) :]:
        level = Level(outer_padding + first_width - level_width, y - level_height, level_width, level_height)
        if level.top < outer_padding + first_height:  # it would cover the largest
            break
        levels.append(level)
        y -= level_height + padding
    return PyramidLayout(first_width + 2 * outer_padding, column + 2 * outer_padding, tuple(levels))


def blank(layout: PyramidLayout, count: int, *, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Canvases of zeros for `paint`.

    Args:
        layout: Of the pyramid.
        count: Number of canvases.
        device: Where they are.
        dtype: Of their numbers.

    Returns:
        (count, 3, H, W); W is rounded up to an even number.
    """
    width = layout.width + layout.width % 2
    return torch.zeros((count, 3, layout.height, width), device=device, dtype=dtype)


def paint(canvas: Tensor, layout: PyramidLayout, images: Sequence[np.ndarray], mean: Tensor) -> None:
    """Put the pyramids of images on a canvas, as (value - mean) / 256.

    Only the levels are written, so a canvas may be used again and again.

    Args:
        canvas: As `blank` makes it; changed in place.
        layout: Of the pyramid.
        images: One per canvas, (H, W, 3) uint8 RGB of the size that the layout is for.
        mean: (3,) float32 of red, green and blue.
    """
    # an image per channel: PyTorch resizes, subtracts and copies these several times as fast as pixels
    planes = np.stack([plane for image in images for plane in cv2.split(image)])
    level = torch.from_numpy(planes).to(canvas.device).float()[:, None]  # (3 N, 1, H, W)
    level = level.sub_(mean.repeat(len(images)).view(-1, 1, 1, 1)).mul_(1.0 / 256.0)
    for place in layout.levels:
        if level.shape[2:] != (place.height, place.width):
            # each level from the one before, corner to corner, as dlib does
            level = F.interpolate(
                level, size=(place.height, place.width), mode="bilinear", align_corners=True
            )
        rows = slice(place.top, place.top + place.height)
        columns = slice(place.left, place.left + place.width)
        canvas[:, :, rows, columns] = level.view(-1, 3, place.height, place.width)


def interleaved(canvas: Tensor) -> Tensor:
    """(N, 3, H, W) to (N, H, W, 3) contiguous."""
    if canvas.device.type != "cpu":
        return canvas.permute(0, 2, 3, 1).contiguous()
    # a quarter of the time of PyTorch's copy
    whole = torch.int16 if canvas.element_size() == 2 else torch.int32
    bits = canvas.view(whole).numpy()
    pixels = np.empty((len(bits), *bits.shape[2:], 3), bits.dtype)
    for planes, merged in zip(bits, pixels, strict=True):
        cv2.merge(list(planes), merged)
    return torch.from_numpy(pixels).view(canvas.dtype)
