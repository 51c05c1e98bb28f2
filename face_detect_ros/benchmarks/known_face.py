# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where the face is in skimage's astronaut, for measurements that need no detector."""

from __future__ import annotations

import numpy as np

from face_detect_ros.core.detections import Detections

SIDE_PX = 512
"""Of the image."""


def known_face() -> Detections:
    """One face with five points, in pixels of the image."""
    box = np.array([[184, 60, 262, 168]], np.float32)
    points = np.array([[[205, 113], [242, 113], [224, 134], [208, 150], [240, 150]]], np.float32)
    return Detections(box, np.ones(1), np.zeros(1), landmarks=points, landmark_set="five_points")
