# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The input of an ONNX file that takes images, and the image of the trial run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.engines.protocol import Engine

OTHERS = ("orig_target_sizes", "pixel_mask")
"""Names of inputs that are not for images: of RT-DETR, and of DETR in transformers."""

_LARGEST_BATCH = 64
_BLOCKS_PX = (8, 32, 128)


@dataclass(frozen=True)
class ImageInput:
    """The input that takes images.

    Attributes:
        name: Of the input.
        dtype: Of its numbers.
        batch: Number of images; None where free.
        height: In pixels; None where free.
        width: In pixels; None where free.
        channels_last: (B, H, W, 3) instead of (B, 3, H, W).
    """

    name: str
    dtype: np.dtype
    batch: int | None
    height: int | None
    width: int | None
    channels_last: bool

    def size(self, longest_px: int) -> tuple[int, int]:
        """(height, width), with `longest_px` for what is free."""
        return self.height or longest_px, self.width or longest_px

    def size_of(self, pixels: np.ndarray) -> tuple[int, int]:
        """(height, width) of a batch."""
        height, width = pixels.shape[1:3] if self.channels_last else pixels.shape[2:]
        return height, width

    def longest_px(self, asked_px: int, own_px: int, multiple: int, file: Path) -> int:
        """The longest side of what the network sees.

        Args:
            asked_px: What the user wants; 0: the model's own.
            own_px: What a free input has where the user says nothing.
            multiple: What the sides of a free input must be a multiple of.
            file: The model, for errors.

        Raises:
            ConfigError: The network cannot have that size.
        """
        if self.height is None or self.width is None:
            if own_px > object_input.LARGEST_INPUT_PX and not asked_px:
                raise ConfigError(
                    f"{file}: names an input of {own_px} pixels, more than {object_input.LARGEST_INPUT_PX}; give "
                    "input_size"
                )
            return object_input.input_size(asked_px, own_px, multiple)
        fixed_px = max(self.height, self.width)
        if asked_px not in (0, fixed_px):
            raise ConfigError(
                f"input_size {asked_px}: {file} was exported for {self.width}x{self.height} pixels alone; give 0, "
                "or export it again with a free size"
            )
        return fixed_px

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """A batch of one (H, W, 3) float32 image in [0, 1]; in 0-255 where the input takes whole numbers."""
        values = np.round(255 * image) if self.dtype.kind in "ui" else image
        batch = values[None] if self.channels_last else values.transpose(2, 0, 1)[None]
        return np.ascontiguousarray(batch, self.dtype)


def find(engine: Engine, file: Path) -> ImageInput:
    """The input for images; one of unknown shape is taken for (1, 3, H, W), which the trial run shows.

    Raises:
        WeightsError: There is none, or more than one.
    """
    ports = [port for port in engine.inputs if port.name not in OTHERS]
    if len(ports) == 1 and len(ports[0].shape) in (0, 4) and ports[0].dtype is not None:
        port = ports[0]
        axes = [port.fixed(axis) for axis in range(4)] if port.shape else [1, 3, None, None]
        channels_last = axes[3] == 3 and axes[1] != 3
        if (channels_last or axes[1] in (3, None)) and port.dtype is not None:
            height, width = axes[1:3] if channels_last else axes[2:]
            if (
                max(height or 1, width or 1) > object_input.LARGEST_INPUT_PX
                or (axes[0] or 1) > _LARGEST_BATCH
            ):
                raise WeightsError(
                    f"{file}: its input {port} is larger than any detector's; export it again for at most "
                    f"{object_input.LARGEST_INPUT_PX} pixels a side and {_LARGEST_BATCH} images"
                )
            return ImageInput(port.name, port.dtype, axes[0], height, width, channels_last)
    there = "; ".join(map(str, engine.inputs))
    raise WeightsError(
        f"{file}: not an object detector: expected one input for color images, (B, 3, H, W) or (B, H, W, 3); "
        f"it has {there}"
    )


def trial_image(size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) float32 in [0.2, 0.8]: blocks of color of several sizes, the same in every run.

    Not one color: in a structured image, what boxes are relative to shows in their numbers.
    """
    height, width = size
    random = np.random.default_rng(0)
    image = np.zeros((height, width, 3), np.float32)
    for side in _BLOCKS_PX:
        blocks = random.random((-(-height // side), -(-width // side), 3), np.float32)
        image += blocks.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return 0.2 + 0.6 * image / len(_BLOCKS_PX)
