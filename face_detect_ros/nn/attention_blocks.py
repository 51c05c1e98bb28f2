# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Attention as an addition to a network that was trained without it: x + gate * attention(normalized x).

The gates, one per channel, start at zero: until training moves them, a block returns exactly its input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from face_detect_ros.nn.attention import CrossAttention2d, SelfAttention2d


class GatedSelfAttention(nn.Module):
    """A map (B, C, h, w) plus what its cells gather from each other.

    Args:
        channels: C, a multiple of `head_width`.
        head_width: Channels of each head.
    """

    def __init__(self, channels: int, head_width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.attention = SelfAttention2d(channels, channels // head_width)
        self.gate = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gate * self.attention(self.norm(x))


class GatedCrossAttention(nn.Module):
    """A map (B, C, h, w) plus what its cells gather from those of another (B, Ck, hk, wk).

    Args:
        channels: C, a multiple of `head_width`.
        key_channels: Ck.
        head_width: Channels of each head.
    """

    def __init__(self, channels: int, key_channels: int, head_width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.key_norm = ChannelNorm(key_channels)
        self.attention = CrossAttention2d(channels, key_channels, channels // head_width)
        self.gate = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + self.gate * self.attention(self.norm(x), self.key_norm(y))


class CrossLevelAttention(nn.Module):
    """Each finer map of a pyramid plus what its cells gather from the coarsest map.

    Args:
        channels: Of the maps, from the finest to the coarsest.
        head_width: Channels of one head.
    """

    def __init__(self, channels: Sequence[int], head_width: int) -> None:
        super().__init__()
        *finer, coarsest = channels
        self.blocks = nn.ModuleList(GatedCrossAttention(width, coarsest, head_width) for width in finer)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps of the same shapes; the coarsest as it came."""
        *finer, coarsest = maps
        return (*(block(x, coarsest) for block, x in zip(self.blocks, finer, strict=True)), coarsest)


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of each cell of a map (B, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, 3)).movedim(3, 1)
