# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which face belongs to which person."""

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.tracking.linking import FaceLinks, affinity

Box = tuple[float, float, float, float]


def person(x: float, top: float = 100, height: float = 400) -> Box:
    """Somebody who stands, 0.4 times as wide as high."""
    return (x - 0.2 * height, top, x + 0.2 * height, top + height)


def face(x: float, top: float = 100, height: float = 400) -> Box:
    """The face of `person`."""
    return (x - 0.05 * height, top + 0.02 * height, x + 0.05 * height, top + 0.14 * height)


def tracked(boxes: dict[int, Box]) -> Detections:
    return Detections(
        np.array(list(boxes.values())).reshape(-1, 4), np.ones(len(boxes)), np.zeros(len(boxes)), list(boxes)
    )


@pytest.mark.parametrize(
    ("face_box", "person_box", "fits"),
    [
        pytest.param(face(200), person(200), True, id="whole person"),
        pytest.param((150, 150, 250, 270), (80, 110, 330, 420), True, id="head and shoulders"),
        pytest.param((150, 150, 250, 270), (140, 140, 260, 300), True, id="little more than a head"),
        pytest.param(face(260), person(200), True, id="leaning"),
        pytest.param((185, 230, 215, 265), (100, 100, 300, 500), False, id="at the chest"),
        pytest.param((195, 130, 205, 142), (100, 100, 300, 500), False, id="of somebody far behind"),
        pytest.param(face(300), person(200), False, id="beside"),
        pytest.param((0, 0, 0, 0), (0, 0, 0, 0), False, id="nothing"),
    ],
)
def test_affinity(face_box: Box, person_box: Box, fits: bool) -> None:
    value = affinity(np.array([face_box]), np.array([person_box])).item()
    assert 0.0 <= value <= 1.0
    assert (value >= 0.1) == fits


def test_every_face_finds_its_person() -> None:
    places = {1: 200, 2: 300, 3: 400}
    links = FaceLinks().update(
        tracked({10 + n: face(x) for n, x in places.items()}),
        tracked({n: person(x) for n, x in reversed(places.items())}),
        0.0,
    )
    assert links == {11: 1, 12: 2, 13: 3}


def test_a_person_has_one_face() -> None:
    links = FaceLinks().update(tracked({10: face(200), 11: face(210)}), tracked({1: person(205)}), 0.0)
    assert len(links) == 1


def test_people_who_pass_each_other_keep_their_faces() -> None:
    links = FaceLinks()
    for step in range(41):
        left, right = 100 + 10 * step, 500 - 10 * step
        found = links.update(
            tracked({10: face(left), 20: face(right)}),
            tracked({1: person(left), 2: person(right)}),
            step / 10,
        )
        assert found == {10: 1, 20: 2}


def test_a_wrong_link_is_mended_when_the_people_part() -> None:
    links = FaceLinks()
    assert links.update(tracked({10: face(200)}), tracked({2: person(210)}), 0.0) == {10: 2}
    for step in range(1, 20):
        found = links.update(
            tracked({10: face(200)}), tracked({1: person(200), 2: person(210 + 10 * step)}), step / 10
        )
    assert found == {10: 1}


def test_a_link_outlasts_a_face_that_turns_away() -> None:
    links = FaceLinks(max_age_s=5.0)
    links.update(tracked({10: face(200)}), tracked({1: person(200)}), 0.0)
    assert links.update(tracked({}), tracked({1: person(200)}), 4.0) == {10: 1}
    assert links.update(tracked({}), tracked({1: person(200)}), 5.5) == {}


def test_a_face_that_leaves_its_person_loses_the_link() -> None:
    links = FaceLinks()
    for step in range(30):
        found = links.update(tracked({10: face(200 + 10 * step)}), tracked({1: person(200)}), step / 10)
    assert found == {}


def test_unconfirmed_tracks_and_none_are_left_out() -> None:
    links = FaceLinks()
    assert links.update(tracked({-10: face(200)}), tracked({1: person(200)}), 0.0) == {}
    assert links.update(tracked({10: face(200)}), tracked({0: person(200)}), 0.1) == {}
    untracked = Detections([face(200)], [0.9], [0])
    assert links.update(untracked, untracked, 0.2) == {}
    assert links.update(tracked({}), tracked({}), 0.3) == {}


def test_reset_forgets() -> None:
    links = FaceLinks()
    links.update(tracked({10: face(200)}), tracked({1: person(200)}), 0.0)
    links.reset()
    assert links.update(tracked({}), tracked({}), 0.1) == {}
