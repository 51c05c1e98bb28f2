# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From what a detector gives of a face to the points that an embedder's alignment needs.

Detectors give dlib's five points (`eye_corners`), those of RetinaFace and its like (`five_points`), or a box alone.
dlib's own small model finds the first kind inside a square; the second follows from the first by a fixed face.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.zoo.published import dlib_models

FindLandmarks = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(image, (4,) xyxy box of a face) -> (5, 2) float32 xy in its pixels, a set of `eye_corners`."""

# the square that dlib's detectors put around a face: its side over the distance from the eyes to the mouth
_SQUARE_OVER_EYES_TO_MOUTH = 2.7
# and over the root of the area of a box from forehead to chin, as WIDER FACE has them
_SQUARE_OVER_BOX = 0.96


def load_landmarks(dlib: Any) -> FindLandmarks:
    """dlib's 5-point shape predictor. Raises WeightsError."""
    predictor = dlib_models.load(dlib_models.LANDMARKS_5, dlib.shape_predictor)

    def find(image: np.ndarray, box: np.ndarray) -> np.ndarray:
        left, top, right, bottom = (int(value) for value in np.rint(box))
        parts = predictor(image, dlib.rectangle(left, top, right - 1, bottom - 1)).parts()
        # dlib names a pixel, whose center is half a pixel further
        return np.array([(part.x + 0.5, part.y + 0.5) for part in parts], np.float32)

    return find


@functools.lru_cache(maxsize=1)
def _dlibs_landmarks() -> FindLandmarks:
    return load_landmarks(dlib_models.import_dlib())


def eye_corners(image: np.ndarray, faces: Detections) -> np.ndarray:
    """(N, 5, 2) float32 xy of dlib's five points, in pixels of the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: N faces in it, with landmarks of either set or none.

    Raises:
        ConfigError: where they must be found and dlib is not installed.
        WeightsError: where its model of landmarks is missing or damaged.
    """
    if faces.landmarks is not None and faces.landmark_set == "eye_corners":
        return faces.landmarks
    if not len(faces):
        return np.empty((0, 5, 2), np.float32)
    find = _dlibs_landmarks()
    plain = np.ascontiguousarray(image)  # dlib reads plain rows
    return np.stack([find(plain, square) for square in dlib_squares(faces)])


def five_points(image: np.ndarray, faces: Detections) -> np.ndarray:
    """(N, 5, 2) float32 xy of eyes, nose and mouth, in pixels of the image. As `eye_corners` otherwise."""
    if faces.landmarks is not None and faces.landmark_set == "five_points":
        return faces.landmarks
    return from_eye_corners(eye_corners(image, faces))


def dlib_squares(faces: Detections) -> np.ndarray:
    """(N, 4) xyxy: the squares that dlib's detectors would put around these faces."""
    if faces.landmarks is None:
        corners = faces.boxes.reshape(-1, 2, 2).astype(np.float64)
        center = corners.mean(axis=1)
        side = _SQUARE_OVER_BOX * np.sqrt(np.maximum((corners[:, 1] - corners[:, 0]).prod(axis=1), 1.0))
    else:
        points = faces.landmarks.astype(np.float64)
        eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
        center = (eyes + mouth) / 2
        side = _SQUARE_OVER_EYES_TO_MOUTH * np.maximum(np.linalg.norm(eyes - mouth, axis=1), 1.0)
    half = side[:, None] / 2
    return np.concatenate([center - half, center + half], axis=1)


def from_eye_corners(points: np.ndarray) -> np.ndarray:
    """(N, 5, 2) of dlib's points to as many of eyes, nose and mouth, as on the average face.

    The eyes are the middles of their corners. Nose and mouth lie along the line from the eyes to the base of the nose,
    the corners of the mouth as far apart as the eyes are on the image.
    """
    points = np.asarray(points, np.float64)
    left, right, base = points[:, 0:2].mean(axis=1), points[:, 2:4].mean(axis=1), points[:, 4]
    middle = (left + right) / 2
    down, across = base - middle, (left - right) / 2
    nose = middle + _NOSE_OVER_BASE * down
    mouth = middle + _MOUTH_OVER_BASE * down
    half = _MOUTH_OVER_EYES * across
    eyes = _EYES_OVER_CORNERS * across
    five = [middle - eyes, middle + eyes, nose, mouth - half, mouth + half]
    return np.stack(five, axis=1).astype(np.float32)


# medians over 800 photos of LFW, CenterFace's points beside dlib's
_NOSE_OVER_BASE = 0.77
_MOUTH_OVER_BASE = 1.42
_MOUTH_OVER_EYES = 0.87
_EYES_OVER_CORNERS = 1.045
