# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Widths and depths of YOLOv9's variants, as published with arXiv:2402.13616."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Elan:
    """Channels that a layer gives, and those that it splits inside."""

    out: int
    part: int


@dataclass(frozen=True)
class Variant:
    """One size of the network.

    Attributes:
        stem: Channels at strides 2 and 4.
        elans: Layers of the backbone at strides 4, 8, 16, 32.
        elan1: The first is an ELAN1, without bottlenecks.
        downs: Channels that the layers between them give.
        adown: Those are ADown, else AConv.
        depth: Bottlenecks in each RepNCSP.
        pooled: Channels after the spatial pyramid pooling.
        top_down: Layers of the neck on its way to strides 16 and 8.
        bottom_up: Layers of the neck on its way back to strides 16 and 32.
        bottom_up_downs: Channels before them.
        column: The main path has a second, reversible column.
        branch: The auxiliary branch of training: "neck" (a second way down to stride 8) or "column".
        head_width: Channels of one head of attention.
    """

    stem: tuple[int, int]
    elans: tuple[Elan, ...]
    elan1: bool
    downs: tuple[int, int, int]
    adown: bool
    depth: int
    pooled: int
    top_down: tuple[Elan, ...]
    bottom_up: tuple[Elan, ...]
    bottom_up_downs: tuple[int, int]
    column: bool
    branch: str
    head_width: int

    @property
    def level_widths(self) -> tuple[int, ...]:
        """Channels of the backbone at strides 2 to 32."""
        return (self.stem[0], *(elan.out for elan in self.elans))

    @property
    def out_widths(self) -> tuple[int, int, int]:
        """Channels of the neck's outputs at strides 8, 16, 32."""
        return self.top_down[1].out, self.bottom_up[0].out, self.bottom_up[1].out


def _same(*widths: int) -> tuple[Elan, ...]:
    return tuple(Elan(width, width) for width in widths)


VARIANTS: dict[str, Variant] = {
    "t": Variant(
        stem=(16, 32),
        elans=_same(32, 64, 96, 128),
        elan1=True,
        downs=(64, 96, 128),
        adown=False,
        depth=3,
        pooled=128,
        top_down=_same(96, 64),
        bottom_up=_same(96, 128),
        bottom_up_downs=(48, 64),
        column=False,
        branch="neck",
        head_width=32,
    ),
    "s": Variant(
        stem=(32, 64),
        elans=_same(64, 128, 192, 256),
        elan1=True,
        downs=(128, 192, 256),
        adown=False,
        depth=3,
        pooled=256,
        top_down=_same(192, 128),
        bottom_up=_same(192, 256),
        bottom_up_downs=(96, 128),
        column=False,
        branch="neck",
        head_width=32,
    ),
    "m": Variant(
        stem=(32, 64),
        elans=_same(128, 240, 360, 480),
        elan1=False,
        downs=(240, 360, 480),
        adown=False,
        depth=1,
        pooled=480,
        top_down=_same(360, 240),
        bottom_up=_same(360, 480),
        bottom_up_downs=(184, 240),
        column=False,
        branch="column",
        head_width=40,
    ),
    "c": Variant(
        stem=(64, 128),
        elans=(Elan(256, 128), Elan(512, 256), Elan(512, 512), Elan(512, 512)),
        elan1=False,
        downs=(256, 512, 512),
        adown=True,
        depth=1,
        pooled=512,
        top_down=(Elan(512, 512), Elan(256, 256)),
        bottom_up=(Elan(512, 512), Elan(512, 512)),
        bottom_up_downs=(256, 512),
        column=False,
        branch="column",
        head_width=32,
    ),
    "e": Variant(
        stem=(64, 128),
        elans=(Elan(256, 128), Elan(512, 256), Elan(1024, 512), Elan(1024, 512)),
        elan1=False,
        downs=(256, 512, 1024),
        adown=True,
        depth=2,
        pooled=512,
        top_down=(Elan(512, 512), Elan(256, 256)),
        bottom_up=(Elan(512, 512), Elan(512, 1024)),
        bottom_up_downs=(256, 512),
        column=True,
        branch="neck",
        head_width=32,
    ),
}
