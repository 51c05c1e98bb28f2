# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fitting an image into a network's input, and the exact way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.boxes import as_boxes


@dataclass(frozen=True)
class Letterbox:
    """Where an image lies inside a network's input: resized, then padded.

    The two axes have their own scale, because the resized size is rounded to whole pixels: using resized / original
    per axis makes `to_image` the exact inverse of `to_input` and leaves no drift at the far border.

    Attributes:
        original: (height, width) of the image in pixels.
        target: (height, width) of the input in pixels.
        resized: (height, width) of the image inside the input, in pixels.
        offset: (top, left) of the image inside the input, in pixels.
    """

    original: tuple[int, int]
    target: tuple[int, int]
    resized: tuple[int, int]
    offset: tuple[int, int]

    @classmethod
    def fit(cls, original: tuple[int, int], target: tuple[int, int], *, center: bool = True) -> Letterbox:
        """The largest placement of an image inside a canvas.

        Args:
            original: (height, width) of the image, in pixels.
            target: (height, width) of the canvas.
            center: Pad both sides equally (as YOLOv9) instead of only right and bottom (as YOLOX).

        Raises:
            ValueError: A size is below 1.
        """
        if min(*original, *target) < 1:
            raise ValueError(f"cannot fit {original} into {target}: sizes must be at least 1 pixel")
        scale = min(target[0] / original[0], target[1] / original[1])
        height, width = (max(1, min(t, round(o * scale))) for o, t in zip(original, target, strict=True))
        offset = ((target[0] - height) // 2, (target[1] - width) // 2) if center else (0, 0)
        return cls((original[0], original[1]), (target[0], target[1]), (height, width), offset)

    @classmethod
    def within(cls, original: tuple[int, int], longest_px: int, multiple: int = 32) -> Letterbox:
        """The image with its longer side resized to `longest_px`, centered, each side padded up to a multiple.

        This is all the padding that a fully convolutional network needs: 640x480 stays 640x480, where a square canvas
        would be a quarter padding.

        Args:
            original: (height, width) of the image, in pixels.
            longest_px: Its longer side on the canvas.
            multiple: Of which both sides of the canvas are.

        Raises:
            ValueError: A size is below 1.
        """
        if min(*original, longest_px, multiple) < 1:
            raise ValueError(f"cannot fit {original} into {longest_px}: sizes must be at least 1 pixel")
        scale = longest_px / max(original)
        height, width = (max(1, round(side * scale)) for side in original)
        target = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
        offset = ((target[0] - height) // 2, (target[1] - width) // 2)
        return cls((original[0], original[1]), target, (height, width), offset)

    @classmethod
    def stretch(cls, original: tuple[int, int], target: tuple[int, int]) -> Letterbox:
        """An image distorted to fill the input, as DETR does.

        Args:
            original: (height, width) of the image in pixels.
            target: (height, width) of the input in pixels.

        Raises:
            ValueError: A size is below 1.
        """
        if min(*original, *target) < 1:
            raise ValueError(f"cannot fit {original} into {target}: sizes must be at least 1 pixel")
        return cls((original[0], original[1]), (target[0], target[1]), (target[0], target[1]), (0, 0))

    @property
    def scale_xy(self) -> np.ndarray:
        """(2,) float64: input pixels per image pixel along x and y."""
        return np.array([self.resized[1] / self.original[1], self.resized[0] / self.original[0]])

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) xy in image pixels to (..., 2) float64 xy in input pixels."""
        return np.asarray(points, np.float64) * self.scale_xy + (self.offset[1], self.offset[0])

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) xy in input pixels to (..., 2) float64 xy in image pixels."""
        return (np.asarray(points, np.float64) - (self.offset[1], self.offset[0])) / self.scale_xy

    def boxes_to_input(self, boxes: np.ndarray) -> np.ndarray:
        """(N, 4) xyxy in image pixels to (N, 4) float32 xyxy in input pixels."""
        return self.to_input(as_boxes(boxes).reshape(-1, 2, 2)).reshape(-1, 4).astype(np.float32)

    def boxes_to_image(self, boxes: np.ndarray) -> np.ndarray:
        """(N, 4) xyxy in input pixels to (N, 4) float32 xyxy in image pixels (not clipped)."""
        return self.to_image(as_boxes(boxes).reshape(-1, 2, 2)).reshape(-1, 4).astype(np.float32)
