# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Motion over stills: it stays inside, is smooth, and says where every point went."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.sources import quarters, write

from face_detect_ros.sources.motion import PERIOD_FRAMES, Motion
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

CASES = pytest.mark.parametrize(
    ("original", "width", "height"),
    [
        ((480, 640), 0, 0),
        ((512, 512), 640, 480),
        ((200, 300), 640, 480),
        ((3000, 2000), 320, 240),
        ((97, 131), 131, 0),
        ((1, 1), 0, 0),
    ],
    ids=["native", "bars beside", "enlarged", "shrunk", "odd", "one pixel"],
)


def place(original: tuple[int, int], frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(left, top) and (right, bottom) of the image between the black borders of a frame."""
    height, width = frame.shape[:2]
    scale = min(height / original[0], width / original[1])
    size = np.array([round(original[1] * scale), round(original[0] * scale)])
    corner = (np.array([width, height]) - size) // 2
    return corner, corner + size


@CASES
def test_the_view_never_leaves_the_image(original: tuple[int, int], width: int, height: int) -> None:
    white = np.full((*original, 3), 255, np.uint8)
    motion = Motion(white, width, height)
    for index in range(0, PERIOD_FRAMES, 7):
        frame = motion.frame(index)
        corner, end = place(original, frame)
        # no black inside, nothing but black outside
        assert frame[corner[1] : end[1], corner[0] : end[0]].min() == 255
        assert int((frame[..., 0] > 0).sum()) == int(np.prod(end - corner))
        inverse = cv2.invertAffineTransform(motion.matrix(index))
        shown = np.array([[*corner, 1], [*end, 1]]) @ inverse.T
        assert shown.min() >= -1e-6
        assert (shown <= np.array(original[::-1]) + 1e-6).all()


def spot(image: np.ndarray) -> np.ndarray:
    """xy of the middle of what is bright, in pixels from the outer corner of the first pixel."""
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize(
    ("original", "width", "height"),
    [((480, 640), 0, 0), ((512, 512), 640, 480), ((200, 300), 640, 480), ((3000, 2000), 480, 640)],
    ids=["native", "bars beside", "enlarged", "shrunk"],
)
def test_the_matrix_says_where_a_point_is(original: tuple[int, int], width: int, height: int) -> None:
    image = np.zeros((*original, 3), np.uint8)
    middle = (original[1] // 2, original[0] // 2)
    half = max(4, original[0] // 40)
    image[middle[1] - half : middle[1] + half, middle[0] - half : middle[0] + half] = 255
    motion = Motion(image, width, height)
    for index in range(0, PERIOD_FRAMES, 11):
        expected = motion.matrix(index) @ (*middle, 1)
        np.testing.assert_allclose(spot(motion.frame(index)), expected, atol=0.15)


@CASES
def test_it_moves_smoothly_and_repeats(original: tuple[int, int], width: int, height: int) -> None:
    motion = Motion(np.zeros((*original, 3), np.uint8), width, height)
    middle = (original[1] / 2, original[0] / 2, 1)
    path = np.array([motion.matrix(i) @ middle for i in range(PERIOD_FRAMES + 1)])
    step = np.linalg.norm(np.diff(path, axis=0), axis=1)
    longest_side = max(width, height, *(original if not width else (0,)))
    assert step.max() < 0.01 * longest_side
    # no jerks either
    assert np.abs(np.diff(path, 2, axis=0)).max() < 0.002 * longest_side
    assert np.ptp(path, axis=0).min() > 0.02 * min(motion.frame(0).shape[:2]) * 0.5
    np.testing.assert_allclose(path[0], path[-1], atol=1e-6)


def test_it_is_the_same_every_time() -> None:
    one, two = Motion(quarters(), 80, 60), Motion(quarters(), 80, 60)
    for index in (0, 5, 10_000):
        np.testing.assert_array_equal(one.frame(index), two.frame(index))
    assert not np.array_equal(one.frame(0), one.frame(20))


def test_every_view_is_an_array_of_its_own() -> None:
    motion = Motion(quarters())
    first = motion.frame(0)
    before = first.copy()
    motion.frame(30)
    np.testing.assert_array_equal(first, before)


def test_a_source_with_motion_gives_the_views_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "one.png", quarters())
    source = open_source(SourceOptions(str(path), motion=True, width=90))
    motion = Motion(quarters(), 90)
    for index in range(5):
        np.testing.assert_array_equal(source.read().image, motion.frame(index))


def test_a_folder_with_motion_counts_on_over_its_images(tmp_path: Path) -> None:
    write(tmp_path / "a.png", quarters())
    write(tmp_path / "b.png", quarters()[::-1])
    source = open_source(SourceOptions(str(tmp_path), motion=True, hold_frames=2))
    views = [Motion(quarters()), Motion(quarters()[::-1].copy())]
    for index in range(6):
        np.testing.assert_array_equal(source.read().image, views[index // 2 % 2].frame(index))


@pytest.mark.skipif(importlib.util.find_spec("skimage") is None, reason="scikit-image is absent")
def test_the_astronauts_face_stays_mostly_in_view() -> None:
    image = open_source(SourceOptions("sample:astronaut")).read().image
    motion = Motion(image)
    face = np.array([[176, 66, 1], [272, 170, 1]])
    inside = 0
    for index in range(PERIOD_FRAMES):
        corners = face @ motion.matrix(index).T
        inside += bool((corners >= 0).all() and (corners <= 512).all())
    assert inside >= 0.9 * PERIOD_FRAMES
