# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 (arXiv:2402.13616), with attention if wanted: images to boxes and class scores.

Written from the paper and the published configurations; tensors have the published shapes, so published weights fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.attention_blocks import CrossLevelAttention, GatedSelfAttention
from face_detect_ros.nn.yolov9 import gelan
from face_detect_ros.nn.yolov9.heads import STRIDES, DetectionHead, HeadStyle
from face_detect_ros.nn.yolov9.pgi import ReversibleColumn, auxiliary_branch
from face_detect_ros.nn.yolov9.pyramid import Backbone, BottomUp, Levels, TopDown, pooling
from face_detect_ros.nn.yolov9.variants import VARIANTS, Variant

__all__ = ["STRIDES", "VARIANTS", "Predictions", "TrainingOutputs", "Variant", "YoloV9"]


class Predictions(NamedTuple):
    """N = h * w cells of levels 0, 1, 2 (strides 8, 16, 32), each level row by row.

    Attributes:
        boxes: (B, N, 4) float32 xyxy, pixels of the network's input; may reach beyond it.
        scores: (B, N, classes) float32 in [0, 1].
    """

    boxes: Tensor
    scores: Tensor


class TrainingOutputs(NamedTuple):
    """Logits (B, 4 * REG_MAX + classes, h, w) of levels 0, 1, 2: left, top, right, bottom, then classes.

    Attributes:
        auxiliary: Those of the auxiliary branch; None without one.
    """

    main: tuple[Tensor, ...]
    auxiliary: tuple[Tensor, ...] | None


class YoloV9(nn.Module):
    """The network of one variant: t, s, m, c or e.

    Attention enters through gates that start at zero: with the same other weights, the outputs are those of the
    network without it.

    Args:
        variant: t, s, m, c or e.
        classes: Number of classes.
        self_attention: The deepest level, after the pyramid pooling, gathers from itself.
        cross_attention: The neck's outputs at strides 8 and 16 gather from that at stride 32.
        auxiliary: With the branch that only training needs; `fuse` removes it.
        head: What the head is made of; None is as published.

    Raises:
        ConfigError: The variant is unknown, or there is no class.
    """

    def __init__(
        self,
        variant: str,
        classes: int = 80,
        *,
        self_attention: bool = False,
        cross_attention: bool = False,
        auxiliary: bool = False,
        head: HeadStyle | None = None,
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ConfigError(f"YOLOv9 has no variant '{variant}'; choose one of: {', '.join(VARIANTS)}")
        if classes < 1:
            raise ConfigError(f"YOLOv9 needs at least one class, not {classes}")
        sizes = VARIANTS[variant]
        self.variant = variant
        self.classes = classes
        self.backbone = Backbone(sizes)
        self.column = ReversibleColumn(sizes, first=1) if sizes.column else None
        self.pooling = pooling(sizes)
        self.self_attention = GatedSelfAttention(sizes.pooled, sizes.head_width) if self_attention else None
        self.top_down = TopDown(sizes)
        self.bottom_up = BottomUp(sizes)
        self.cross_attention = (
            CrossLevelAttention(sizes.out_widths, sizes.head_width) if cross_attention else None
        )
        self.head = DetectionHead(sizes.out_widths, classes, head)
        # the branch is the authors', whatever the head
        style = HeadStyle(head.class_width if head else None)
        self.auxiliary = auxiliary_branch(sizes, classes, style) if auxiliary else None

    def forward(self, images: Tensor) -> Predictions | TrainingOutputs:
        """Run the network.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], H and W multiples of 32, with the dtype and on the device of the
                network.

        Returns:
            `Predictions` in eval mode, `TrainingOutputs` in train mode.

        Raises:
            ConfigError: The images have another shape.
        """
        _check(images)
        levels = self.backbone(images)
        maps = self._maps(images, levels)
        if not self.training:
            return Predictions(*self.head.decode(maps))
        return TrainingOutputs(
            self.head(maps), None if self.auxiliary is None else self.auxiliary(images, levels)
        )

    def cells(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What `Predictions` are decoded from; see `DetectionHead.cells`. images: as for `forward`."""
        _check(images)
        return self.head.cells(self._maps(images, self.backbone(images)))

    def fuse(self) -> YoloV9:
        """For inference: folds normalizations and parallel branches into convolutions, drops the auxiliary branch.

        In place; the same outputs but for rounding. To be called once the weights are loaded.
        """
        self.auxiliary = None
        gelan.fuse(self)
        return self.eval()

    def fused_levels(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of `STRIDES` at the end of the neck's top-down path. images: as for `forward`."""
        _check(images)
        return self._top_down(*self._main(images, self.backbone(images)))

    def from_fused(self, level3: Tensor, level4: Tensor, level5: Tensor) -> Sequence[Tensor]:
        """What the head takes, from what `fused_levels` gave."""
        maps: Sequence[Tensor] = self.bottom_up(level3, level4, level5)
        return maps if self.cross_attention is None else self.cross_attention(maps)

    def _maps(self, images: Tensor, levels: Levels) -> Sequence[Tensor]:
        """What the head takes."""
        return self.from_fused(*self._top_down(*self._main(images, levels)))

    def _main(self, images: Tensor, levels: Levels) -> tuple[Levels, Tensor]:
        """The levels that the neck takes, and the deepest one pooled."""
        main = levels if self.column is None else self.column(images, levels)
        return main, self.pooling(main[-1])

    def _top_down(self, main: Levels, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        deepest = pooled if self.self_attention is None else self.self_attention(pooled)
        return self.top_down(main[2], main[3], deepest)


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3:
        raise ConfigError(f"YOLOv9 takes images (B, 3, H, W), not {tuple(images.shape)}")
    height, width = images.shape[2:]
    if height % STRIDES[-1] or width % STRIDES[-1] or not height or not width:
        raise ConfigError(
            f"YOLOv9 takes heights and widths that are multiples of {STRIDES[-1]}, not {width}x{height}"
        )
