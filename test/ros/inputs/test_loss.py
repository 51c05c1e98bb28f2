# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many images of a stream are missing, by their stamps."""

import time

import numpy as np
import pytest

from face_detect_ros.ros.inputs.loss import LossMeter


def rates(stamps_s):
    meter = LossMeter()
    now_s = time.monotonic()
    for stamp_s in stamps_s:
        meter.add(round(stamp_s * 1e9), now_s)
    return meter.rates()


RANDOM = np.random.default_rng(0)
STEADY = np.arange(100) / 20
LOSSES = {
    "nothing": (STEADY, 0.0),
    "jitter": (STEADY + RANDOM.uniform(-0.004, 0.004, 100), 0.0),
    "every third": (np.delete(STEADY, np.arange(1, 100, 3)), 1 / 3),
    "one in four at random": (STEADY[RANDOM.permutation(100)[:75]], 0.25),
    "a long gap": (np.concatenate([STEADY[:40], STEADY[60:]]), 0.2),
}


@pytest.mark.parametrize(("stamps_s", "lost"), LOSSES.values(), ids=LOSSES)
def test_the_share_that_is_lost(stamps_s, lost):
    arriving, published = rates(stamps_s)
    assert published == pytest.approx(20, rel=0.05)
    assert 1 - arriving / published == pytest.approx(lost, abs=0.04)


@pytest.mark.parametrize(
    "stamps_s", [[], [1.0], [0.0] * 100, STEADY[:5]], ids=["none", "one", "equal", "few"]
)
def test_too_little_to_tell(stamps_s):
    assert rates(stamps_s) is None
