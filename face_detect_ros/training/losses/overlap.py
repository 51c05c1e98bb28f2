# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Differentiable overlap of pairs of boxes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TINY = 1e-7


def complete_iou(a: Tensor, b: Tensor) -> Tensor:
    """CIoU of boxes: IoU minus terms for the distance of centers and the aspect ratios.

    The weight of the aspect term has no gradient, as in the paper: Zheng et al., Distance-IoU Loss, AAAI 2020.

    Args:
        a: (..., 4) xyxy.
        b: (..., 4) xyxy, broadcast to `a`.

    Returns:
        (...), in (-1.5, 1]; 1 for equal boxes.
    """
    a_left, a_top, a_right, a_bottom = a.unbind(-1)
    b_left, b_top, b_right, b_bottom = b.unbind(-1)
    a_width, a_height = a_right - a_left, a_bottom - a_top
    b_width, b_height = b_right - b_left, b_bottom - b_top

    inner_width = (torch.minimum(a_right, b_right) - torch.maximum(a_left, b_left)).clamp(min=0)
    inner_height = (torch.minimum(a_bottom, b_bottom) - torch.maximum(a_top, b_top)).clamp(min=0)
    intersection = inner_width * inner_height
    union = a_width * a_height + b_width * b_height - intersection
    iou = intersection / (union + _TINY)

    outer_width = torch.maximum(a_right, b_right) - torch.minimum(a_left, b_left)
    outer_height = torch.maximum(a_bottom, b_bottom) - torch.minimum(a_top, b_top)
    diagonal = outer_width.square() + outer_height.square() + _TINY
    apart = (
        (a_left + a_right - b_left - b_right).square() + (a_top + a_bottom - b_top - b_bottom).square()
    ) / 4

    angle_a = torch.atan(a_width / (a_height + _TINY))
    angle_b = torch.atan(b_width / (b_height + _TINY))
    aspect = (4 / math.pi**2) * (angle_a - angle_b).square()
    with torch.no_grad():
        weight = aspect / (aspect - iou + (1 + _TINY))
    return iou - apart / diagonal - weight * aspect
