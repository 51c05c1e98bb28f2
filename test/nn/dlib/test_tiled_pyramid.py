# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The tiled pyramid. That it is dlib's to the pixel is what test_mmod shows; here: its own order."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from face_detect_ros.nn.dlib import tiled_pyramid

PADDING, OUTER = 10, 11


@settings(max_examples=100)
@given(st.integers(40, 800), st.integers(40, 800))
def test_levels_lie_inside_and_apart(height: int, width: int) -> None:
    # smaller images are never scanned; there dlib lets levels cover each other
    layout = tiled_pyramid.layout(height, width, PADDING, OUTER)
    covered = np.zeros((layout.height, layout.width), np.int32)
    for level in layout.levels:
        assert level.left >= 0
        assert level.top >= 0
        part = covered[level.top : level.top + level.height, level.left : level.left + level.width]
        assert part.shape == (level.height, level.width)
        part += 1
    assert covered.max() == 1
    first = layout.levels[0]
    assert (first.left, first.top, first.width, first.height) == (OUTER, OUTER, width, height)
    for larger, smaller in zip(layout.levels, layout.levels[1:], strict=False):
        assert (smaller.width, smaller.height) == (larger.width * 5 // 6, larger.height * 5 // 6)


def test_a_known_layout() -> None:
    layout = tiled_pyramid.layout(480, 640, PADDING, OUTER)
    assert (layout.width, layout.height) == (662, 1782)
    assert len(layout.levels) == 24
    assert layout.levels[1] == tiled_pyramid.Level(11, 501, 533, 400)


def test_points_go_back_to_the_image() -> None:
    layout = tiled_pyramid.layout(480, 640, PADDING, OUTER)
    for index, level in enumerate(layout.levels[:8]):
        points = np.array([(level.left, level.top), (level.left + level.width, level.top + level.height)])
        there = layout.to_image(points.astype(float), np.array([index, index]))
        # within a pixel or two of the corners, because dlib's offsets add up
        assert np.abs(there - [(0, 0), (640, 480)]).max() < 0.5 * (index + 1) * 1.2**index + 1e-9


def test_a_point_between_levels_belongs_to_the_nearer() -> None:
    layout = tiled_pyramid.layout(480, 640, PADDING, OUTER)
    points = np.array([(300, 300), (300, 494), (300, 497), (0, 0), (300, 510)])
    assert layout.nearest_levels(points).tolist() == [0, 0, 1, 0, 1]
    assert layout.nearest_levels(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize("size", [(50, 61), (64, 40)])
def test_painting(size: tuple[int, int]) -> None:
    layout = tiled_pyramid.layout(*size, PADDING, OUTER)
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (*size, 3), np.uint8) for _ in range(2)]
    mean = torch.tensor([1.0, 2.0, 3.0])
    canvas = tiled_pyramid.blank(layout, 2, device=torch.device("cpu"), dtype=torch.float32)
    assert canvas.shape == (2, 3, layout.height, layout.width + layout.width % 2)
    for _ in range(2):  # the second time on a used canvas
        tiled_pyramid.paint(canvas, layout, images, mean)
    painted = tiled_pyramid.interleaved(canvas).numpy()
    assert np.array_equal(painted, canvas.permute(0, 2, 3, 1))
    for index, image in enumerate(images):
        largest = painted[index, OUTER : OUTER + size[0], OUTER : OUTER + size[1]]
        assert np.allclose(largest, (image - mean.numpy()) / 256, atol=1e-6)
        for level in layout.levels[:3]:
            corners = painted[index][
                np.ix_([level.top, level.top + level.height - 1], [level.left, level.left + level.width - 1])
            ]
            assert np.allclose(corners, (image[::1][[0, -1]][:, [0, -1]] - mean.numpy()) / 256, atol=1e-5)
    for level in layout.levels:
        painted[:, level.top : level.top + level.height, level.left : level.left + level.width] = 0
    assert not painted.any()
