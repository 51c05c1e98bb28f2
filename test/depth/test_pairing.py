# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images and their depth: the nearest in time, whichever comes first, and nothing kept for longer than needed."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.depth.pairing import Pairing

MS = 1_000_000
WAIT_S = 0.1


def shown(stamp_ms: float) -> LazyFrame:
    return LazyFrame(round(stamp_ms * MS), "camera", lambda: np.zeros((2, 2, 3), np.uint8))


def old(stamp_ms: float) -> LazyFrame:
    """An image that nobody waits for."""
    image = shown(stamp_ms)
    image.arrival_s -= 10.0
    return image


@pytest.mark.parametrize(
    ("depths_ms", "image_ms", "slop_s", "found"),
    [
        ([100, 133, 166], 133, 0.0, 133),
        ([100, 133, 166], 134, 0.0, None),
        ([100, 133, 166], 120, 0.05, 133),
        ([100, 133, 166], 115, 0.05, 100),
        ([100, 133, 166], 250, 0.05, None),
        ([100, 133, 166], 20, 0.05, None),
        ([100, 200], 150, 0.05, 100),
        ([], 100, 0.05, None),
    ],
)
@pytest.mark.parametrize("image_first", [False, True])
def test_the_nearest_within_the_slop(depths_ms, image_ms, slop_s, found, image_first) -> None:
    pairs: Pairing[int] = Pairing(slop_s, WAIT_S)
    image = old(image_ms)
    if image_first:
        pairs.expect(image)
    for each in depths_ms:
        pairs.add(each * MS, each)
    if not image_first:
        pairs.expect(image)
    assert pairs.get(image) == found
    assert pairs.get(image.frame()) == found  # the decoded one is the same image
    assert pairs.paired == (2 if found else 0)


def test_depth_that_is_on_its_way_is_waited_for() -> None:
    pairs: Pairing[str] = Pairing(0.05, WAIT_S)
    pairs.add(70 * MS, "before")  # near enough, but not the best
    image = shown(100)
    pairs.expect(image)
    threading.Timer(0.03, lambda: pairs.add(100 * MS, "same")).start()
    assert pairs.get(image) == "same"


def test_nobody_waits_for_longer_than_said_nor_for_a_dead_camera() -> None:
    pairs: Pairing[str] = Pairing(0.05, WAIT_S)
    image = shown(100)
    pairs.expect(image)
    began = time.monotonic()
    assert pairs.get(image) is None  # there was no depth at all
    assert time.monotonic() - began < WAIT_S / 2
    assert pairs.unpaired == 0
    pairs.add(80 * MS, "before")
    image = shown(100)
    pairs.expect(image)
    assert pairs.get(image) == "before"
    assert time.monotonic() - image.arrival_s >= WAIT_S


def test_closing_wakes_who_waits() -> None:
    pairs: Pairing[str] = Pairing(0.05, WAIT_S)
    pairs.add(0, "long ago")
    image = shown(1000)
    image.arrival_s += 60.0
    pairs.expect(image)
    threading.Timer(0.05, pairs.close).start()
    assert pairs.get(image) is None


def test_depth_lives_as_long_as_its_image_and_no_longer() -> None:
    class Depth:
        pass

    pairs: Pairing[Depth] = Pairing(0.0, WAIT_S)
    kept, dropped = old(0), old(1)
    alive = []
    for index in range(100):
        depth = Depth()
        alive.append(weakref.ref(depth))
        if index == 0:
            pairs.expect(kept)
        if index == 1:
            pairs.expect(dropped)
        pairs.add(index * MS, depth)
    del depth, dropped
    gc.collect()
    assert pairs.get(kept) is alive[0]()  # a slow detector has it in hand
    assert sum(each() is not None for each in alive) <= 1 + 10
    del kept
    gc.collect()
    assert alive[0]() is None


def test_time_that_starts_again() -> None:
    pairs: Pairing[int] = Pairing(0.05, WAIT_S)
    for each in (10_000, 10_033):
        pairs.add(each * MS, each)
    pairs.add(100 * MS, 100)
    image = old(110)
    pairs.expect(image)
    assert pairs.get(image) == 100
    assert pairs.off_s() == pytest.approx(-0.01)


def test_an_image_that_was_not_expected_has_no_depth() -> None:
    pairs: Pairing[int] = Pairing(0.05, WAIT_S)
    pairs.add(100 * MS, 1)
    assert pairs.get(shown(100)) is None
