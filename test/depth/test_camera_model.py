# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pixels to directions and back, against OpenCV and by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.depth.calibration import Calibration, Roi
from face_detect_ros.depth.camera_model import CameraModel

K = (517.0, 0.0, 309.0, 0.0, 515.0, 223.0, 0.0, 0.0, 1.0)
P = (533.0, 0.0, 302.0, 0.0, 0.0, 534.0, 219.0, 0.0, 0.0, 0.0, 1.0, 0.0)
LENSES = {
    "pinhole": ("plumb_bob", ()),
    "plumb_bob": ("plumb_bob", (0.2, -0.31, -0.008, -0.01, 0.0)),
    "rational": ("rational_polynomial", (0.4, -0.2, 0.001, 0.002, 0.05, 0.5, -0.1, 0.02)),
    "fisheye": ("equidistant", (0.02, -0.005, 0.003, -0.001)),
}


def calibration(lens: str = "pinhole", **changes) -> Calibration:
    model, d = LENSES[lens]
    values = dict(width=640, height=480, distortion_model=model, d=d, k=K, r=(1, 0, 0, 0, 1, 0, 0, 0, 1), p=P)
    return Calibration(**{**values, **changes})


def points() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.c_[random.uniform(-0.5, 0.5, (40, 2)), np.ones(40)] * random.uniform(0.5, 20, (40, 1))


@pytest.mark.parametrize("lens", LENSES)
def test_as_opencv(lens: str) -> None:
    camera = CameraModel.of(calibration(lens), 640, 480)
    k, d, zero = np.array(K).reshape(3, 3), np.array(LENSES[lens][1]), np.zeros(3)
    library = cv2.fisheye if lens == "fisheye" else cv2
    expected, _ = library.projectPoints(points()[:, None], zero, zero, k, d)
    # OpenCV counts from the middle of the first pixel
    np.testing.assert_allclose(camera.project(points()), expected[:, 0] + 0.5, atol=1e-9)


@pytest.mark.parametrize("lens", LENSES)
def test_there_and_back(lens: str) -> None:
    camera = CameraModel.of(calibration(lens), 640, 480)
    pixels = camera.project(points())
    np.testing.assert_allclose(camera.points(pixels, points()[:, 2]), points(), rtol=1e-5, atol=1e-5)
    rays = camera.rays(pixels)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1)
    np.testing.assert_allclose(rays, points() / np.linalg.norm(points(), axis=1, keepdims=True), atol=1e-5)


def test_a_pinhole_by_hand() -> None:
    camera = CameraModel.of(
        calibration(k=(100, 0, 49.5, 0, 100, 39.5, 0, 0, 1), width=100, height=80), 100, 80
    )
    np.testing.assert_allclose(camera.project([[0, 0, 2], [1, 0.5, 2]]), [[50, 40], [100, 65]])
    np.testing.assert_allclose(camera.points([[50, 40], [100, 65]], [2, 2]), [[0, 0, 2], [1, 0.5, 2]])


def test_a_fisheye_sees_to_the_side() -> None:
    camera = CameraModel.of(calibration("fisheye"), 640, 480)
    # 95 degrees off the axis
    angle = np.radians(95)
    distance = angle * np.polynomial.polynomial.polyval(angle**2, [1.0, *LENSES["fisheye"][1]])
    pixel = [[K[2] + 0.5 + K[0] * distance, K[5] + 0.5]]
    np.testing.assert_allclose(camera.rays(pixel), [[np.sin(angle), 0, np.cos(angle)]], atol=1e-6)
    assert np.isnan(camera.points(pixel, [1.0])).all()  # no depth along the axis


