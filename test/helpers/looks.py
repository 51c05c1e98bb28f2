# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What live views are given: an image with somebody known in it, and where she is."""

import socket

import numpy as np

from face_detect_ros.web.live_view import Look
from face_detect_ros.web.scene import Box

ADA = Box((1, 2, 30, 40), "face", 0.9, "3", "Ada", 2.5, (0.25, -0.5, 2.5), (0.2, 0.3, 0.1))
SOMEBODY = Box((5, 6, 20, 30), "face", 0.4)
K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])


def look(stamp_ns, *, depth=True):
    """One look; without `depth` nothing is known of its space."""
    space = {"intrinsics": K, "depth_m": np.full((24, 32), 2.5, np.float32), "depth_intrinsics": K / 2}
    image = np.zeros((48, 64, 3), np.uint8)
    return Look(image, stamp_ns, {"face_detector": [ADA, SOMEBODY]}, **(space if depth else {}))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
