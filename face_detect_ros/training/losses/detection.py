# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The loss of a detection network.

Sources: YOLOv9 (Wang et al., 2024) for the parts and their weights; Li et al., Generalized Focal Loss, NeurIPS
2020, for the distribution focal loss; Zheng et al., AAAI 2020, for CIoU.

Legend: B images, N anchors of all levels, M labeled boxes (padded), C classes, R bins of a side's distribution.
Boxes are xyxy in pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from face_detect_ros.nn.yolov9.heads import REG_MAX, anchor_points, decode_boxes
from face_detect_ros.training.losses.assignment import Assignment, assign
from face_detect_ros.training.losses.overlap import complete_iou
from face_detect_ros.training.options import LossOptions


@dataclass(frozen=True, eq=False)
class Truth:
    """The labels of a batch.

    Attributes:
        boxes: (B, M, 4) float32.
        class_ids: (B, M) int64.
        valid: (B, M) bool, False for padding.
        crowd_boxes: (B, K, 4) float32 and crowd_class_ids: (B, K) int64, -1 for padding: regions where nothing is known
            about that class.
        known: (B, C) bool; False: the image may show more of that class than is labeled, so what
            is not labeled teaches nothing.
    """

    boxes: Tensor
    class_ids: Tensor
    valid: Tensor
    crowd_boxes: Tensor
    crowd_class_ids: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Truth:
        return Truth(
            *(getattr(self, name).to(device, non_blocking=True) for name in self.__dataclass_fields__)
        )


@dataclass(frozen=True, eq=False)
class Losses:
    """Differentiable scalars: sums over the batch, divided by the sum of its target scores.

    Attributes:
        total: The weighted sum of the others.
        box: CIoU of the boxes.
        classes: Binary cross entropy of the class scores.
        distribution: Distribution focal loss of the sides.
    """

    total: Tensor
    box: Tensor
    classes: Tensor
    distribution: Tensor


class DetectionLoss:
    """The loss of the raw outputs of a `nn.yolov9.heads.DetectionHead`, main and auxiliary."""

    def __init__(self, classes: int, options: LossOptions | None = None) -> None:
        self.options = options or LossOptions()
        self._classes = classes

    def __call__(self, main: Sequence[Tensor], auxiliary: Sequence[Tensor] | None, truth: Truth) -> Losses:
        """Compute the loss. `total` covers both heads, the parts are those of the main head.

        Targets are chosen without gradients.

        Args:
            main, auxiliary: (B, 4 * REG_MAX + C, h, w) per level.
            truth: The labels.
        """
        # half precision would lose the small differences that the sums are made of; autocast would bring it back
        with torch.autocast(main[0].device.type, enabled=False):
            losses = self._of(main, truth)
            if auxiliary is None:
                return losses
            total = losses.total + self.options.auxiliary * self._of(auxiliary, truth).total
        return Losses(total, losses.box, losses.classes, losses.distribution)

    def _of(self, levels: Sequence[Tensor], truth: Truth) -> Losses:
        sides, logits = sides_and_logits(levels, self._classes)
        number = logits.dtype
        sizes = [(level.shape[2], level.shape[3]) for level in levels]
        points = anchor_points(sizes, device=logits.device, dtype=number)
        with torch.no_grad():
            target = assign(
                logits.sigmoid(), decode_boxes(sides, points), points[:, :2], truth.boxes.to(number),
                truth.class_ids, truth.valid, self.options.assignment,
            )  # fmt: skip
        return losses_to(target, sides, logits, points, truth, self.options)


def sides_and_logits(levels: Sequence[Tensor], classes: int) -> tuple[Tensor, Tensor]:
    """The raw outputs of all cells, in float32 at least.

    Args:
        levels: (B, 4 * REG_MAX + C, h, w) of each level.
        classes: C.

    Returns:
        (B, N, 4 * REG_MAX) sides and (B, N, C) logits.
    """
    number = torch.promote_types(levels[0].dtype, torch.float32)
    flat = torch.cat([level.to(number).flatten(2) for level in levels], dim=2).transpose(1, 2)
    sides, logits = flat.split((4 * REG_MAX, classes), dim=2)
    return sides, logits


def losses_to(
    target: Assignment, sides: Tensor, logits: Tensor, points: Tensor, truth: Truth, options: LossOptions
) -> Losses:
    """The loss of outputs whose targets are given.

    Args:
        target: Of the same outputs, from `assign`.
        sides: (B, N, 4 * R).
        logits: (B, N, C).
        points: (N, 3), see `anchor_points`.
        truth: What is labeled, and where labels are missing.
        options: Weights of the parts.
    """
    anchors, strides = points[:, :2], points[:, 2]
    norm = target.scores.sum().clamp(min=1)
    bce = F.binary_cross_entropy_with_logits(logits, target.scores, reduction="none")
    class_loss = (bce * negatives_that_count(anchors, target.scores, truth)).sum() / norm

    picked = target.positive
    weight = target.scores.sum(-1)[picked]
    wanted, boxes = target.boxes[picked], decode_boxes(sides, points)[picked]
    box_loss = ((1 - complete_iou(boxes, wanted)) * weight).sum() / norm
    centers = anchors.expand(len(sides), -1, -1)[picked]
    distances = torch.cat([centers - wanted[:, :2], wanted[:, 2:] - centers], dim=1)
    distances = distances / strides.expand(len(sides), -1)[picked][:, None]
    focal = distribution_focal_loss(sides[picked].unflatten(1, (4, REG_MAX)), distances)
    distribution_loss = (focal.mean(-1) * weight).sum() / norm

    total = options.box * box_loss + options.classes * class_loss + options.distribution * distribution_loss
    return Losses(total, box_loss, class_loss, distribution_loss)


def distribution_focal_loss(logits: Tensor, distances: Tensor) -> Tensor:
    """Loss of the distributions of the sides.

    Args:
        logits: (P, 4, R).
        distances: (P, 4) in strides; those beyond R - 1 count as R - 1.

    Returns:
        (P, 4).
    """
    bins = logits.shape[-1]
    distances = distances.clamp(0, bins - 1 - 0.01)
    low = distances.long()
    share_of_high = distances - low
    log = logits.log_softmax(-1)
    at_low = log.gather(-1, low[..., None])[..., 0]
    at_high = log.gather(-1, low[..., None] + 1)[..., 0]
    return -(at_low * (1 - share_of_high) + at_high * share_of_high)


def negatives_that_count(anchors: Tensor, target_scores: Tensor, truth: Truth) -> Tensor:
    """Where an anchor without a target teaches that there is nothing of a class.

    Args:
        anchors: (N, 2) xy of their centers.
        target_scores: (B, N, C); above 0 where an anchor has a target.
        truth: The labels.

    Returns:
        (B, N, C) float; 0 where nothing is known, in a crowd or for a class that is labeled in part, else 1.
    """
    counts = truth.known[:, None, :].expand(-1, len(anchors), -1)
    if truth.crowd_boxes.shape[1]:
        left_top, right_bottom = truth.crowd_boxes[:, None, :, :2], truth.crowd_boxes[:, None, :, 2:]
        point = anchors[None, :, None]
        inside = ((point > left_top) & (point < right_bottom)).all(-1)  # (B, N, K)
        classes = torch.arange(target_scores.shape[-1], device=anchors.device)
        of_class = truth.crowd_class_ids[..., None] == classes  # (B, K, C)
        counts = counts & ~(torch.einsum("bnk,bkc->bnc", inside.float(), of_class.float()) > 0)
    return (counts | (target_scores > 0)).to(target_scores.dtype)
