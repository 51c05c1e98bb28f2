# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Photos to measure with; nothing needs to be fetched."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.data import astronaut


def photo(width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8 RGB: the astronaut, stretched."""
    return cv2.resize(astronaut(), (width, height), interpolation=cv2.INTER_AREA)


def mixed_sizes(count: int) -> list[np.ndarray]:
    """`count` photos whose sides have 200 to 1000 px, the same ones every time."""
    sides = np.random.default_rng(0).integers(200, 1001, (count, 2))
    return [photo(int(width), int(height)) for width, height in sides]
