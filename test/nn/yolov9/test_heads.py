# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The detection head: its boxes by the formula, its start, the cells of its outputs."""

import math

import pytest
import torch

from face_detect_ros.nn.yolov9.heads import (
    REG_MAX,
    STRIDES,
    DetectionHead,
    HeadStyle,
    anchor_points,
    decode_boxes,
)

SIZES = ((4, 6), (2, 3), (1, 2))


def _maps(dtype=torch.float32):
    return [torch.randn(2, 8, *size, dtype=dtype) for size in SIZES]


@torch.no_grad()
def test_boxes_are_the_means_of_distributions_around_the_cell_s_center():
    torch.manual_seed(0)
    head = DetectionHead((8, 8, 8), 3).double().eval()
    maps = _maps(torch.float64)
    raw = head(maps)
    boxes, scores = head.decode(maps)
    assert [x.shape for x in raw] == [(2, 4 * REG_MAX + 3, *size) for size in SIZES]
    assert boxes.shape == (2, 24 + 6 + 2, 4)
    index = 0
    for x, stride, (height, width) in zip(raw, STRIDES, SIZES, strict=True):
        for row in range(height):
            for column in range(width):
                logits = x[1, :, row, column]
                sides = []
                for side in range(4):
                    exponentials = [math.exp(v) for v in logits[side * REG_MAX : (side + 1) * REG_MAX]]
                    sides.append(sum(i * e for i, e in enumerate(exponentials)) / sum(exponentials) * stride)
                center_x, center_y = (column + 0.5) * stride, (row + 0.5) * stride
                expected = [
                    center_x - sides[0],
                    center_y - sides[1],
                    center_x + sides[2],
                    center_y + sides[3],
                ]
                assert boxes[1, index].tolist() == pytest.approx(expected, abs=1e-9)
                expected = [1 / (1 + math.exp(-v)) for v in logits[4 * REG_MAX :]]
                assert scores[1, index].tolist() == pytest.approx(expected, abs=1e-12)
                index += 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@torch.no_grad()
def test_boxes_and_scores_are_float32_whatever_the_network_computes_in(dtype):
    boxes, scores = DetectionHead((8, 8, 8), 3).to(dtype).eval().decode(_maps(dtype))
    assert boxes.dtype == scores.dtype == torch.float32


def test_half_precision_does_not_round_the_place():
    """float16 knows every second pixel only beyond 2048."""
    anchors = anchor_points([(512, 512), (256, 256), (128, 128)])
    boxes = decode_boxes(torch.zeros(1, len(anchors), 4 * REG_MAX), anchors)
    right = boxes[0, 511]  # the last cell of the first row; equal logits: 7.5 strides to each side
    assert right.tolist() == [511.5 * 8 - 60, 4 - 60, 511.5 * 8 + 60, 4 + 60]


def test_the_start_of_training():
    head = DetectionHead((8, 8, 8), 20)
    for boxes, classes, stride in zip(head.boxes, head.classes, STRIDES, strict=True):
        assert torch.equal(boxes[-1].bias, torch.ones(4 * REG_MAX))
        expected = math.log(5 / 20 / (640 / stride) ** 2)
        torch.testing.assert_close(classes[-1].bias, torch.full((20,), expected))


@pytest.mark.parametrize(
    ("classes", "given", "width"),
    [(1, None, 64), (80, None, 80), (365, None, 100), (80, 128, 128), (80, 16, 64)],
)
def test_width_of_the_class_branch(classes, given, width):
    with torch.device("meta"):
        head = DetectionHead((64, 96, 128), classes, HeadStyle(given))
    assert head.classes[2][0].conv.weight.shape == (width, 128, 3, 3)
