"""Time by the stamps of pictures."""

import itertools

import pytest

from face_detect_ros.core.stamps import UNSTAMPED_STEP_S, StampClock

S = 1_000_000_000


@pytest.mark.parametrize(
    ("stamps_ns", "now_s"),
    [
        pytest.param([5 * S], [0.0], id="the first is the start"),
        pytest.param([5 * S, 6 * S, 6 * S + S // 2], [0.0, 1.0, 1.5], id="time passes"),
        pytest.param([0, 0, 0], [0.0, UNSTAMPED_STEP_S, 2 * UNSTAMPED_STEP_S], id="without stamps"),
        pytest.param([5 * S, 7 * S, 3 * S, 4 * S], [0.0, 2.0, 0.0, 1.0], id="a bag starts again"),
    ],
)
def test_time(stamps_ns: list[int], now_s: list[float]) -> None:
    clock = StampClock()
    seen, ahead = [], []
    for stamp_ns in stamps_ns:
        ahead.append(clock.advance(stamp_ns))
        seen.append(clock.now_s)
    assert seen == pytest.approx(now_s)
    assert ahead == [True] + [b >= a for a, b in itertools.pairwise(stamps_ns)]
