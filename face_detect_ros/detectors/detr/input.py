# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images to the input of a DETR-like network, as its image processor in `transformers` would prepare them.

On a CPU Pillow resizes, or PyTorch where it gives the same bytes faster: bit for bit as there. A GPU rounds once where
Pillow rounds twice (as `transformers` does with torchvision): up to 1 of 255 apart in some values. RF-DETR was trained
on images resized without averaging and without rounding, and gets those.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors.objects.tensor_input import TensorInput
from face_detect_ros.detectors.preprocessor import SETTINGS_FILE, InputSettings
from face_detect_ros.images.resizing import as_transformers


class DetrInput:
    """Images to the network's input on `device`, float32."""

    def __init__(self, settings: InputSettings, device: torch.device) -> None:
        self.settings = settings
        self._device = device
        unit = 255 * settings.factor  # `TensorInput` divides by 255 itself
        self._pixels = TensorInput(
            device,
            torch.float32,
            fill=0,
            mean=[m / unit for m in settings.mean],
            std=[s / unit for s in settings.std],
            resize=as_transformers(settings.filter),
        )

    def place(self, height: int, width: int) -> Letterbox:
        resized = self.settings.resized(height, width)
        target = self.settings.padded or resized
        if resized[0] > target[0] or resized[1] > target[1]:
            raise ConfigError(
                f"{SETTINGS_FILE}: pad_size {target} is smaller than the resized image, {resized}"
            )
        return Letterbox((height, width), target, resized, (0, 0))

    @torch.inference_mode()
    def __call__(
        self, images: Sequence[np.ndarray], places: Sequence[Letterbox]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, 3, H, W) float32, and (B, H, W) that is 1 where images are and 0 in the padding, None if all are 1."""
        prepare = self._unrounded if self.settings.plain else self._pixels
        values = prepare(images, places)
        if all(place.resized == place.target for place in places):
            return values, None
        mask = torch.zeros((len(images), *places[0].target), dtype=torch.int64, device=self._device)
        for index, place in enumerate(places):
            mask[index, : place.resized[0], : place.resized[1]] = 1
        return values.mul_(mask[:, None]), mask

    def _unrounded(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> torch.Tensor:
        settings = self.settings
        values = torch.zeros((len(images), 3, *places[0].target), device=self._device)
        mode = settings.filter.removeprefix("plain_")
        for index, (image, place) in enumerate(zip(images, places, strict=True)):
            pixels = torch.from_numpy(np.array(image, order="C")).to(self._device).permute(2, 0, 1)[None]
            resized = functional.interpolate(pixels.float(), place.resized, mode=mode, align_corners=False)
            values[index, :, : place.resized[0], : place.resized[1]] = resized[0]
        channel = (1, 3, 1, 1)
        scale = torch.tensor([settings.factor / s for s in settings.std], device=self._device).view(channel)
        shift = torch.tensor(
            [-m / s for m, s in zip(settings.mean, settings.std, strict=True)], device=self._device
        )
        return values.mul_(scale).add_(shift.view(channel))
