# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9's detection head: a box and class scores for every cell of three feature maps, without anchor boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from face_detect_ros.nn.size_cache import SizeCache
from face_detect_ros.nn.yolov9.gelan import Conv

REG_MAX = 16
"""Bins of the distribution over the distance from a cell's center to each side of its box: 0 to 15 strides."""

STRIDES = (8, 16, 32)
"""Input pixels per cell of the maps, in the order of the outputs."""


@dataclass(frozen=True)
class HeadStyle:
    """What the stacks of a head are made of.

    Attributes:
        class_width: Channels inside the stacks for the classes, where the finest map has fewer; None: one a class, at
            most 100, which gives the published sizes. (It matters for YOLOv9-t only. The authors' public code would
            take two a class, at most 128; weights trained by such code need 128 for 80 classes.)
        box_groups: Groups of the convolutions for the boxes: 4 as published, 1 in Ultralytics' networks.
        depthwise: Convolutions for the classes are depthwise and pointwise by turns, as in Ultralytics' networks from
            version 8.3 on.
    """

    class_width: int | None = None
    box_groups: int = 4
    depthwise: bool = False


class DetectionHead(nn.Module):
    """Decoupled head: one stack of convolutions for the boxes and one for the classes, of each map its own.

    Attributes:
        style: What it is made of, with the class width that it has.
    """

    def __init__(self, channels: Sequence[int], classes: int, style: HeadStyle | None = None) -> None:
        """A head with random weights.

        Args:
            channels: Of the maps of `STRIDES`.
            classes: Number of classes.
            style: What it is made of; None: as published.
        """
        super().__init__()
        style = style or HeadStyle()
        box_width = math.ceil(max(channels[0] // 4, 4 * REG_MAX) / 4) * 4
        class_width = max(channels[0], min(classes, 100) if style.class_width is None else style.class_width)
        self.style = replace(style, class_width=class_width)
        self.boxes = nn.ModuleList(
            _stack(width, box_width, 4 * REG_MAX, groups=style.box_groups, bias=1.0) for width in channels
        )
        # at the start: 5 objects are expected in an image of 640 x 640
        biases = (math.log(5 / classes / (640 / stride) ** 2) for stride in STRIDES)
        stack = _depthwise_stack if style.depthwise else _stack
        self.classes = nn.ModuleList(
            stack(width, class_width, classes, groups=1, bias=bias)
            for width, bias in zip(channels, biases, strict=True)
        )
        self._anchors = SizeCache()

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Raw outputs of each map: (B, 4 * REG_MAX + classes, h, w), logits of left, top, right, bottom, classes."""
        return tuple(
            torch.cat([boxes(x), scores(x)], dim=1)
            for x, boxes, scores in zip(maps, self.boxes, self.classes, strict=True)
        )

    def cells(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Raw outputs of the cells of all maps: (B, 4 * REG_MAX, N) and (B, classes, N), logits as of `forward`."""
        sides = [boxes(x).flatten(2) for x, boxes in zip(maps, self.boxes, strict=True)]
        logits = [scores(x).flatten(2) for x, scores in zip(maps, self.classes, strict=True)]
        return torch.cat(sides, dim=2), torch.cat(logits, dim=2)

    def decode(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Boxes (B, N, 4) xyxy in input pixels, scores (B, N, classes), float32 (float64 of float64 maps)."""
        number = torch.promote_types(maps[0].dtype, torch.float32)
        sides = torch.cat([_rows(boxes(x)) for x, boxes in zip(maps, self.boxes, strict=True)], dim=1)
        logits = torch.cat([_rows(scores(x)) for x, scores in zip(maps, self.classes, strict=True)], dim=1)
        sizes = [(x.shape[2], x.shape[3]) for x in maps]
        anchors = self._anchors.get(
            (*sizes, number, sides.device), lambda: anchor_points(sizes, device=sides.device, dtype=number)
        )
        return decode_boxes(sides.to(number), anchors), logits.to(number).sigmoid()


def anchor_points(
    sizes: Sequence[tuple[int, int]],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """(N, 3): x and y of each cell's center and its stride, in input pixels.

    Args:
        sizes: (h, w) of the maps of `STRIDES`.
        device, dtype: Of the result.
    """
    levels = []
    for (height, width), stride in zip(sizes, STRIDES, strict=True):
        y = (torch.arange(height, device=device, dtype=dtype) + 0.5) * stride
        x = (torch.arange(width, device=device, dtype=dtype) + 0.5) * stride
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        levels.append(torch.stack([columns, rows, torch.full_like(rows, stride)], dim=2).flatten(0, 1))
    return torch.cat(levels)


def decode_boxes(sides: Tensor, anchors: Tensor) -> Tensor:
    """Boxes from the distributions of their sides.

    The distance from the center to a side is the mean of the distribution over `REG_MAX` bins, in strides.

    Args:
        sides: (B, N, 4 * REG_MAX) logits.
        anchors: (N, 3), see `anchor_points`.

    Returns:
        (B, N, 4) xyxy, pixels of the input.
    """
    bins = torch.arange(REG_MAX, device=sides.device, dtype=sides.dtype)
    distances = sides.unflatten(2, (4, REG_MAX)).softmax(dim=3) @ bins  # (B, N, 4)
    distances = distances * anchors[:, 2:]
    centers = anchors[:, :2]
    return torch.cat([centers - distances[..., :2], centers + distances[..., 2:]], dim=2)


def _stack(channels: int, width: int, outputs: int, *, groups: int, bias: float) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, 1, groups=groups)
    nn.init.constant_(last.bias, bias)  # type: ignore[arg-type]
    return nn.Sequential(Conv(channels, width, 3), Conv(width, width, 3, groups=groups), last)


def _depthwise_stack(channels: int, width: int, outputs: int, *, groups: int, bias: float) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, 1, groups=groups)
    nn.init.constant_(last.bias, bias)  # type: ignore[arg-type]
    pairs = (
        nn.Sequential(Conv(channels_in, channels_in, 3, groups=channels_in), Conv(channels_in, width))
        for channels_in in (channels, width)
    )
    return nn.Sequential(*pairs, last)


def _rows(x: Tensor) -> Tensor:
    """(B, channels, h, w) to (B, h * w, channels)."""
    return x.flatten(2).transpose(1, 2)
