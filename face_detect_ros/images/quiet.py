# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What decoders say on stderr, which a damaged image after the other would flood."""

from __future__ import annotations

import contextlib
import os

_LEVEL = "OPENCV_LOG_LEVEL"


def silence_opencv() -> None:
    """Let OpenCV log nothing, unless the user has set its level; for the start of a program of ours.

    What is wrong with an image is an error of this package.
    """
    if _LEVEL in os.environ:
        return
    os.environ[_LEVEL] = "SILENT"  # for processes that are started, too
    import cv2

    with contextlib.suppress(AttributeError):  # some builds of 4.5 are without
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
