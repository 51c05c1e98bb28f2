# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The input of object detectors outside of PyTorch: images resized into place, and floats made of them.

Where an image lies in the input is a `Letterbox` (`within`: YOLOv9, `fit(center=False)`: YOLOX, `stretch`: DETR).
`Canvas` paints images there and `planes` makes floats of them; `tensor_input` does both for networks in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.images.resizing import Resize, ours

PADDING = 114  # gray, as published YOLO models were trained with
LARGEST_INPUT_PX = 4096


def input_size(asked_px: int, own_px: int, multiple: int = 32) -> int:
    """The longest side of a network's input, in pixels.

    Args:
        asked_px: What the user wants; 0: the model's own.
        own_px: The model's own.
        multiple: The network's stride, which it must be a multiple of.

    Raises:
        ConfigError: What the user wants is not such a multiple, or larger than `LARGEST_INPUT_PX`.
    """
    if asked_px == 0:
        return own_px
    if asked_px % multiple or not multiple <= asked_px <= LARGEST_INPUT_PX:
        raise ConfigError(
            f"input_size {asked_px}: give a multiple of {multiple} from {multiple} to {LARGEST_INPUT_PX}, or 0 for "
            f"this model's own ({own_px})"
        )
    return asked_px


class Canvas:
    """Images side by side in one reused block of memory: what `paint` gives is overwritten by the next call.

    Args:
        fill: Value around the images, 0 to 255.
        resize: How images are resized.
    """

    def __init__(self, fill: int = PADDING, resize: Resize = ours) -> None:
        self._fill = fill
        self._resize = resize
        self._pixels = np.empty((0, 0, 0, 3), np.uint8)
        self._padded: list[tuple[int, ...]] = []

    def paint(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> np.ndarray:
        """Put images side by side.

        Args:
            images: (h, w, 3) uint8 each.
            places: Where they lie; they share one target size (H, W).

        Returns:
            (B, H, W, 3) uint8; overwritten by the next call.
        """
        shape = (len(images), *places[0].target, 3)
        if self._pixels.shape != shape:
            self._pixels = np.empty(shape, np.uint8)
            self._padded = [()] * len(images)
        for index, (image, place) in enumerate(zip(images, places, strict=True)):
            (top, left), (height, width) = place.offset, place.resized
            where = (top, left, height, width)
            if self._padded[index] != where:  # the padding of the latest image there may serve again
                self._pixels[index] = self._fill
                self._padded[index] = where
            self._resize(image, self._pixels[index, top : top + height, left : left + width])
        return self._pixels


def planes(
    pixels: np.ndarray,
    *,
    scale: float = 1 / 255,
    mean: Sequence[float] = (0, 0, 0),
    std: Sequence[float] = (1, 1, 1),
    bgr: bool = False,
) -> np.ndarray:
    """Pixels to a network's input: (pixel * scale - mean) / std.

    Args:
        pixels: (B, H, W, 3) uint8 RGB.
        scale: Factor of the pixels.
        mean: Of each plane of the result, in their order.
        std: Likewise.
        bgr: Blue first.

    Returns:
        (B, 3, H, W) float32.
    """
    count, height, width, _ = pixels.shape
    result = np.empty((count, 3, height, width), np.float32)
    for index in range(count):
        # faster than one strided copy of all
        red_green_blue = cv2.split(pixels[index])
        for plane, values in enumerate(reversed(red_green_blue) if bgr else red_green_blue):
            np.multiply(values, np.float32(scale / std[plane]), out=result[index, plane])
            if mean[plane]:
                result[index, plane] -= np.float32(mean[plane] / std[plane])
    return result
