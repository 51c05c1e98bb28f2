# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which images are stale, and when the process stood still."""

import threading
import time

import pytest

from face_detect_ros.core.freshness import Freshness
from face_detect_ros.core.pauses import Pauses, of_this_process

SECOND = 10**9


class Camera:
    """A camera and a receiver, each with its clock."""

    def __init__(self, delay_s=0.05, clock_s=1e6):
        self.freshness, self.delay_s, self.clock_s = Freshness(), delay_s, clock_s
        self.now_s = 100.0

    def send(self, seconds=0.1, delay_s=None, stamp_s=None):
        """Whether an image that arrives so much later, with such a delay, is stale."""
        self.now_s += seconds
        clock_ns = round((self.now_s + self.clock_s) * SECOND)
        stamp_ns = clock_ns - round((self.delay_s if delay_s is None else delay_s) * SECOND)
        return self.freshness.stale(
            stamp_ns if stamp_s is None else round(stamp_s * SECOND), clock_ns, self.now_s
        )


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 3.0, -2.0], ids=str)
def test_what_waited_during_a_pause_is_stale(delay_s):
    camera = Camera(delay_s)
    assert not any(camera.send() for _ in range(20))
    # a pause of 10 s: what was queued comes in a burst, then new images
    assert [camera.send(10.0 if n == 0 else 0.001, delay_s + 10 - 0.1 * n) for n in range(4)] == [True] * 4
    assert not camera.send()


def test_what_is_not_stale():
    camera = Camera()
    assert not any(camera.send(delay_s=0.05 + 0.9 * (n % 2)) for n in range(30)), "jitter"
    assert not camera.send(30.0), "a camera that was away and sends new images"
    assert not camera.send(stamp_s=0), "no stamp"
    recording = Camera(delay_s=1e5)
    assert not any(recording.send(5.0, delay_s=1e5 + 5 * n) for n in range(20)), (
        "stepping through a recording"
    )
    assert not any(Camera().send(delay_s=9.0) for _ in range(1)), "the first image"


def test_a_delay_that_stays_is_accepted():
    camera = Camera()
    for _ in range(20):
        camera.send()
    stale = [camera.send(2.1 if n == 0 else 0.1, 2.0) for n in range(60)]
    assert 25 <= stale.count(True) <= 32
    assert stale[-1] is False


def test_a_clock_that_is_set_costs_nothing():
    camera = Camera()
    for _ in range(20):
        camera.send()
    camera.clock_s += 5  # only the receiver's: every image looks 5 s old now
    assert not any(camera.send(delay_s=5.05) for _ in range(20))


@pytest.mark.parametrize("back_s", [1.5, 5.0, 600.0], ids=str)
def test_a_camera_whose_clock_is_set_back_loses_nothing(back_s):
    camera = Camera()
    assert not any(camera.send() for _ in range(20))
    assert not any(camera.send(delay_s=0.05 + back_s) for _ in range(20))


def test_a_pause_is_noticed():
    now = [100.0]
    pauses = Pauses(lambda: now[0])
    arrival_s = time.monotonic()
    now[0] += 0.9
    assert not pauses.since(arrival_s)
    now[0] += 7.0
    assert pauses.since(arrival_s)
    assert pauses.latest_s == pytest.approx(7.0)
    assert not pauses.since(time.monotonic())


def test_one_thread_of_the_process_looks():
    first = of_this_process()
    assert of_this_process() is first
    assert [t.name for t in threading.enumerate()].count("pauses") == 1
    assert not first.since(time.monotonic())
