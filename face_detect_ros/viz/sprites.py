# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small shapes with smooth edges, computed once and then blended into images."""

from __future__ import annotations

import functools

import numpy as np

from face_detect_ros.viz.colors import Color

HALO = 0.5
"""How much a halo darkens the image."""


@functools.lru_cache(maxsize=128)
def corner(
    arm_px: int,
    radius_px: int,
    widths_px: tuple[int, int, int],
    color: Color,
    *,
    at_right: bool,
    at_bottom: bool,
) -> Sprite:
    """Returns a corner of a box: a rounded heavy stroke that continues the box's thinner lines, with a dark halo.

    Args:
        arm_px: How far the heavy stroke reaches along both sides.
        radius_px: Of the centerline, at most `arm_px`.
        widths_px: Of the box's lines, of the heavy stroke (both even or both odd), and of the halo beside them.
        color: Of the stroke.
        at_right: The corner is at the right end of the box.
        at_bottom: The corner is at the lower end of the box.
    """
    line, heavy, halo = widths_px
    reach = heavy // 2 + halo + 1
    # the centerline runs through pixel `reach`, or along its outer edge where the widths are even
    along = np.arange(-reach, arm_px + reach + 1) + (0.0 if heavy % 2 else 0.5)
    x, y = np.meshgrid(along, along)
    in_bend = (x < radius_px) & (y < radius_px)
    bend = np.where(in_bend, np.abs(np.hypot(x - radius_px, y - radius_px) - radius_px), np.inf)
    sides = [
        np.where(u >= radius_px, np.hypot(np.maximum(u - arm_px, 0.0), v), np.inf)
        for u, v in ((x, y), (y, x))
    ]
    # how far each pixel lies outside the heavy stroke, and outside the thin lines
    heavy_px = np.minimum(bend, np.minimum(*sides)) - heavy / 2
    line_px = (
        np.minimum(*(np.where(u >= radius_px, np.abs(v), np.inf) for u, v in ((x, y), (y, x)))) - line / 2
    )
    outside = np.minimum(heavy_px, line_px)
    stroke = np.clip(0.5 - outside, 0.0, 1.0)
    dark = HALO * np.clip(halo + 0.5 - outside, 0.0, 1.0)
    # the box's own lines have a halo already
    dark[(x > arm_px + heavy / 2 + halo) | (y > arm_px + heavy / 2 + halo)] = 0.0
    flip = np.s_[:: -1 if at_bottom else 1, :: -1 if at_right else 1]
    size = len(along)
    anchor = (size - 1 - reach if at_right else reach, size - 1 - reach if at_bottom else reach)
    return Sprite(((1 - stroke) * (1 - dark))[flip], stroke[flip], color, anchor)


@functools.lru_cache(maxsize=128)
def plate_end(height_px: int, radius_px: int, color: Color, *, at_right: bool) -> Sprite:
    """The left or right end of a filled rectangle with rounded corners.

    Args:
        height_px: Of the rectangle.
        radius_px: Of its corners, and the width of the end.
        color: Of the rectangle.
        at_right: The right end.
    """
    x = radius_px - 0.5 - np.arange(radius_px)
    y = np.abs(np.arange(height_px) - (height_px - 1) / 2) - (height_px / 2 - radius_px)
    filled = np.clip(radius_px + 0.5 - np.hypot(x, np.maximum(y, 0.0)[:, None]), 0.0, 1.0)
    if at_right:
        filled = filled[:, ::-1]
    return Sprite(1 - filled, filled, color, (0, 0))


class Sprite:
    """A shape that can be blended into an image.

    Args:
        kept: (H, W) share of the image that is left, 0 to 1.
        inked: (H, W) share of `color` that is added, 0 to 1.
        color: Of the shape.
        anchor: x and y of the pixel that `blend` places.
    """

    def __init__(self, kept: np.ndarray, inked: np.ndarray, color: Color, anchor: tuple[int, int]) -> None:
        self._anchor = anchor
        # in 256ths, which a shift divides by. All three channels: NumPy is ten times as fast without broadcasting
        self._kept = np.repeat(np.rint(kept * 256).astype(np.uint16)[..., None], 3, axis=2)
        self._added = np.rint(inked[..., None] * 256 * np.array(color)).astype(np.uint16)

    def blend(self, canvas: np.ndarray, x: int, y: int) -> None:
        """Blend into `canvas`, (H, W, 3) uint8, with the anchor at (x, y). What lies outside is cut off."""
        height, width = self._kept.shape[:2]
        left, top = x - self._anchor[0], y - self._anchor[1]
        first_x, first_y = max(0, -left), max(0, -top)
        last_x, last_y = min(width, canvas.shape[1] - left), min(height, canvas.shape[0] - top)
        if first_x >= last_x or first_y >= last_y:
            return
        part = (slice(first_y, last_y), slice(first_x, last_x))
        under = canvas[top + first_y : top + last_y, left + first_x : left + last_x]
        mixed = under.astype(np.uint16)
        mixed *= self._kept[part]
        mixed += self._added[part]
        mixed >>= 8
        under[...] = mixed
