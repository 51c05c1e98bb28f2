# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Five points of a face: which five, and in which order.

Left and right are the subject's own: on an upright face that looks at the camera, the left eye has the larger x.
"""

from __future__ import annotations

from typing import Literal

LandmarkSet = Literal["eye_corners", "five_points"]

LANDMARK_NAMES: dict[LandmarkSet, tuple[str, ...]] = {
    # of dlib's 5-point model: the corners of the eyes, and where the nose meets the lip
    "eye_corners": ("left_eye_outer", "left_eye_inner", "right_eye_outer", "right_eye_inner", "nose_base"),
    # of RetinaFace, SCRFD, YuNet, CenterFace and ArcFace's alignment: centers of the eyes, tip of the nose, mouth
    "five_points": ("right_eye", "left_eye", "nose_tip", "right_mouth_corner", "left_mouth_corner"),
}
"""Order of the points of each set in `Detections.landmarks`."""
