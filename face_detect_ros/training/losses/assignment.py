# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which anchors answer for which labeled box: task-aligned assignment.

Source: Feng et al., TOOD: Task-aligned One-stage Object Detection, ICCV 2021, with the exponents and the CIoU of
YOLOv9 (Wang et al., 2024).

Legend: B images, N anchors of all levels, M labeled boxes of an image (padded), C classes. Boxes are xyxy in pixels
of the network's input.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from face_detect_ros.training.losses.overlap import complete_iou
from face_detect_ros.training.options import AssignmentOptions

_TINY = 1e-30  # early in a training the sixth power of an overlap is hardly more


@dataclass(frozen=True, eq=False)
class Assignment:
    """Targets of the anchors.

    Attributes:
        boxes: (B, N, 4) float32, valid where `positive` is true.
        scores: (B, N, C) float32 in [0, 1]; 0 for all classes but the target's.
        positive: (B, N) bool.
    """

    boxes: Tensor
    scores: Tensor
    positive: Tensor


def assign(
    scores: Tensor,
    boxes: Tensor,
    anchors: Tensor,
    true_boxes: Tensor,
    true_classes: Tensor,
    true_valid: Tensor,
    options: AssignmentOptions,
) -> Assignment:
    """Each labeled box gets the `top_k` anchors inside it that suit it best.

    An anchor wanted by several boxes goes to the one it overlaps most. Its target score is its alignment, scaled so
    that the best anchor of a box gets its overlap.

    Args:
        scores: (B, N, C) predicted, in [0, 1].
        boxes: (B, N, 4) predicted.
        anchors: (N, 2) xy of their centers.
        true_boxes: (B, M, 4).
        true_classes: (B, M) int64.
        true_valid: (B, M) bool, False for padding.
        options: How many anchors, and what suits.
    """
    batch, count, classes = scores.shape
    most = true_boxes.shape[1]
    if most == 0:
        return Assignment(
            boxes.new_zeros(batch, count, 4),
            scores.new_zeros(batch, count, classes),
            torch.zeros(batch, count, dtype=torch.bool, device=boxes.device),
        )
    left_top = anchors[None, None] - true_boxes[:, :, None, :2]
    right_bottom = true_boxes[:, :, None, 2:] - anchors[None, None]
    inside = torch.cat([left_top, right_bottom], dim=-1).amin(dim=-1) > 0
    candidate = inside & true_valid[:, :, None]  # (B, M, N)

    overlap = complete_iou(true_boxes[:, :, None], boxes[:, None]).clamp_(min=0)
    overlap = torch.where(candidate, overlap, 0.0)
    of_class = true_classes.clamp(min=0)[:, :, None].expand(-1, -1, count)
    likelihood = scores.transpose(1, 2).gather(1, of_class)
    alignment = likelihood.pow(options.score_power) * overlap.pow(options.overlap_power)

    # inside before outside, also where nothing overlaps yet
    best = torch.where(candidate, alignment, -1.0).topk(min(options.top_k, count), dim=-1)
    chosen = torch.zeros_like(candidate).scatter_(-1, best.indices, best.values >= 0)
    # an anchor wanted by several
    owner = torch.where(chosen, overlap, -1.0).argmax(dim=1)  # (B, N)
    positive = chosen.any(dim=1)
    chosen &= torch.arange(most, device=owner.device)[None, :, None] == owner[:, None]

    alignment = torch.where(chosen, alignment, 0.0)
    overlap = torch.where(chosen, overlap, 0.0)
    scale = overlap.amax(dim=-1, keepdim=True) / alignment.amax(dim=-1, keepdim=True).clamp(min=_TINY)
    strength = (alignment * scale).amax(dim=1)  # (B, N)

    target_boxes = true_boxes.gather(1, owner[..., None].expand(-1, -1, 4))
    target_classes = true_classes.clamp(min=0).gather(1, owner)
    target_scores = scores.new_zeros(batch, count, classes)
    target_scores.scatter_(2, target_classes[..., None], (strength * positive)[..., None].to(scores.dtype))
    return Assignment(target_boxes, target_scores, positive)
