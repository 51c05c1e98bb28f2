# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A camera that pans and zooms smoothly over a still image."""

from __future__ import annotations

import math

import cv2
import numpy as np

from face_detect_ros.images.resizing import for_eyes
from face_detect_ros.sources.fit import placement

PERIOD_FRAMES = 300
"""Images after which the path repeats: 20 s at the 15 Hz of stills."""
# two pans to one period against three, and the zoom once: a Lissajous figure that does not look like a circle
_PAN_X, _PAN_Y, _ZOOM = 2, 3, 1
_SMALLEST_VIEW, _LARGEST_VIEW = 0.84, 0.97


class Motion:
    """Views of one image, a smooth function of the frame's index alone.

    A view shows a window of 84 to 97 % of the image's width and height; it never leaves the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        width: Of the views, as in SourceOptions.
        height: Of the views, as in SourceOptions.
    """

    def __init__(self, image: np.ndarray, width: int = 0, height: int = 0) -> None:
        self._original = (image.shape[0], image.shape[1])
        self._place = placement(self._original, width, height)
        # shrink a large image once, to what the closest view needs: warping does not average, and its cost
        # must not depend on the size of the file
        closest = [math.ceil(side / _SMALLEST_VIEW) for side in self._place.resized]
        kept = (min(self._original[0], closest[0]), min(self._original[1], closest[1]))
        self._image = for_eyes(image, kept)

    def matrix(self, index: int) -> np.ndarray:
        """(2, 3) float64 affine map from xy in the original image to xy in frame `index`, both in pixels.

        As everywhere (0, 0) is the outer corner of the first pixel: ``matrix @ (x, y, 1)``.
        """
        phase = 2 * math.pi * index / PERIOD_FRAMES
        middle, swing = (_LARGEST_VIEW + _SMALLEST_VIEW) / 2, (_LARGEST_VIEW - _SMALLEST_VIEW) / 2
        view = middle + swing * math.cos(_ZOOM * phase)
        share = (0.5 + 0.5 * math.sin(_PAN_X * phase), 0.5 + 0.5 * math.sin(_PAN_Y * phase))
        rows = []
        for axis in (0, 1):  # x, y
            side = self._original[1 - axis]
            scale = self._place.resized[1 - axis] / (view * side)
            start = share[axis] * (1 - view) * side
            rows.append((scale, self._place.offset[1 - axis] - scale * start))
        (scale_x, shift_x), (scale_y, shift_y) = rows
        return np.array([[scale_x, 0.0, shift_x], [0.0, scale_y, shift_y]])

    def frame(self, index: int) -> np.ndarray:
        """The view number `index`: (height, width, 3) uint8 RGB, a new array."""
        (top, left), (height, width) = self._place.offset, self._place.resized
        matrix = self.matrix(index)
        matrix[:, 2] -= (left, top)
        # from the kept, possibly shrunk image instead of the original
        matrix[0, 0] *= self._original[1] / self._image.shape[1]
        matrix[1, 1] *= self._original[0] / self._image.shape[0]
        # OpenCV counts from the middle of the first pixel, this package from its corner
        matrix[:, 2] += 0.5 * np.diagonal(matrix) - 0.5
        size = (width, height)
        if self._place.resized == self._place.target:
            return self._warp(matrix, size)
        canvas = np.zeros((*self._place.target, 3), np.uint8)
        canvas[top : top + height, left : left + width] = self._warp(matrix, size)
        return canvas

    def _warp(self, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        # replicate: half a pixel at the border has only one neighbor inside the image
        return cv2.warpAffine(
            self._image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
