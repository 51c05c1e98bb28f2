# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""People and their faces: names that stay while they turn away, ids that come back with them."""

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.tracking import people
from face_detect_ros.tracking.people import KnownPersons, Who

ANN, NOBODY = Who("Ann", 0.9), Who(None, 0.0)


def at(*x: float, ids, kind: str) -> Detections:
    """People 100 px wide, or their faces, from the left at `x`."""
    boxes = [[v, 0, v + 100, 300] if kind == "people" else [v + 30, 10, v + 70, 50] for v in x]
    count = len(x)
    return Detections(
        np.array(boxes).reshape(-1, 4), np.full(count, 0.9), np.zeros(count), np.array(ids, np.int64)
    )


def see(known: KnownPersons, faces: dict, people: dict, now_s: float, images: int = 1) -> list:
    """[(id, name)] of the people, after some images. faces: {id: (x, who)}, people: {track: x}."""
    seen = at(*people.values(), ids=list(people), kind="people")
    for step in range(images):
        found = at(*(x for x, _ in faces.values()), ids=list(faces), kind="faces")
        known.update(found, [who for _, who in faces.values()], seen, now_s + step * 0.1)
    ids, whos = known.who(seen)
    return list(zip(ids.tolist(), [who.name for who in whos], strict=True))


def test_a_face_names_its_person():
    known = KnownPersons()
    assert see(known, {5: (0, ANN), 6: (200, NOBODY)}, {1: 0, 2: 200, 3: 400}, 0.0) == [
        (1, "Ann"),
        (2, None),
        (3, None),
    ]


def test_somebody_who_turns_away_keeps_the_name():
    known = KnownPersons()
    see(known, {5: (0, ANN)}, {1: 0}, 0.0)
    assert see(known, {}, {1: 30}, 0.5) == [(1, "Ann")]


def test_somebody_who_comes_back_keeps_the_id():
    known = KnownPersons()
    see(known, {5: (0, ANN)}, {1: 0}, 0.0, images=3)
    see(known, {}, {}, 20.0)
    assert see(known, {}, {9: 300}, 30.0) == [(9, None)]
    assert see(known, {5: (300, ANN)}, {9: 300}, 30.5, images=4) == [(1, "Ann")]
    assert see(known, {}, {9: 320}, 31.5) == [(1, "Ann")]


def test_a_moment_with_the_wrong_person_changes_no_id():
    known = KnownPersons()
    see(known, {5: (0, ANN)}, {1: 0}, 0.0, images=5)
    # her box is missed once, and somebody's behind her is found
    see(known, {5: (0, ANN)}, {2: 0}, 0.5)
    assert see(known, {5: (0, ANN)}, {1: 0, 2: 250}, 0.6, images=3) == [(1, "Ann"), (2, None)]


def test_no_two_people_have_one_id():
    known = KnownPersons()
    see(known, {5: (0, ANN)}, {1: 0}, 0.0, images=5)
    see(known, {5: (0, ANN)}, {2: 0}, 0.5, images=20)  # for long enough to be taken for her
    ids = [each for each, _ in see(known, {5: (0, ANN)}, {1: 0, 2: 250}, 3.0, images=3)]
    assert ids == [1, 2]


def test_an_earlier_track_that_is_continued_by_somebody_else_is_somebody_else():
    known = KnownPersons()
    for now_s, track in ((0.0, 1), (10.0, 5), (20.0, 7)):  # Ann comes back twice
        seen = see(known, {100: (0, ANN)}, {track: 0}, now_s, images=5)
        assert seen == [(1, "Ann")]
    for images in (1, 20):
        seen = see(known, {100: (0, ANN)}, {7: 0, 5: 300}, 30.0, images=images)
        assert seen == [(1, "Ann"), (5, None)]


def test_what_is_kept_of_people_is_bounded(monkeypatch):
    monkeypatch.setattr(people, "_MOST_FACES", 3)
    known = KnownPersons()
    see(known, {100: (0, ANN)}, {1: 0}, 0.0, images=3)
    assert see(known, {100: (0, ANN)}, {2: 0}, 0.5, images=3) == [(1, "Ann")]
    for other in range(10, 100, 2):  # who all come back, while Ann stays with her back turned
        for track in (other, other + 1):
            seen = see(known, {other: (300, NOBODY)}, {2: 0, track: 300}, other + track % 2 * 0.5, images=3)
            assert [each for each, _ in seen] == [1, other]
    assert len(known._ids) <= 4


def test_names_of_the_forgotten_go():
    known = KnownPersons()
    see(known, {5: (0, ANN)}, {1: 0}, 0.0)
    assert see(known, {5: (0, NOBODY)}, {1: 0}, 0.1) == [(1, None)]


@pytest.mark.parametrize("restart", [False, True])
def test_nobody_and_a_restart(restart):
    known = KnownPersons()
    see(known, {5: (0, ANN)}, {1: 0}, 0.0)
    if restart:
        known.reset()
    assert see(known, {}, {}, 1.0) == []
    assert see(known, {}, {1: 0}, 1.0) == [(1, None if restart else "Ann")]
