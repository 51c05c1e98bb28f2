# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How large an image may be, whichever way it comes in."""

from __future__ import annotations

from face_detect_ros.core.errors import ImageError

MAX_IMAGE_MPX = 100.0
"""Default limit in megapixels: three times 8K. RGB pixels of that size take 300 MB."""
HIGHEST_IMAGE_MPX = 178.0
"""Highest limit that can be asked for: Pillow itself refuses larger images."""


def check_size(width: int, height: int, max_image_mpx: float = MAX_IMAGE_MPX) -> None:
    """Refuse an image by its claimed size, before memory is taken for its pixels.

    Args:
        width: In pixels.
        height: In pixels.
        max_image_mpx: The limit in megapixels.

    Raises:
        ImageError: If it has no pixels or more than the limit (reason: size).
    """
    if width <= 0 or height <= 0:
        raise ImageError("size", f"image is {width}x{height}: no pixels")
    if width * height > max_image_mpx * 1e6:
        raise ImageError(
            "size",
            f"image claims {width}x{height} pixels; more than {max_image_mpx:g} megapixels are refused "
            "(max_image_mpx)",
        )
