# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Polygons as people write them."""

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.polygons import parse_polygon

SQUARE = "10,10 30,10 30,20 10,20"

INSIDE = {
    "middle": (SQUARE, (20, 15), True),
    "left": (SQUARE, (9, 15), False),
    "below": (SQUARE, (20, 21), False),
    "edge": (SQUARE, (30, 15), True),
    "corner": (SQUARE, (10, 10), True),
    "edge of the image": ("0,0.5 1,0.5 1,1 0,1", (50, 100), True),
    "half": ("0,0.5 1,0.5 1,1 0,1", (50, 49), False),
    "relative to the width": ("0,0 0.1,0 0.1,1 0,1", (19, 50), True),
    "not of the height": ("0,0 0.1,0 0.1,1 0,1", (21, 50), False),
    "counterclockwise": ("10,20 30,20 30,10 10,10", (20, 15), True),
    "notch": ("0,0 60,0 60,60 30,20 0,60", (30, 40), False),
    "bow tie": ("0,0 60,60 60,0 0,60", (55, 30), True),
    "outside of a bow tie": ("0,0 60,60 60,0 0,60", (30, 5), False),
}


@pytest.mark.parametrize(("text", "point", "inside"), INSIDE.values(), ids=INSIDE)
def test_what_is_inside(text, point, inside):
    assert parse_polygon(text).contains(np.array([point]), 200, 100).tolist() == [inside]


def test_any_number_of_points_and_the_same_as_opencv():
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 100, (500, 2))
    for corners in rng.uniform(0, 100, (20, 7, 2)).astype(np.float32):
        text = " ".join(f"{x:.6f},{y:.6f}" for x, y in corners)
        theirs = [cv2.pointPolygonTest(corners, (float(x), float(y)), False) >= 0 for x, y in points]
        assert parse_polygon(text).contains(points, 100, 100).tolist() == theirs
    assert parse_polygon(SQUARE).contains(np.empty((0, 2)), 100, 100).shape == (0,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 corners"),
        ("0,0 1,1", "has 2 corners; give 3 to 100"),
        ("0,0 1;1 1,0", "'1;1' is not a corner"),
        ("0,0 1,1,1 1,0", "is not a corner"),
        ("a,b c,d e,f", "is not a corner"),
        ("0,0 nan,1 1,0", "from 0 on"),
        ("0,0 -1,1 1,0", "from 0 on"),
        ("0,0 inf,1 1,0", "from 0 on"),
        ("0,0 1,1 2,2", "has no area"),
        ("1,1 1,1 1,1", "has no area"),
        (" ".join(["1,2"] * 101), "101 corners"),
    ],
)
def test_what_is_not_a_polygon(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_polygon(text)
