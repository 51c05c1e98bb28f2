# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces turned upright and cut out, by dlib's own code: what its descriptor network was trained on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ImageError
from face_detect_ros.core.frame import check_image
from face_detect_ros.zoo.published import dlib_models

CHIP_SIDE_PX = 150
_PADDING = 0.25  # of the face's size on every side; the descriptor was trained with it

_JITTER_INSET_PX = 3
_JITTER_SHIFT = 0.02  # of the face
_JITTER_SHRINK = 0.97
_JITTER_DEGREES = 3.0


def face_chips(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Aligned images of faces, equal to those of dlib's get_face_chips. What lies outside the image is black.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (N, 5, 2) xy in pixels of the image, as `Detections.landmarks` has them.

    Returns:
        (N, 150, 150, 3) uint8 RGB.

    Raises:
        ImageError: Another array, or landmarks that are not those of a face.
        ConfigError: dlib is not installed.
    """
    check_image(image)
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.size == 0:
        return np.empty((0, CHIP_SIDE_PX, CHIP_SIDE_PX, 3), np.uint8)
    if landmarks.ndim != 3 or landmarks.shape[1:] != (5, 2):
        raise ImageError("landmarks", f"landmarks have shape {landmarks.shape}; expected (N, 5, 2)")
    # dlib names pixels, whose centers lie half a pixel further
    pixels = np.rint(landmarks - 0.5)
    if not (np.abs(pixels) < 1e6).all() or (np.ptp(pixels, axis=1).max(axis=1) < 1).any():
        raise ImageError("landmarks", "landmarks are far away, not finite, or all in one place")
    dlib = dlib_models.import_dlib()
    faces = dlib.full_object_detections()
    for points in pixels.astype(int).tolist():
        # the chip depends on the landmarks alone
        parts = [dlib.point(x, y) for x, y in points]
        faces.append(dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), parts))
    chips = dlib.get_face_chips(np.ascontiguousarray(image), faces, CHIP_SIDE_PX, _PADDING)
    return np.stack(chips)


def jittered(chip: np.ndarray, count: int) -> np.ndarray:
    """Copies of a face that are shifted, scaled, turned and mirrored by as little as dlib's jittering does.

    The same for the same face and count: unlike dlib's, it does not depend on what was jittered before.

    Args:
        chip: (150, 150, 3) uint8.
        count: Of copies.

    Returns:
        (count, 150, 150, 3) uint8.
    """
    dlib = dlib_models.import_dlib()
    random = np.random.default_rng(0)
    return np.stack([_jitter(dlib, chip, random) for _ in range(count)])


def _jitter(dlib: Any, chip: np.ndarray, random: np.random.Generator) -> np.ndarray:
    side = chip.shape[0] - 2 * _JITTER_INSET_PX
    x, y = chip.shape[0] / 2 + random.uniform(-_JITTER_SHIFT, _JITTER_SHIFT, 2) * side
    half = side / random.uniform(_JITTER_SHRINK, 1.0) / 2
    place = dlib.drectangle(x - half, y - half, x + half - 1, y + half - 1)
    angle = math.radians(random.uniform(-_JITTER_DEGREES, _JITTER_DEGREES))
    details = dlib.chip_details(place, dlib.chip_dims(*chip.shape[:2]), angle)
    turned: np.ndarray = dlib.extract_image_chip(np.ascontiguousarray(chip), details)
    return turned[:, ::-1] if random.random() > 0.5 else turned
