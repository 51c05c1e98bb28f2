# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What appears, leaves, is recognized, enters and leaves zones: each once, and only if it lasts."""

import json

import pytest

from face_detect_ros.tracking.events import EventWatch, Thing

SECOND = 10**9


def thing(track=7, name=None, zones=()):
    return Thing(track, "person", (1.0, 2.0, 3.04, 4.0), name, frozenset(zones))


def watch(images, rate_hz=10.0, debounce_s=0.5, start_s=100.0):
    """[(seconds since the first image, event, zone)] for a list of images, each a list of things."""
    watching, told = EventWatch(debounce_s), []
    for number, things in enumerate(images):
        stamp_ns = round((start_s + number / rate_hz) * SECOND)
        for event in watching.update(things, stamp_ns):
            told.append((round(event.stamp_ns / SECOND - start_s, 3), event.kind, event.zone))
    return told


def test_it_appears_and_leaves_with_the_stamps_of_the_change():
    images = [[]] * 3 + [[thing()]] * 20 + [[]] * 10
    assert watch(images) == [(0.3, "appeared", ""), (2.3, "left", "")]


def test_what_does_not_last_is_no_event():
    blink = [[]] * 5 + [[thing()]] * 4 + [[]] * 20
    assert watch(blink) == []
    gaps = [[thing()]] * 10 + [[]] * 4 + [[thing()]] * 10
    assert watch(gaps) == [(0.0, "appeared", "")]


@pytest.mark.parametrize("rate_hz", [0.5, 2.0, 10.0, 60.0])
def test_any_rate(rate_hz):
    seconds = lambda s: max(4, round(s * rate_hz))  # noqa: E731
    images = [[thing()]] * seconds(5) + [[]] + [[thing()]] * seconds(5) + [[]] * seconds(5)
    assert [kind for _, kind, _ in watch(images, rate_hz)] == ["appeared", "left"]


def test_a_trembling_box_on_the_border_of_a_zone():
    inside, outside = [thing(zones=["door"])], [thing()]
    images = [outside] * 10 + [inside, outside] * 10 + [inside] * 10 + [outside, inside] * 5 + [outside] * 10
    assert [kind for _, kind, zone in watch(images) if zone] == ["entered", "left"]


def test_who_disappears_leaves_the_zones_first():
    images = [[thing(zones=["door", "hall"])]] * 20 + [[]] * 10
    kinds = [(kind, zone) for _, kind, zone in watch(images)]
    assert kinds == [
        ("appeared", ""), ("entered", "door"), ("entered", "hall"),
        ("left", "door"), ("left", "hall"), ("left", ""),
    ]  # fmt: skip


def test_what_appears_in_a_zone_enters_with_the_same_stamp():
    inside, outside = [thing(zones=["door"])], [thing()]
    assert watch([[]] * 3 + [inside] * 10) == [(0.3, "appeared", ""), (0.3, "entered", "door")]
    assert watch([inside] * 3 + [outside] * 20) == [(0.0, "appeared", "")]
    assert watch([outside] * 3 + [inside] * 20) == [(0.0, "appeared", ""), (0.3, "entered", "door")]


def test_recognition_is_told_once_after_the_appearance():
    images = (
        [[thing()]] * 2 + [[thing(name="Ann")]] * 20 + [[thing(name=None)]] * 3 + [[thing(name="Ann")]] * 5
    )
    assert [kind for _, kind, _ in watch(images)] == ["appeared", "recognized"]
    assert [kind for _, kind, _ in watch([[thing(name="Ann")]] * 10 + [[thing(name="Bob")]])][1:] == [
        "recognized"
    ] * 2


def test_who_returns_appears_again():
    images = [[thing()]] * 10 + [[]] * 10 + [[thing()]] * 10
    assert [kind for _, kind, _ in watch(images)] == ["appeared", "left", "appeared"]


FIRST = ["appeared 1", "recognized 1", "entered 1 door"]
SECOND_TRACK = ["appeared 2", "recognized 2", "entered 2 door", "left 2 door", "left 2"]
LEAVES = ["left 1 door", "left 1"]


@pytest.mark.parametrize(
    ("away", "together", "shown", "expected"),
    [
        (20, 0, 20, [*FIRST, *LEAVES, *SECOND_TRACK, *FIRST, *LEAVES]),
        (20, 0, 3, [*FIRST, *LEAVES, *FIRST, *LEAVES]),
        (1, 0, 2, [*FIRST, *LEAVES]),
        (0, 10, 1, [*FIRST, *SECOND_TRACK, *LEAVES]),
    ],
    ids=["the earlier one left", "not yet reported", "just gone, not yet reported", "both reported"],
)
def test_a_track_that_gets_its_earlier_id_back_leaves_and_goes_on_with_that(away, together, shown, expected):
    watching, told = EventWatch(), []
    first, second = (thing(track, "Ann", ["door"]) for track in (1, 2))
    before = [[first]] * 20 + [[]] * away + [[first, second]] * together + [[second]] * shown
    for number, things in enumerate(before + [[first]] * 20 + [[]] * 10):
        renamed = {2: 1} if number == len(before) else {}
        told += watching.update(things, (1000 + number) * SECOND // 10, renamed=renamed)
    assert [f"{event.kind} {event.thing.track} {event.zone}".strip() for event in told] == expected


def test_when_time_starts_again_all_have_left():
    watching = EventWatch(0.0)
    kinds = []
    for number in range(5):
        kinds += [e.kind for e in watching.update([thing()], 500 * SECOND + number)]
    for number in range(5):
        kinds += [(e.kind, e.thing.track) for e in watching.update([thing(8)], 100 * SECOND + number)]
    assert kinds == ["appeared", ("left", 7), ("appeared", 8)]


def test_two_things_and_late_images():
    watching = EventWatch(0.2)
    told = []
    for number in range(10):
        things = [thing(1), thing(2)] if number < 9 else [thing(2)]
        told += watching.update(things, (100 + number) * SECOND // 10)
        told += watching.update([], (100 + number) * SECOND // 10 - 5)  # late, and empty
    assert [(e.kind, e.thing.track) for e in told] == [("appeared", 1), ("appeared", 2)]


def test_the_json():
    watching = EventWatch()
    for number in range(8):
        told = watching.update([thing(name="Zoë", zones=["door"])], 10**18 + number * 10**8)
        if told:
            break
    appeared, recognized, entered = (json.loads(event.to_json("eye")) for event in told)
    assert appeared == {
        "event": "appeared",
        "track": 7,
        "class": "person",
        "name": "Zoë",
        "box": [1.0, 2.0, 3.0, 4.0],
        "stamp": {"sec": 10**9, "nanosec": 0},
        "frame_id": "eye",
    }
    assert (recognized["event"], recognized["stamp"]["nanosec"]) == ("recognized", number * 10**8)
    assert (entered["event"], entered["zone"], entered["stamp"]["nanosec"]) == ("entered", "door", 0)
