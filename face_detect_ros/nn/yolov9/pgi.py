# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Programmable gradient information: a second, reversible path from the image to the loss (arXiv:2402.13616).

In training, an auxiliary branch sees the image itself, or the backbone's levels, and has a head and a loss of its
own, so that the gradients which reach the backbone are not blurred by the depth of the main path. It is not part of
inference. YOLOv9-e also has a reversible column in its main path.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from face_detect_ros.nn.yolov9.heads import DetectionHead, HeadStyle
from face_detect_ros.nn.yolov9.pyramid import Backbone, Levels, TopDown, pooling
from face_detect_ros.nn.yolov9.variants import Variant


class CBLinear(nn.Module):
    """1x1 convolution whose channels go to several levels: (B, C, h, w) to one (B, width, h, w) of each width."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.conv = nn.Conv2d(channels, sum(widths), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.conv(x).split(self.widths, dim=1)


class CBFuse(nn.Module):
    """The target plus maps of its channels, enlarged to its size (nearest).

    maps: the first has the target's size, each further one half the size of the one before.
    """

    def forward(self, target: Tensor, maps: Sequence[Tensor]) -> Tensor:
        # from the coarsest up: nearest of nearest is nearest, and so most of the adding is done in small maps
        total = maps[-1]
        for finer in reversed(maps[:-1]):
            total = finer + functional.interpolate(total, scale_factor=2.0, mode="nearest")
        return target + total


class ReversibleColumn(Backbone):
    """A further backbone on the same images, into which every level of the first is linked, from `first` on."""

    def __init__(self, variant: Variant, first: int) -> None:
        super().__init__(variant)
        self._first = first
        widths = (*variant.stem, *variant.downs)[first - 1 :]  # of levels `first` to 5 where links join
        self.links = nn.ModuleList(
            CBLinear(channels, widths[: count + 1])
            for count, channels in enumerate(variant.level_widths[first - 1 :])
        )
        self.fuse_links = CBFuse()

    def forward(self, images: Tensor, levels: Levels) -> Levels:  # type: ignore[override]
        """levels: the first backbone's."""
        linked = [link(x) for link, x in zip(self.links, levels[self._first - 1 :], strict=True)]

        def join(level: int, x: Tensor) -> Tensor:
            index = level - self._first
            return self.fuse_links(x, [maps[index] for maps in linked[index:]]) if index >= 0 else x

        return self.run(images, join)


class AuxiliaryNeck(nn.Module):
    """Auxiliary branch of t, s and e: a second way from the first backbone's level 5 up to level 3, and a head.

    Args:
        variant: Of the network.
        classes: Number of classes.
        style: Of the head.
    """

    def __init__(self, variant: Variant, classes: int, style: HeadStyle) -> None:
        super().__init__()
        self.pooling = pooling(variant)
        self.top_down = TopDown(variant)
        up4, up3 = variant.top_down
        self.head = DetectionHead((up3.out, up4.out, variant.pooled), classes, style)

    def forward(self, images: Tensor, levels: Levels) -> tuple[Tensor, ...]:
        """Raw outputs of levels 3, 4, 5; levels: the first backbone's."""
        return self.head(self.top_down(levels[2], levels[3], self.pooling(levels[4])))


class AuxiliaryColumn(nn.Module):
    """Auxiliary branch of m and c: a reversible column from the image, and a head.

    Args:
        variant: Of the network.
        classes: Number of classes.
        style: Of the head.
    """

    def __init__(self, variant: Variant, classes: int, style: HeadStyle) -> None:
        super().__init__()
        self.column = ReversibleColumn(variant, first=3)
        self.head = DetectionHead(variant.level_widths[2:], classes, style)

    def forward(self, images: Tensor, levels: Levels) -> tuple[Tensor, ...]:
        """Raw outputs of levels 3, 4, 5; levels: the backbone's."""
        return self.head(self.column(images, levels)[2:])


def auxiliary_branch(variant: Variant, classes: int, style: HeadStyle) -> AuxiliaryNeck | AuxiliaryColumn:
    """The branch that the published training of this variant has."""
    return (AuxiliaryNeck if variant.branch == "neck" else AuxiliaryColumn)(variant, classes, style)
