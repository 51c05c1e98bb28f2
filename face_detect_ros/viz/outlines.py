# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Masks as polygons."""

from __future__ import annotations

import cv2
import numpy as np

from face_detect_ros.core.masks import Masks


def polygons(masks: Masks, index: int) -> list[list[list[int]]]:
    """The outlines of one mask: [x, y] of corners in pixels of the image, a list for each separate part."""
    (left, top), mask = masks.of(index)
    found, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
    )
    return [part[:, 0].tolist() for part in sorted(found, key=cv2.contourArea, reverse=True)]
