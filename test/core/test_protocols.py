# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Options of a detector, and the errors that all bad input ends in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from face_detect_ros.core import errors
from face_detect_ros.core.protocols import DetectOptions, StageTimes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score_threshold", -0.1),
        ("score_threshold", 1.1),
        ("score_threshold", float("nan")),
        ("iou_threshold", 2.0),
        ("max_detections", 0),
        ("min_size_px", -1),
    ],
    ids=str,
)
def test_options_out_of_range_say_which_and_what_to_give(name: str, value: float) -> None:
    with pytest.raises(errors.ConfigError, match=rf"{name} is .*; give"):
        DetectOptions(**{name: value})


@pytest.mark.parametrize(
    "options",
    [{}, {"score_threshold": 0.0, "iou_threshold": 0.0}, {"score_threshold": 1.0, "iou_threshold": 1.0}],
    ids=["defaults", "lowest", "highest"],
)
def test_options_at_the_limits_are_fine(options: dict) -> None:
    DetectOptions(**options)


def test_options_and_times_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        DetectOptions().score_threshold = 0.1  # type: ignore[misc]
    assert StageTimes() == StageTimes(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "error",
    [
        "ConfigError",
        "DeviceError",
        "WeightsError",
        "SourceError",
        "OutputError",
        "DetectorError",
        "ImageError",
    ],
)
def test_every_error_for_bad_input_is_a_perception_error(error: str) -> None:
    assert issubclass(getattr(errors, error), errors.PerceptionError)


def test_an_image_error_carries_its_reason() -> None:
    error = errors.ImageError("step", "step 3 is smaller than a row of 9 bytes")
    assert (error.reason, str(error)) == ("step", "step 3 is smaller than a row of 9 bytes")
