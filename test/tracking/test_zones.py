# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parameters roi and zones."""

import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.tracking.zones import Region, parse_areas

LEFT, RIGHT = "0,0 0.5,0 0.5,1 0,1", "0.5,0 1,0 1,1 0.5,1"
BOXES = np.array([[0, 0, 40, 100], [60, 0, 100, 100], [30, 0, 80, 20]], np.float32)  # of a 100x100 image


def keeps(region: Region) -> list[bool]:
    return region.keeps(BOXES, 100, 100).tolist()


@pytest.mark.parametrize(
    ("roi", "zones", "kept"),
    [
        ("", "", [True, True, True]),
        (LEFT, "", [True, False, False]),
        (f"{LEFT}; 60,0 99,0 99,99 60,99 ;", "", [True, True, False]),
        ("", f"!poster: {LEFT}", [False, True, True]),
        (LEFT, f"!all: {LEFT}", [False, False, False]),
        ("", f"door: {LEFT}", [True, True, True]),
    ],
)
def test_centers_decide_what_counts(roi, zones, kept):
    region = parse_areas(roi, zones).region
    assert keeps(region) == kept
    assert bool(region) == (kept != [True] * 3)
    assert region.keeps(BOXES[:0], 100, 100).shape == (0,)


def test_the_lower_edge_decides_who_is_in_a_zone():
    (floor,) = parse_areas("", "by the door : 0,0.9 1,0.9 1,1 0,1").zones
    assert floor.name == "by the door"
    assert floor.contains(BOXES, 100, 100).tolist() == [True, True, False]


def test_areas_of_several_cameras():
    cameras = ("front", "rear")
    roi, zones = f"front/{LEFT}", f"front/door: {LEFT}; rear/door: {RIGHT}; hall: {RIGHT}; front/!tv: {RIGHT}"
    front, rear = (parse_areas(roi, zones, cameras, name) for name in cameras)
    assert keeps(front.region) == [True, False, False]
    assert keeps(rear.region) == [True, True, True]
    assert [[zone.name for zone in areas.zones] for areas in (front, rear)] == [["door", "hall"]] * 2
    assert front.zones[0] != rear.zones[0]


@pytest.mark.parametrize(
    ("roi", "zones", "words"),
    [
        ("0,0 1", "", "parameter roi: polygon '0,0 1': '1' is not a corner"),
        ("top/0,0 1,0 1,1", "", "parameter roi: 'top' before the / is not a camera"),
        ("", LEFT, "parameter zones: .* has no name"),
        ("", f": {LEFT}", "has no name"),
        ("", f"do\nor!: {LEFT}", "has no name"),
        ("", "door: 0,0 1,1", "parameter zones: polygon"),
        ("", f"door: {LEFT}; door: {RIGHT}", "'door' occurs twice"),
        ("", f"rear/door: {LEFT}", "'rear' before the / is not a camera; no camera has a name"),
        (";".join([LEFT] * 51), "", "has 51 polygons"),
    ],
)
def test_what_cannot_be_used(roi, zones, words):
    with pytest.raises(ConfigError, match=words):
        parse_areas(roi, zones)
