# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of every node that takes images."""

from __future__ import annotations

from face_detect_ros.images.limits import HIGHEST_IMAGE_MPX, MAX_IMAGE_MPX
from face_detect_ros.ros.inputs.camera import TRANSPORTS
from face_detect_ros.ros.parameters import parameter

IMAGE_TRANSPORT = parameter(TRANSPORTS[0], "Form of the image topic.", choices=TRANSPORTS, at_configure=True)
LARGEST_IMAGE = parameter(
    MAX_IMAGE_MPX,
    "Larger images are refused, in megapixels.",
    minimum=0.1,
    maximum=HIGHEST_IMAGE_MPX,
    at_configure=True,
)
