# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""GELAN's wiring: the backbone from the image down to stride 32, and the neck up to stride 8 and back.

Level n is the map of stride 2**n.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from face_detect_ros.nn.yolov9.gelan import ELAN1, SPPELAN, AConv, ADown, Conv, RepNCSPELAN4
from face_detect_ros.nn.yolov9.variants import Elan, Variant

Levels = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Maps of levels 1 to 5."""


class Backbone(nn.Module):
    """Images (B, 3, H, W) to the maps of levels 1 to 5."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        (first, second), elans, downs = variant.stem, variant.elans, variant.downs
        self.conv1 = Conv(3, first, 3, 2)
        self.conv2 = Conv(first, second, 3, 2)
        self.elan2 = (
            ELAN1(second, elans[0].out, elans[0].part) if variant.elan1 else _elan(second, elans[0], variant)
        )
        self.down3 = _down(elans[0].out, downs[0], variant)
        self.elan3 = _elan(downs[0], elans[1], variant)
        self.down4 = _down(elans[1].out, downs[1], variant)
        self.elan4 = _elan(downs[1], elans[2], variant)
        self.down5 = _down(elans[2].out, downs[2], variant)
        self.elan5 = _elan(downs[2], elans[3], variant)

    def forward(self, images: Tensor) -> Levels:
        return self.run(images, lambda level, x: x)

    def run(self, images: Tensor, join: Callable[[int, Tensor], Tensor]) -> Levels:
        """`forward`, in which join(level, x) may add to a level as soon as it has its size."""
        level1 = join(1, self.conv1(images))
        level2 = self.elan2(join(2, self.conv2(level1)))
        level3 = self.elan3(join(3, self.down3(level2)))
        level4 = self.elan4(join(4, self.down4(level3)))
        level5 = self.elan5(join(5, self.down5(level4)))
        return level1, level2, level3, level4, level5


class TopDown(nn.Module):
    """The way from level 5, pooled, up to level 3."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        level3, level4 = variant.level_widths[2:4]
        to4, to3 = variant.top_down
        self.elan4 = _elan(variant.pooled + level4, to4, variant)
        self.elan3 = _elan(to4.out + level3, to3, variant)

    def forward(self, level3: Tensor, level4: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of levels 3, 4, 5, the last one as it came."""
        up4 = self.elan4(torch.cat([_enlarged(pooled), level4], dim=1))
        up3 = self.elan3(torch.cat([_enlarged(up4), level3], dim=1))
        return up3, up4, pooled


class BottomUp(nn.Module):
    """The way from level 3 back to level 5, over what `TopDown` gave."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        up4, up3 = variant.top_down
        to4, to5 = variant.bottom_up
        down4, down5 = variant.bottom_up_downs
        self.down4 = _down(up3.out, down4, variant)
        self.elan4 = _elan(down4 + up4.out, to4, variant)
        self.down5 = _down(to4.out, down5, variant)
        self.elan5 = _elan(down5 + variant.pooled, to5, variant)

    def forward(self, up3: Tensor, up4: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of levels 3, 4, 5, the first one as it came."""
        out4 = self.elan4(torch.cat([self.down4(up3), up4], dim=1))
        out5 = self.elan5(torch.cat([self.down5(out4), pooled], dim=1))
        return up3, out4, out5


def pooling(variant: Variant) -> SPPELAN:
    """The pyramid pooling between backbone and neck."""
    return SPPELAN(variant.level_widths[4], variant.pooled)


def _elan(channels: int, elan: Elan, variant: Variant) -> RepNCSPELAN4:
    return RepNCSPELAN4(channels, elan.out, elan.part, variant.depth)


def _down(channels_in: int, channels_out: int, variant: Variant) -> nn.Module:
    return (ADown if variant.adown else AConv)(channels_in, channels_out)


def _enlarged(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
