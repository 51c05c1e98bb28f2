# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A heat map laid over an image."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from face_detect_ros.core.frame import check_image

_STRONGEST = 0.7  # share of the color, so that the image shows through everywhere
_LAST_COLOR = 220  # of 255 of Turbo; the last ones grow dark again


def blend_heat_map(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A new image with `heat` over it: the more, the less of the image is left; none where it is 0.

    Args:
        image: (H, W, 3) uint8 RGB; not modified.
        heat: (H, W) float in [0, 1], from blue over green to red.

    Returns (H, W, 3) uint8 RGB. Raises ImageError for another array and ValueError for a heat map of another size or
    with values outside [0, 1].
    """
    check_image(image)
    if heat.shape != image.shape[:2]:
        raise ValueError(f"a heat map of {heat.shape} for an image of {image.shape[:2]}")
    if not (heat.min() >= 0.0 and heat.max() <= 1.0):  # NaN fails both
        raise ValueError(f"a heat map from {heat.min()} to {heat.max()}; expected 0 to 1")
    levels = np.rint(heat * 255).astype(np.uint8)
    color, rest = _tables()
    kept = cv2.LUT(levels, rest)
    # by OpenCV in 8 bits: in NumPy's floats it takes several times as long
    blended: np.ndarray = cv2.add(
        cv2.multiply(np.ascontiguousarray(image), cv2.merge([kept, kept, kept]), scale=1 / 255),
        cv2.applyColorMap(levels, color),
    )
    return blended


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """For each of 256 levels: RGB that is added, (256, 1, 3) uint8, and what is left of the image, (256,) uint8."""
    levels = np.arange(256)
    share = _STRONGEST * levels / 255
    turbo = cv2.applyColorMap(np.rint(levels * _LAST_COLOR / 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    color = np.rint(turbo[..., ::-1] * share[:, None, None]).astype(np.uint8)
    return np.ascontiguousarray(color), np.rint(255 * (1 - share)).astype(np.uint8)
