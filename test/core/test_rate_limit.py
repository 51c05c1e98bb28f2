# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""At most so many per second, evenly."""

import numpy as np
import pytest

from face_detect_ros.core.rate_limit import RateLimit


@pytest.mark.parametrize(
    ("input_hz", "most_hz", "passed"),
    [(30, 10, 100), (30, 0, 300), (30, 100, 300), (30, 20, 200), (7, 2, 20)],
)
@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
def test_the_rate_stays_below_the_limit(input_hz, most_hz, passed, jitter_s):
    limit, rng = RateLimit(), np.random.default_rng(0)
    times = np.arange(input_hz * 10) / input_hz + rng.uniform(0, jitter_s, input_hz * 10)
    count = sum(limit.allows(time, most_hz) for time in times)
    assert passed * 0.95 <= count <= passed + 1


def test_a_pause_is_not_made_up_for():
    limit = RateLimit()
    assert limit.allows(0.0, 10)
    assert [limit.allows(60 + n * 0.01, 10) for n in range(10)].count(True) <= 2
