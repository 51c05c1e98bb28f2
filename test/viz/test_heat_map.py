# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A heat map over an image."""

import numpy as np
import pytest

from face_detect_ros.core.errors import ImageError
from face_detect_ros.viz.heat_map import blend_heat_map

GREY = np.full((20, 30, 3), 128, np.uint8)


def test_without_heat_the_image_stays() -> None:
    blended = blend_heat_map(GREY, np.zeros((20, 30), np.float32))
    assert (blended == GREY).all()
    assert blended is not GREY


def test_heat_goes_from_blue_to_red_and_hides_more() -> None:
    heat = np.tile(np.linspace(0, 1, 30, dtype=np.float32), (20, 1))
    before = GREY.copy()
    blended = blend_heat_map(GREY, heat).astype(int)
    assert (before == GREY).all()
    cool, hot = blended[0, 6], blended[0, 28]
    assert cool[2] > cool[0]
    assert hot[0] > 1.3 * max(hot[1], hot[2])
    change = np.abs(blended - 128).sum(axis=2)[0]
    assert change[0] == 0
    assert change[28] > change[4] > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_fit_into_eight_bits(dtype: type) -> None:
    for level in (0, 255):
        picture = np.full((2, 2, 3), level, np.uint8)
        blended = blend_heat_map(picture, np.ones((2, 2), dtype))
        assert blended.dtype == np.uint8
        assert np.abs(blended.astype(int) - level).max() <= 180  # 0.7 of 255, and rounding


def test_a_view_of_an_image() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    heat = np.full((20, 30), 0.5, np.float32)
    expected = blend_heat_map(np.ascontiguousarray(picture[::-1, :, ::-1]), heat)
    assert (blend_heat_map(picture[::-1, :, ::-1], heat) == expected).all()


def test_one_pixel() -> None:
    assert blend_heat_map(np.zeros((1, 1, 3), np.uint8), np.ones((1, 1), np.float32)).shape == (1, 1, 3)


@pytest.mark.parametrize(
    "heat",
    [
        np.zeros((30, 20), np.float32),
        np.full((20, 30), 1.5, np.float32),
        np.full((20, 30), -0.1, np.float32),
        np.full((20, 30), np.nan, np.float32),
    ],
    ids=["other_size", "above_1", "below_0", "nan"],
)
def test_a_heat_map_that_does_not_fit(heat: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a heat map"):
        blend_heat_map(GREY, heat)


def test_no_image() -> None:
    with pytest.raises(ImageError):
        blend_heat_map(GREY[..., 0], np.zeros((20, 30), np.float32))
