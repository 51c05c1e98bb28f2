# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The letterbox: an exact round trip, and pixels that land where the arithmetic says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from face_detect_ros.core.letterbox import Letterbox

SIDE = st.integers(1, 4000)
SIZES = st.tuples(SIDE, SIDE)


@pytest.mark.parametrize(
    ("original", "target", "resized", "offset"),
    [
        ((480, 640), (480, 640), (480, 640), (0, 0)),
        ((480, 640), (640, 640), (480, 640), (80, 0)),
        ((1080, 1920), (640, 640), (360, 640), (140, 0)),
        ((1000, 500), (640, 640), (640, 320), (0, 160)),
        ((240, 320), (640, 640), (480, 640), (80, 0)),
        ((100, 99), (101, 101), (101, 100), (0, 0)),
        ((1, 5000), (640, 640), (1, 640), (319, 0)),
    ],
    ids=["same", "wide", "full HD", "tall", "enlarged", "odd padding goes right", "thin never vanishes"],
)
def test_fit(original: tuple, target: tuple, resized: tuple, offset: tuple) -> None:
    box = Letterbox.fit(original, target)
    assert (box.resized, box.offset) == (resized, offset)


def test_without_center_it_lies_in_the_upper_left_corner() -> None:
    assert Letterbox.fit((480, 640), (640, 640), center=False).offset == (0, 0)


@pytest.mark.parametrize(
    ("original", "target"),
    [((0, 5), (5, 5)), ((5, 0), (5, 5)), ((5, 5), (0, 5)), ((5, 5), (5, -1))],
    ids=["no rows", "no columns", "no target rows", "negative target"],
)
def test_sizes_below_one_pixel_are_refused(original: tuple, target: tuple) -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Letterbox.fit(original, target)


@given(SIZES, SIZES, st.booleans())
def test_the_image_fits_and_fills_one_side(original: tuple, target: tuple, center: bool) -> None:
    box = Letterbox.fit(original, target, center=center)
    for axis in (0, 1):
        assert box.resized[axis] >= 1
        assert box.offset[axis] >= 0
        assert box.offset[axis] + box.resized[axis] <= target[axis]
    assert box.resized[0] == target[0] or box.resized[1] == target[1]
    # undistorted to within the rounding to whole pixels
    scale = min(target[0] / original[0], target[1] / original[1])
    for axis in (0, 1):
        assert box.resized[axis] == 1 or abs(box.resized[axis] - original[axis] * scale) <= 0.5


@given(
    SIZES, SIZES, st.lists(st.tuples(st.floats(-100, 5000), st.floats(-100, 5000)), max_size=6), st.booleans()
)
def test_points_come_back_exactly(original: tuple, target: tuple, points: list, center: bool) -> None:
    box = Letterbox.fit(original, target, center=center)
    given_points = np.array(points, np.float64).reshape(-1, 2)
    back = box.to_image(box.to_input(given_points))
    # the padding is added and taken off again: half a unit of the last place of it, seen in image pixels
    tolerance = 1e-9 * max(1.0, float((1 / box.scale_xy).max()))
    np.testing.assert_allclose(back, given_points, rtol=1e-9, atol=tolerance)


@given(SIZES, SIZES)
def test_the_corners_of_the_image_are_the_corners_of_its_place(original: tuple, target: tuple) -> None:
    box = Letterbox.fit(original, target)
    corners = box.to_input([[0, 0], [original[1], original[0]]])
    (top, left), (height, width) = box.offset, box.resized
    np.testing.assert_allclose(corners, [[left, top], [left + width, top + height]], rtol=1e-12)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_boxes_round_trip(count: int) -> None:
    box = Letterbox.fit((1080, 1920), (640, 640))
    original = np.array([[10 * i, 20, 300 + i, 1080] for i in range(count)], np.float32).reshape(-1, 4)
    moved = box.boxes_to_input(original)
    assert (moved.dtype, moved.shape) == (np.float32, (count, 4))
    np.testing.assert_allclose(box.boxes_to_image(moved), original, atol=1e-3)


def test_points_of_any_leading_shape() -> None:
    assert Letterbox.fit((10, 20), (40, 40)).to_input(np.zeros((3, 5, 2))).shape == (3, 5, 2)


@pytest.mark.parametrize(
    ("original", "target"),
    [((480, 640), (640, 640)), ((300, 200), (333, 517)), ((97, 131), (416, 416)), ((1080, 1920), (384, 640))],
    ids=["padded", "odd", "enlarged", "shrunk"],
)
@pytest.mark.parametrize("center", [True, False], ids=["centered", "corner"])
def test_resized_pixels_land_where_to_input_says(original: tuple, target: tuple, center: bool) -> None:
    """A bright rectangle, resized and padded by OpenCV, has its middle and borders where `to_input` puts them."""
    box = Letterbox.fit(original, target, center=center)
    left, top, right, bottom = (
        original[1] // 8,
        original[0] // 6,
        original[1] - original[1] // 5,
        original[0] - original[0] // 9,
    )
    image = np.zeros(original, np.float32)
    image[top:bottom, left:right] = 1
    canvas = np.zeros(target, np.float64)
    y, x = box.offset
    height, width = box.resized
    canvas[y : y + height, x : x + width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    expected = box.boxes_to_input([[left, top, right, bottom]])[0]
    total = canvas.sum()
    # pixel i covers i to i + 1, so its middle is at i + 0.5
    middle = (
        (canvas.sum(0) * (np.arange(target[1]) + 0.5)).sum() / total,
        (canvas.sum(1) * (np.arange(target[0]) + 0.5)).sum() / total,
    )
    assert middle == pytest.approx(
        ((expected[0] + expected[2]) / 2, (expected[1] + expected[3]) / 2), abs=0.05
    )
    # half bright is where the border is
    row, column = canvas[int(middle[1])] > 0.5, canvas[:, int(middle[0])] > 0.5
    found = [
        np.argmax(row),
        np.argmax(column),
        len(row) - np.argmax(row[::-1]),
        len(column) - np.argmax(column[::-1]),
    ]
    np.testing.assert_allclose(found, expected, atol=0.51)
