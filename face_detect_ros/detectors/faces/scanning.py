# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""At which size an image is scanned for faces, and what a detector proposes there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.letterbox import Letterbox

_VGA_PX = 640 * 480
_MIN_SIZE_AT_VGA_PX = 24.0
_WORTHLESS_CHANGE = 0.1  # resampling by less than this blurs more than it gains
_LARGEST_ENLARGEMENT = 2.0  # more gains nothing but false faces
_LARGEST_SCAN_PX = 8_300_000  # 4K
_LARGEST_STRETCH = 0.1


@dataclass(frozen=True, eq=False)
class FaceCandidates:
    """What a network proposes for one image, before overlapping boxes go.

    Attributes:
        boxes: (K, 4) float32 xyxy, pixels of the network's input.
        scores: (K,) float32 in [0, 1].
        points: (K, 5, 2) float32 xy in pixels of the input, or None where the network has none.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray | None = None


def default_min_size_px(height: int, width: int) -> float:
    """Smallest face looked for where nobody says otherwise (`min_size_px` 0), in pixels of the image.

    24 px at VGA, growing with the cube root of the number of pixels: 35 px at 720p, 45 px at 1080p. A scan of 1080p so
    costs 1.9 times as much as one of VGA, not 6.75 times.
    """
    return _MIN_SIZE_AT_VGA_PX * (height * width / _VGA_PX) ** (1 / 3)


def scan_scale(height: int, width: int, min_size_px: int, smallest_px: float) -> float:
    """Scale at which a face of `min_size_px` in the image comes out `smallest_px` wide.

    Args:
        height, width: of the image.
        min_size_px: smallest face looked for; 0: `default_min_size_px`.
        smallest_px: smallest face that the network is meant to find on its input.
    """
    scale = min(
        smallest_px / (min_size_px or default_min_size_px(height, width)),
        _LARGEST_ENLARGEMENT,
        math.sqrt(_LARGEST_SCAN_PX / (height * width)),
    )
    return 1.0 if abs(scale - 1.0) < _WORTHLESS_CHANGE else scale


def scan_place(height: int, width: int, scale: float, multiple: int) -> Letterbox:
    """Where an image that is scaled lies in an input whose sides are multiples of a number.

    Up to a tenth of a side is stretched to the nearest multiple: faces survive that, a smaller input is faster, and
    padding has false faces at its edges. A side that would change by more is padded at the bottom or right.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        scale: Of the input relative to the image.
        multiple: What the input's sides are multiples of, in pixels.
    """
    resized, target = [], []
    for side in (height, width):
        scaled = max(1, round(side * scale))
        nearest = round(scaled / multiple) * multiple
        if abs(nearest - scaled) <= _LARGEST_STRETCH * scaled:
            scaled = nearest
        resized.append(scaled)
        target.append(-(-scaled // multiple) * multiple)
    return Letterbox((height, width), (target[0], target[1]), (resized[0], resized[1]), (0, 0))
