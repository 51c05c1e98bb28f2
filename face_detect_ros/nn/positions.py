# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""2-D sine positions: where a cell of a feature map is, as a vector that attention can compare."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from face_detect_ros.core.errors import ConfigError

_TEMPERATURE = 10_000.0


def sine_positions(
    height: int,
    width: int,
    channels: int,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Sine positions of a map's cells, row by row, as in DETR (Carion et al., 2020).

    The first half of the channels encodes y, the second x; in each, sines and cosines of the position alternate, at
    wavelengths from 2 pi to 20,000 pi. The position is that of the cell's center as a share of the map, times 2 pi
    (as in Deformable DETR), so cells of two levels at the same place in the image are alike.

    Args:
        height: Of the map, in cells.
        width: Likewise.
        channels: A positive multiple of 4.
        device: Of the result.
        dtype: Likewise.

    Returns:
        (height * width, channels).

    Raises:
        ConfigError: `channels` is not a positive multiple of 4.
    """
    if channels <= 0 or channels % 4:
        raise ConfigError(f"sine positions need a multiple of 4 channels, not {channels}")
    half = channels // 2
    number = torch.float64 if dtype == torch.float64 else torch.float32
    pair = torch.arange(half, device=device) // 2
    wave_length = _TEMPERATURE ** (2 * pair.to(number) / half)  # (half,)

    def along(cells: int) -> Tensor:
        place = (torch.arange(cells, device=device, dtype=number) + 0.5) * (2 * math.pi / cells)
        angle = place[:, None] / wave_length  # (cells, half)
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=2).flatten(1)

    y = along(height)[:, None].expand(height, width, half)
    x = along(width)[None].expand(height, width, half)
    return torch.cat([y, x], dim=2).flatten(0, 1).to(dtype)
