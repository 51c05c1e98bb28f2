# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Time by the stamps of images."""

import pytest

from face_detect_ros.core.stamps import UNSTAMPED_STEP_S, StampClock

MS = 1_000_000
S = 1000 * MS
STEP = UNSTAMPED_STEP_S


@pytest.mark.parametrize(
    ("stamps_ns", "image_s", "now_s"),
    [
        pytest.param([5 * S], [0.0], [0.0], id="the first is the start"),
        pytest.param([5 * S, 6 * S, 6 * S + S // 2], [0.0, 1.0, 1.5], [0.0, 1.0, 1.5], id="time passes"),
        pytest.param([0, 0, 0], [0.0, STEP, 2 * STEP], [0.0, STEP, 2 * STEP], id="without stamps"),
        pytest.param([S, S, S], [0.0, STEP, 2 * STEP], [0.0, STEP, 2 * STEP], id="constant stamps"),
        pytest.param(
            [5 * S, 8 * S, 3 * S, 4 * S], [0.0, 3.0, 0.0, 1.0], [0.0, 3.0, 0.0, 1.0], id="a restart"
        ),
        pytest.param([5 * S, 6 * S, 6 * S - 30 * MS, 7 * S], [0.0, 1.0, 0.97, 2.0], [0, 1, 1, 2], id="late"),
        pytest.param([5 * S, 4 * S, 6 * S], [0.0, -1.0, 1.0], [0, 0, 1], id="older than the first"),
        pytest.param(
            [5 * S, 6 * S, 0, 7 * S],
            [0.0, 1.0, 1 + STEP, 2 + STEP],
            [0.0, 1.0, 1 + STEP, 2 + STEP],
            id="one 0",
        ),
    ],
)
def test_time(stamps_ns: list[int], image_s: list[float], now_s: list[float]) -> None:
    clock = StampClock()
    seen = []
    for stamp_ns in stamps_ns:
        clock.advance(stamp_ns)
        seen.append((clock.image_s, clock.now_s))
        assert clock.late == (clock.image_s < clock.now_s)
    assert [image for image, _ in seen] == pytest.approx(image_s)
    assert [now for _, now in seen] == pytest.approx(now_s)


def test_only_a_jump_of_seconds_is_a_restart() -> None:
    clock = StampClock()
    assert [clock.advance(stamp) for stamp in (9 * S, 8 * S, 10 * S, 7 * S, 8 * S)] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert clock.images == 2


def test_late_images_are_not_counted() -> None:
    clock = StampClock()
    for stamp_ns in (S, S - 20 * MS, S + 40 * MS, S + 20 * MS, S + 80 * MS):
        clock.advance(stamp_ns)
    assert clock.images == 3


def test_equal_stamps_are_told_apart_by_arrival() -> None:
    clock = StampClock()
    for arrival_s in (100.0, 100.5, 102.0):
        clock.advance(0, arrival_s)
    assert clock.now_s == pytest.approx(2.0)


def test_a_source_that_was_set_back_a_little_goes_on() -> None:
    clock = StampClock()
    for step in range(10):
        clock.advance(10 * S + step * 100 * MS)
    before_s = clock.now_s
    for step in range(20):  # a loop of one second, or a clock that was corrected
        clock.advance(9 * S + step * 50 * MS)
    assert not clock.late
    assert before_s < clock.now_s < before_s + 1.0