@pytest.mark.parametrize(
    ("changes", "size", "moved"),
    [
        ({"roi": Roi(100, 60, 240, 320)}, (320, 240), lambda xy: xy - (100, 60)),
        ({"binning_x": 2, "binning_y": 2}, (320, 240), lambda xy: (xy - 0.5) / 2 + 0.5),
        (
            {"binning_x": 2, "binning_y": 4, "roi": Roi(100, 60, 240, 320)},
            (160, 60),
            lambda xy: (xy - 0.5 - (100, 60)) / (2, 4) + 0.5,
        ),
        ({}, (1280, 960), lambda xy: (xy - 0.5) * 2 + 0.5),
        ({"roi": Roi(100, 60, 240, 320)}, (160, 120), lambda xy: (xy - 0.5 - (100, 60)) / 2 + 0.5),
    ],
    ids=["region", "binning", "both", "resized", "region resized"],
)
@pytest.mark.parametrize("lens", ["plumb_bob", "fisheye"])
def test_region_binning_and_size(changes, size, moved, lens: str) -> None:
    whole = CameraModel.of(calibration(lens), 640, 480)
    part = CameraModel.of(calibration(lens, **changes), *size)
    np.testing.assert_allclose(part.project(points()), moved(whole.project(points())), atol=1e-6)
    pixels = part.project(points())
    np.testing.assert_allclose(part.rays(pixels), whole.rays(whole.project(points())), atol=1e-5)


def test_rectified_images_have_no_distortion() -> None:
    camera = CameraModel.of(calibration("plumb_bob"), 640, 480, rectified=True)
    x, y, z = points().T
    np.testing.assert_allclose(camera.project(points()), np.c_[533 * x / z + 302, 534 * y / z + 219] + 0.5)
    without_p = CameraModel.of(calibration("plumb_bob", p=(0.0,) * 12), 640, 480, rectified=True)
    np.testing.assert_allclose(without_p.project(points()), np.c_[517 * x / z + 309, 515 * y / z + 223] + 0.5)


def test_a_stereo_camera_is_beside_the_other() -> None:
    p = (*P[:3], -533.0 * 0.12, *P[4:])
    camera = CameraModel.of(calibration("plumb_bob", p=p), 640, 480, rectified=True)
    x, y, z = points().T
    expected = np.c_[533 * (x - 0.12) / z + 302, 534 * y / z + 219] + 0.5
    np.testing.assert_allclose(camera.project(points()), expected)
    np.testing.assert_allclose(camera.points(expected, z), points())


def test_the_nominal_camera() -> None:
    camera = CameraModel.nominal(640, 480)
    np.testing.assert_allclose(camera.rays([[320, 240]]), [[0, 0, 1]], atol=1e-12)
    left, right = camera.rays([[0, 240], [640, 240]])
    assert np.degrees(np.arccos(left @ right)) == pytest.approx(60)


@pytest.mark.parametrize("lens", LENSES)
def test_what_looks_nowhere_is_nan_and_nothing_else(lens: str) -> None:
    camera = CameraModel.of(calibration(lens), 640, 480)
    strange = [[np.nan, 1], [np.inf, 1], [-1e300, 1], [1e9, 1e9], [320, 240]]
    rays = camera.rays(strange)
    assert np.isnan(rays[:4]).all()
    assert np.isfinite(rays[4]).all()
    far = camera.rays(np.random.default_rng(0).uniform(-1e6, 1e6, (200, 2)))
    assert (np.isnan(far).all(axis=1) | np.isfinite(far).all(axis=1)).all()
    assert np.isnan(camera.project([[0, 0, -1], [0, 0, 0], [np.nan, 0, 1]])).all()
    assert np.isnan(camera.points([[320, 240]] * 4, [0, -1, np.nan, np.inf])).all()
    assert camera.rays(np.empty((0, 2))).shape == camera.points(np.empty((0, 2)), []).shape == (0, 3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"k": (0.0,) * 9}, "is not calibrated"),
        ({"k": (np.nan, *K[1:])}, "not finite"),
        ({"k": (*K[:4], 0.0, *K[5:])}, "focal lengths that are not above 0"),
        ({"k": (-517.0, *K[1:])}, "focal lengths that are not above 0"),
        ({"d": (np.inf,) * 5}, "not finite"),
        ({"width": 0}, "no size"),
        ({"binning_x": 1000}, "no size"),
        ({"width": 700}, "for images of 700x480 pixels, not 640x480"),
        ({"distortion_model": "mei", "d": (0.1,) * 5}, "'mei' with 5 coefficients is not known"),
        ({"distortion_model": "equidistant", "d": (0.1,) * 5}, "with 5 coefficients is not known"),
    ],
)
def test_calibrations_that_cannot_be_used(changes, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        CameraModel.of(calibration("plumb_bob", **changes), 640, 480)
