# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The arithmetic of pacing, on times that the test makes up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from face_detect_ros.sources.pacing import Backoff, Decimator, Pacer


def test_a_pacer_does_not_drift() -> None:
    pacer, now_s = Pacer(10.0), 100.0
    for index in range(1000):
        now_s += pacer.wait_s(now_s)
        assert now_s == pytest.approx(100.0 + index * 0.1)
        now_s += 0.03 if index % 2 else 0.09  # the work in between takes its time


def test_the_first_image_is_due_at_once() -> None:
    assert Pacer(1.0).wait_s(5.0) == 0.0


def test_a_pacer_makes_up_for_a_little_delay_but_never_bursts() -> None:
    pacer = Pacer(10.0)
    assert pacer.wait_s(0.0) == 0.0
    assert pacer.wait_s(0.15) == 0.0  # half a period late
    assert pacer.wait_s(0.15) == pytest.approx(0.05)  # back on the grid
    assert pacer.wait_s(5.0) == 0.0  # many are missed
    assert pacer.wait_s(5.0) == pytest.approx(0.1)  # and stay missed


@given(st.floats(1, 200), st.lists(st.floats(0, 0.5), min_size=1, max_size=50))
def test_a_pacer_never_exceeds_its_rate(rate_hz: float, work_s: list[float]) -> None:
    pacer, now_s, taken_s = Pacer(rate_hz), 0.0, []
    for duration_s in work_s:
        now_s += pacer.wait_s(now_s)
        taken_s.append(now_s)
        now_s += duration_s
    span_s = taken_s[-1] - taken_s[0]
    # one more for the fence post, one for the image that may come up to a period late
    assert len(taken_s) <= span_s * rate_hz + 2 + 1e-6


@pytest.mark.parametrize(
    ("camera_hz", "rate_hz", "expected"),
    [(30, 0, 300), (30, 30, 300), (30, 10, 100), (30, 20, 200), (30, 29, 290), (10, 30, 100), (60, 30, 300)],
    ids=str,
)
@pytest.mark.parametrize("jitter_s", [0.0, 0.004], ids=["steady", "jitter"])
def test_a_decimator_keeps_the_rate_on_average(
    camera_hz: int, rate_hz: int, expected: int, jitter_s: float
) -> None:
    decimator = Decimator(rate_hz)
    times = [i / camera_hz + (jitter_s if i % 3 == 1 else 0.0) for i in range(10 * camera_hz)]
    assert sum(decimator.takes(t) for t in times) == pytest.approx(expected, abs=3)


def test_a_decimator_does_not_make_up_for_a_pause() -> None:
    decimator = Decimator(10.0)
    assert decimator.takes(0.0)
    burst = [decimator.takes(5.0 + i / 100) for i in range(10)]
    assert sum(burst) <= 2


def test_backoff_doubles_up_to_its_limit() -> None:
    backoff = Backoff()
    assert [backoff.next_s(0.0) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_backoff_starts_again_after_the_source_worked_for_longer() -> None:
    backoff = Backoff()
    assert [backoff.next_s(worked_s) for worked_s in (0, 0, 0.9, 2.1, 0)] == [0.5, 1.0, 2.0, 0.5, 1.0]
