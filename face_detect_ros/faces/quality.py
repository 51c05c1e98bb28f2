# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether a look at a face tells who it is: large, sharp and facing the camera enough."""

from __future__ import annotations

import cv2
import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.faces.options import LookOptions

_SIDE_PX = 50  # the middle of every face is brought to it, so that sharpness means the same for all sizes
_CONTRAST = 50.0
# second differences across, down and along both diagonals: motion blurs one direction and leaves another sharp
_DIRECTIONS = tuple(
    np.array(rows, np.float32)
    for rows in (
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[0.5, 0, 0], [0, -1, 0], [0, 0, 0.5]],
        [[0, 0, 0.5], [0, -1, 0], [0.5, 0, 0]],
    )
)


def tells_who(image: np.ndarray, face: Detections, options: LookOptions) -> bool:
    """Whether a face can be recognized.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: One face in its pixels, with landmarks or without; without, its turn is not known and counts as none.
        options: What a face must be like.
    """
    if shorter_side(face) < options.min_face_px:
        return False
    if turn(face) > options.max_turn:
        return False
    return sharpness(image, face.boxes[0]) >= options.min_sharpness


def shorter_side(face: Detections) -> float:
    """Of the box of one face, in pixels."""
    return float((face.boxes[0, 2:] - face.boxes[0, :2]).min())


def turn(face: Detections) -> float:
    """How far one face is turned to a side: 0 from the front; at 0.5 the nose lies below one eye, in profile beyond it.

    The distance of the nose from the middle between the eyes, along the line through them, as a part of the distance
    between them. 0 without landmarks.
    """
    if face.landmarks is None:
        return 0.0
    points = face.landmarks[0].astype(np.float64)
    if face.landmark_set == "eye_corners":
        right, left, nose = points[2:4].mean(axis=0), points[0:2].mean(axis=0), points[4]
    else:
        right, left, nose = points[:3]
    across = left - right
    apart = float(across @ across)
    if not np.isfinite(points).all() or apart < 1e-6:
        return float("inf")
    return abs(float((nose - (left + right) / 2) @ across)) / apart


def sharpness(image: np.ndarray, box: np.ndarray) -> float:
    """How much detail the middle of a face has in the direction in which it has least.

    The variance of its second differences, at 50 px a side and a standard deviation of 50 gray levels. Size and light
    change it little. A focused face has 15 to 70; one blurred by 2 % of its width about 20, by 4 % about 7.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) xyxy of the face in its pixels.
    """
    height, width = image.shape[:2]
    center, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).min() * 0.45
    left, top = np.clip(np.floor(center - half), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(center + half), (left + 1, top + 1), (width, height)).astype(int)
    gray = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    method = cv2.INTER_AREA if min(gray.shape) > _SIDE_PX else cv2.INTER_CUBIC
    face = cv2.resize(gray, (_SIDE_PX, _SIDE_PX), interpolation=method).astype(np.float32)
    face = cv2.GaussianBlur(face, (0, 0), 1.0)  # against noise
    # at least one level: the noise of a covered lens is not a face
    face *= _CONTRAST / max(float(face.std()), 1.0)
    return min(float(cv2.filter2D(face, cv2.CV_32F, kernel).var()) for kernel in _DIRECTIONS)
