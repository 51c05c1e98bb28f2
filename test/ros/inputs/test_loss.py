# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many images of a stream are missing, by their stamps."""

import time

import numpy as np
import pytest

from face_detect_ros.ros.inputs.loss import LossMeter


def rates(stamps_s, clock_s=0.0):
    """Of images that arrive as they are stamped; what `clock_s` adds to stamps was added by whoever set the clock."""
    meter = LossMeter()
    first_s = time.monotonic() - 4.99
    for stamp_s, more_s in zip(stamps_s, np.broadcast_to(clock_s, len(stamps_s)), strict=True):
        meter.add(round((stamp_s + more_s) * 1e9), first_s + stamp_s)
    return meter.rates()


RANDOM = np.random.default_rng(0)
STEADY = np.arange(100) / 20
LOSSES = {
    "nothing": (STEADY, 0.0),
    "jitter": (STEADY + RANDOM.uniform(-0.004, 0.004, 100), 0.0),
    "every third": (np.delete(STEADY, np.arange(1, 100, 3)), 1 / 3),
    "one in four at random": (STEADY[np.sort(RANDOM.permutation(100)[:75])], 0.25),
    "a long gap": (np.concatenate([STEADY[:40], STEADY[60:]]), 0.2),
}


@pytest.mark.parametrize(("stamps_s", "lost"), LOSSES.values(), ids=LOSSES)
def test_the_share_that_is_lost(stamps_s, lost):
    arriving, published = rates(stamps_s)
    assert published == pytest.approx(20, rel=0.05)
    assert 1 - arriving / published == pytest.approx(lost, abs=0.04)


BUSY = {
    "every image somewhat late": RANDOM.uniform(0, 0.045, 100),
    "one in ten late": np.where(RANDOM.random(100) < 0.1, 0.04, 0.0),
}


@pytest.mark.parametrize("late_s", BUSY.values(), ids=BUSY)
def test_a_busy_source_that_stamps_irregularly_is_not_called_lossy(late_s):
    assert rates(STEADY + late_s) is None


@pytest.mark.parametrize("jump_s", [-3600.0, -3.0, 3.0, 3600.0])
def test_a_clock_that_is_set_loses_nothing(jump_s):
    arriving, published = rates(STEADY, np.where(STEADY < 2, 0.0, jump_s))
    assert arriving == published == pytest.approx(20)


def test_images_out_of_order():
    stamps = STEADY.reshape(-1, 2)[:, ::-1].ravel()
    assert rates(stamps) == pytest.approx((20, 20))


@pytest.mark.parametrize(
    "stamps_s", [[], [1.0], [0.0] * 100, STEADY[:5]], ids=["none", "one", "equal", "few"]
)
def test_too_little_to_tell(stamps_s):
    assert rates(stamps_s) is None
