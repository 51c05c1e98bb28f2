# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Following one thing among many."""

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.tracking.selection import Selection

LABELS = ("person", "dog")
SECOND = 10**9
# track: (box, class)
THINGS = {
    1: ((0, 0, 40, 100), 0),
    2: ((100, 0, 180, 200), 0),
    3: ((120, 50, 150, 90), 1),  # in front of 2
}


class Scene:
    """Shows things to a selection, ten images a second."""

    def __init__(self, lost_age_s=10.0):
        self.selection = Selection(lost_age_s)
        self.now_s = 100.0
        self.size = (640, 480)

    def show(self, things=THINGS, names=None, renamed=None):
        """The track that is followed, or None."""
        self.now_s += 0.1
        boxes = [box for box, _ in things.values()]
        found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(things), 0.9),
            [class_id for _, class_id in things.values()],
            track_ids=list(things),
        )
        names = None if names is None else [names.get(track) for track in things]
        index = self.selection.update(
            found, LABELS, names, self.stamp_ns, size=self.size, renamed=renamed or {}
        )
        return None if index is None else list(things)[index]

    @property
    def stamp_ns(self):
        return round(self.now_s * SECOND)

    def wish(self, text):
        self.selection.wish(text)
        return self.show()


@pytest.mark.parametrize(
    ("text", "track"),
    [
        ("", None),
        ("#1", 1),
        ("2", 2),
        ("#9", None),
        ("person", 2),
        ("Dog", 3),
        ("cat", None),
        ("cat, dog", 3),
    ],
)
def test_what_a_wish_means(text, track):
    assert Scene().wish(text) == track


def test_a_name_is_found_and_kept():
    scene = Scene()
    scene.selection.wish("ann")
    assert scene.show(names={2: "Bob"}) is None
    assert scene.show(names={1: "Ann", 2: "Bob"}) == 1
    assert scene.show() == 1, "her name is not seen in each image"
    moved = {8: THINGS[1], 2: THINGS[2]}
    assert scene.show(moved, names={8: "Bob"}) is None, "somebody else in her place"
    assert scene.show(moved, names={8: "Ann"}) == 8


def test_the_largest_is_kept_though_another_grows():
    scene = Scene()
    assert scene.wish("person") == 2
    assert scene.show({1: ((0, 0, 500, 500), 0), 2: THINGS[2]}) == 2


@pytest.mark.parametrize(
    ("point", "track"), [((20, 50), 1), ((110, 150), 2), ((130, 60), 3), ((300, 60), None), ((180, 200), 2)]
)
def test_a_click_means_the_smallest_box_around_it(point, track):
    scene = Scene()
    scene.wish("#1")
    scene.selection.point(*point)
    assert scene.show() == track
    assert scene.show() == track


def test_a_click_on_an_image_of_a_moment_ago():
    scene = Scene()
    scene.show()
    then = scene.stamp_ns
    moved = {1: ((400, 0, 440, 100), 0), 2: THINGS[2]}
    scene.show(moved)
    scene.selection.point(20, 50, then)
    assert scene.show(moved) == 1
    scene.selection.point(20, 50)
    assert scene.show(moved) is None


def test_a_click_among_images_with_equal_stamps_means_the_newest():
    scene = Scene()
    moved = {1: THINGS[2], 2: THINGS[1]}
    for things in (THINGS, moved):
        scene.now_s = 100.0
        scene.show(things)
    scene.selection.point(20, 50, scene.stamp_ns)
    scene.now_s = 100.0
    assert scene.show(moved) == 2


def test_a_short_loss_is_survived_and_a_long_one_is_not():
    scene = Scene(lost_age_s=1.0)
    scene.wish("#1")
    for _ in range(8):
        assert scene.show({2: THINGS[2]}) is None
    assert scene.show() == 1
    for _ in range(12):
        scene.show({2: THINGS[2]})
    scene.selection.point(20, 50)
    assert scene.show() == 1
    for _ in range(12):
        scene.show({2: THINGS[2]})
    assert scene.show() is None


def test_a_class_is_chosen_anew_after_a_long_loss():
    scene = Scene(lost_age_s=1.0)
    assert scene.wish("person") == 2
    assert scene.show({1: THINGS[1]}) is None
    for _ in range(12):
        last = scene.show({1: THINGS[1]})
    assert last == 1


NEW_TRACKS = {
    "same place": ((105, 5, 185, 210), 0, 9),
    "far away": ((600, 0, 680, 200), 0, None),
    "another class": ((105, 5, 185, 210), 1, None),
    "another size": ((130, 60, 150, 90), 0, None),
}


@pytest.mark.parametrize(("box", "class_id", "track"), NEW_TRACKS.values(), ids=NEW_TRACKS)
def test_a_new_track_near_the_lost_one_goes_on_as_it(box, class_id, track):
    scene = Scene()
    scene.wish("#2")
    scene.show({1: THINGS[1]})
    assert scene.show({1: THINGS[1], 9: (box, class_id)}) == track


@pytest.mark.parametrize("clicked", [False, True], ids=["followed", "clicked on in an image before"])
def test_images_of_another_size(clicked):
    scene = Scene()
    assert scene.wish("" if clicked else "#1") == (None if clicked else 1)
    then, scene.size = scene.stamp_ns, (1920, 1440)
    if clicked:
        scene.selection.point(20, 50, then)
    assert scene.show({8: ((0, 0, 40, 100), 0), 9: ((0, 0, 120, 300), 0)}) == 9


def test_an_old_track_nearby_does_not():
    scene = Scene()
    scene.wish("#2")
    assert scene.show({1: THINGS[2]}) is None


def test_an_old_track_that_was_hidden_for_a_moment_does_not():
    scene = Scene()
    scene.wish("#1")
    scene.show({1: THINGS[1]})
    assert scene.show({2: THINGS[1]}) is None


def test_a_track_that_gets_its_earlier_id_back_is_followed_on():
    scene = Scene()
    scene.show({5: THINGS[1]})
    scene.selection.point(20, 50)
    assert scene.show({5: THINGS[1]}) == 5
    assert scene.show({1: THINGS[1]}, renamed={5: 1}) == 1
    assert scene.selection.track == 1


def test_a_click_on_an_image_of_before_the_earlier_id_came_back():
    scene = Scene()
    scene.show({5: THINGS[1]})
    then = scene.stamp_ns
    scene.show({1: THINGS[1]}, renamed={5: 1})
    scene.selection.point(20, 50, then)
    assert scene.show({1: THINGS[1]}) == 1


def test_the_track_that_is_followed():
    scene = Scene()
    assert scene.selection.track is None
    scene.wish("#9")
    assert scene.selection.track == 0
    scene.wish("cat")
    assert scene.selection.track is None, "nothing is followed before there is one"
    scene.wish("")
    scene.selection.point(20, 50)
    assert scene.selection.track == 0, "the next image says what is there"
    scene.show()
    assert scene.selection.track == 1
    scene.selection.point(600, 400)
    assert scene.selection.track == 0
    scene.show()
    assert scene.selection.track is None


def test_the_status_says_what_is_followed():
    scene = Scene()
    assert scene.selection.status == ""
    scene.wish("cat")
    assert scene.selection.status == "waiting for cat"
    scene.wish("person")
    assert scene.selection.status == "#2 person"
    scene.show({1: THINGS[1]})
    assert scene.selection.status == "#2 person (lost)"
    scene.wish("")
    assert scene.selection.status == ""


def test_nothing_to_see():
    scene = Scene()
    scene.selection.point(1, 1)
    assert scene.show({}) is None
