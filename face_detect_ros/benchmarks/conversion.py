# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Image messages to arrays and back: ours, cv_bridge's, and a bare copy of the bytes as the limit."""

from __future__ import annotations

import numpy as np
from cv_bridge import CvBridge
from sensor_msgs.msg import Image

from face_detect_ros.benchmarks.rows import Row, median_ms
from face_detect_ros.ros.messages.images import decode_image, image_message

SIZES = ((640, 480), (1920, 1080))


def run() -> list[Row]:
    rows = []
    for width, height in SIZES:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        copy_ms = median_ms(image.copy)
        for encoding in ("rgb8", "bgr8"):
            message = image_message(image, 0, "camera")
            message.encoding = encoding
            rows.append(
                Row(
                    f"decode {encoding} {width}x{height}",
                    "ms",
                    median_ms(lambda message=message: decode_image(message)),  # type: ignore[misc]
                    _bridge_decode_ms(message),
                    "cv_bridge",
                    copy_ms,
                    "copy of the pixels",
                )
            )
        rows.append(
            Row(
                f"encode rgb8 {width}x{height}",
                "ms",
                median_ms(lambda image=image: image_message(image, 0, "camera")),  # type: ignore[misc]
                _bridge_encode_ms(image),
                "cv_bridge, or data = bytes as it does",
                copy_ms,
                "copy of the pixels",
            )
        )
    return rows


def _bridge_decode_ms(message: Image) -> float:
    bridge = CvBridge()
    return median_ms(lambda: bridge.imgmsg_to_cv2(message, "rgb8"), repeats=20)


def _bridge_encode_ms(image: np.ndarray) -> float:
    bridge = CvBridge()
    try:
        return median_ms(lambda: bridge.cv2_to_imgmsg(image, "rgb8"), repeats=20)
    except AttributeError:
        # PyPI's cv_bridge calls ndarray.tostring, which NumPy 2 no longer has; this is its remaining work
        message = Image()

        def assign() -> None:
            message.data = image.tobytes()

        return median_ms(assign, repeats=20)
