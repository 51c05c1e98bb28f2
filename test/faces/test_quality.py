# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which faces tell who it is: sharpness and turn of the astronaut's face, changed in known ways."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.faces.options import LookOptions
from face_detect_ros.faces.quality import sharpness, tells_who, turn

BOX = np.array([184, 60, 262, 168], np.float32)  # as CenterFace puts it
FIVE = np.array([[205, 113], [242, 113], [224, 134], [208, 150], [240, 150]], np.float32)


def face(points: np.ndarray | None = None, box: np.ndarray = BOX) -> Detections:
    return Detections(
        box[None],
        [0.9],
        [0],
        landmarks=None if points is None else points[None],
        landmark_set="five_points",
    )


def moved(pixels: int, diagonal: bool) -> np.ndarray:
    kernel = np.zeros((pixels, pixels), np.float32)
    if diagonal:
        np.fill_diagonal(kernel, 1 / pixels)
    else:
        kernel[pixels // 2] = 1 / pixels
    return cv2.filter2D(astronaut(), -1, kernel)


@pytest.mark.parametrize(
    "blurred",
    {
        "out of focus": cv2.GaussianBlur(astronaut(), (0, 0), 5),
        "moved across": moved(25, diagonal=False),
        "moved along a diagonal": moved(25, diagonal=True),
    }.values(),
)
def test_blur_of_every_kind_costs_sharpness(blurred: np.ndarray) -> None:
    assert sharpness(blurred, BOX) < LookOptions().min_sharpness < sharpness(astronaut(), BOX) / 2
    assert not tells_who(blurred, face(), LookOptions())
    assert tells_who(astronaut(), face(), LookOptions())


def test_size_and_light_change_sharpness_little() -> None:
    usual = sharpness(astronaut(), BOX)
    double = cv2.resize(astronaut(), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    half = cv2.resize(astronaut(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    dark = (astronaut() * 0.3).astype(np.uint8)
    for image, box in ((double, BOX * 2), (half, BOX / 2), (dark, BOX)):
        assert sharpness(image, box) == pytest.approx(usual, rel=0.35)
    assert sharpness(np.full((512, 512, 3), 128, np.uint8), BOX) == 0


def test_a_face_beyond_the_border_is_measured_as_far_as_it_is_seen() -> None:
    assert sharpness(astronaut(), BOX + 400) >= 0
    assert sharpness(astronaut(), BOX - 1000) >= 0


@pytest.mark.parametrize(
    ("nose_x", "expected"),
    {"straight": (223.5, 0), "under an eye": (242, 0.5), "profile": (260.5, 1)}.values(),
)
def test_turn(nose_x: float, expected: float) -> None:
    points = FIVE.copy()
    points[2, 0] = nose_x
    assert turn(face(points)) == pytest.approx(expected, abs=1e-3)
    # the same of a head that lies on its side
    assert turn(face(points[:, ::-1].copy())) == pytest.approx(expected, abs=1e-3)
    assert tells_who(astronaut(), face(points), LookOptions()) == (expected <= 0.5)


def test_turn_of_dlibs_points_and_without_points() -> None:
    corners = np.array([[250, 113], [234, 113], [197, 113], [213, 113], [242, 140]], np.float32)
    made = Detections(BOX[None], [0.9], [0], landmarks=corners[None], landmark_set="eye_corners")
    assert turn(made) == pytest.approx(0.5, abs=1e-3)
    assert turn(face()) == 0
    assert turn(face(np.zeros((5, 2), np.float32))) == np.inf


def test_small_faces_tell_nothing() -> None:
    assert not tells_who(
        astronaut(), face(box=BOX[:2].repeat(2)[[0, 2, 1, 3]] + np.float32([0, 0, 15, 40])), LookOptions()
    )


@pytest.mark.parametrize("name", ["min_face_px", "min_sharpness", "max_turn"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_options_that_cannot_be(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        LookOptions(**{name: value})
