# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Live figures: percentiles, rates and throttling, with a clock that the test sets."""

from __future__ import annotations

import math
import threading

import pytest

from face_detect_ros.core import statistics
from face_detect_ros.core.statistics import DurationWindow, RateMeter, Throttle


class Clock:
    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(statistics, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([5.0], 50, 5.0), ([1.0, 2.0, 3.0], 50, 2.0), ([1.0, 2.0, 3.0], 100, 3.0), ([0.0, 10.0], 95, 9.5)],
    ids=["one", "median", "largest", "between"],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    window = DurationWindow()
    for value in values:
        window.add(value)
    assert window.percentile(percent) == pytest.approx(expected)


def test_an_empty_window_has_no_percentile() -> None:
    window = DurationWindow()
    assert math.isnan(window.percentile(50))
    window.add(1)
    window.clear()
    assert math.isnan(window.percentile(50))


def test_the_window_forgets_the_oldest() -> None:
    window = DurationWindow(size=3)
    for value in range(10):
        window.add(value)
    assert window.percentile(0) == 7


def test_adding_and_reading_at_once() -> None:
    window = DurationWindow(size=50)

    def add() -> None:
        for value in range(2000):
            window.add(value)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        window.percentile(50)
    assert 0 <= window.percentile(50) < 2000


def test_rate_of_a_steady_stream(clock: Clock) -> None:
    meter = RateMeter(window_s=5.0)
    for _ in range(300):
        clock.now_s += 0.1
        meter.tick()
    assert meter.hz() == pytest.approx(10.0, rel=0.03)


def test_a_young_meter_divides_by_its_age(clock: Clock) -> None:
    meter = RateMeter(window_s=5.0)
    assert meter.hz() == 0.0
    for _ in range(10):
        clock.now_s += 0.1
        meter.tick()
    assert meter.hz() == pytest.approx(10.0)


def test_a_stream_that_stopped_has_rate_0(clock: Clock) -> None:
    meter = RateMeter(window_s=5.0)
    meter.tick()
    clock.now_s += 5.1
    assert meter.hz() == 0.0


def test_a_throttle_lets_each_key_through_once_a_period(clock: Clock) -> None:
    throttle = Throttle(2.0)
    assert throttle.allows("a")
    assert throttle.allows("b")
    assert not throttle.allows("a")
    clock.now_s += 1.9
    assert not throttle.allows("a")
    clock.now_s += 0.2
    assert throttle.allows("a")


def test_two_throttles_do_not_share() -> None:
    assert Throttle(10).allows("a")
    assert Throttle(10).allows("a")
