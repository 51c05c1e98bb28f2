# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bringing images to the size that was asked for."""

from __future__ import annotations

import numpy as np

from face_detect_ros.core.errors import ImageError, SourceError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.images import limits
from face_detect_ros.images.resizing import for_eyes
from face_detect_ros.sources.options import SourceOptions


def check_size(width: int, height: int, options: SourceOptions, name: str) -> None:
    """Refuse images that are too large.

    Args:
        width: In pixels.
        height: In pixels.
        options: With the limit.
        name: Of the source, for the error.

    Raises:
        SourceError: They are larger than the limit.
    """
    try:
        limits.check_size(width, height, options.max_image_mpx)
    except ImageError as error:
        raise SourceError(f"{name}: {error}") from error


def output_size(original: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The size of an image that is given out.

    Args:
        original: (height, width) of the source's image.
        width: Asked for, in pixels; 0: as the aspect ratio demands.
        height: Asked for, in pixels; 0: as the aspect ratio demands.

    Returns:
        (height, width) in pixels.
    """
    if width and height:
        return height, width
    if width:
        return max(1, round(original[0] * width / original[1])), width
    if height:
        return height, max(1, round(original[1] * height / original[0]))
    return original


def placement(original: tuple[int, int], width: int, height: int) -> Letterbox:
    """Where an image of `original` (height, width) lies in the image given out."""
    return Letterbox.fit(original, output_size(original, width, height))


def fit(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image at the size that is given out, between black borders where the aspect ratio differs.

    Args:
        image: (H, W, 3) uint8.
        width: As in `output_size`.
        height: As in `output_size`.
    """
    return pad(image, placement((image.shape[0], image.shape[1]), width, height))


def pad(image: np.ndarray, box: Letterbox) -> np.ndarray:
    """An image, scaled and set between black borders.

    Args:
        image: (H, W, 3) uint8.
        box: Where it lies in the result.

    Returns:
        (h, w, 3) uint8, of the size `box.target`.
    """
    scaled = for_eyes(image, box.resized)
    if box.resized == box.target:
        return scaled
    canvas = np.zeros((*box.target, 3), np.uint8)
    (top, left), (height, width) = box.offset, box.resized
    canvas[top : top + height, left : left + width] = scaled
    return canvas
