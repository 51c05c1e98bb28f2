# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images to the input of a PyTorch network, on the device where it runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors.objects.input import PADDING, Canvas
from face_detect_ros.images.resizing import Resize, ours


class TensorInput:
    """Resizes, pads and normalizes: (pixel / 255 - mean) / std, per channel.

    On a CPU, OpenCV resizes into one block of bytes that is converted once. To a GPU the bytes go as they came; it
    resizes there (bilinear, antialiased where it shrinks).

    Args:
        device: Where the input is needed.
        dtype: Of the input.
        fill: Value around the images, 0 to 255.
        mean: Of red, green and blue, in [0, 1].
        std: Likewise.
        resize: How a CPU resizes.
    """

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        *,
        fill: int = PADDING,
        mean: Sequence[float] = (0, 0, 0),
        std: Sequence[float] = (1, 1, 1),
        resize: Resize = ours,
    ) -> None:
        self._device = device
        self._dtype = dtype
        self._fill = fill
        self._canvas = Canvas(fill, resize)
        channel = (1, 3, 1, 1)
        self._scale = torch.tensor([1 / (255 * s) for s in std], device=device).view(channel)
        self._shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=device).view(
            channel
        )
        self._plain = not any(mean) and all(s == 1 for s in std)

    @torch.inference_mode()
    def __call__(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> torch.Tensor:
        """(B, 3, H, W) in channels_last memory, of (h, w, 3) uint8 images whose places share the target (H, W)."""
        if self._device.type == "cpu":
            return self.from_pixels(self._canvas.paint(images, places))
        return self._normalized(self._paint_there(images, places))

    @torch.inference_mode()
    def from_pixels(self, pixels: np.ndarray) -> torch.Tensor:
        """The same of (B, H, W, 3) uint8 that is painted already."""
        return self._normalized(torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2))

    def _normalized(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._plain and self._dtype != torch.float32:
            # 0 to 255 are exact in these; one rounding, as from float32
            return pixels.to(self._dtype).mul_(1 / 255)
        values = pixels.to(torch.float32)
        if self._plain:
            return values.mul_(1 / 255)
        return values.mul_(self._scale).add_(self._shift).to(self._dtype)

    def _paint_there(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> torch.Tensor:
        """(B, 3, H, W) float32 0-255 on the GPU."""
        canvas = torch.full(
            (len(images), 3, *places[0].target), self._fill, dtype=torch.float32, device=self._device
        ).contiguous(memory_format=torch.channels_last)
        for index, (image, place) in enumerate(zip(images, places, strict=True)):
            (top, left), (height, width) = place.offset, place.resized
            pixels = self._upload(image).permute(2, 0, 1)[None].to(torch.float32)
            if pixels.shape[2:] != place.resized:
                shrinks = height < image.shape[0] or width < image.shape[1]
                pixels = functional.interpolate(
                    pixels, place.resized, mode="bilinear", align_corners=False, antialias=shrinks
                ).round_()  # bytes again, as on a CPU
            canvas[index, :, top : top + height, left : left + width] = pixels[0]
        return canvas

    def _upload(self, image: np.ndarray) -> torch.Tensor:
        # pinned memory comes from PyTorch's cache, which knows when the copy is done
        pinned = torch.empty(image.shape, dtype=torch.uint8, pin_memory=True)
        np.copyto(pinned.numpy(), image)
        return pinned.to(self._device, non_blocking=True)
