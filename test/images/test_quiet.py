# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Decoders are quiet in programs of ours."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import cv2, numpy
{}
tiff = cv2.imencode(".tiff", numpy.zeros((40, 40, 3), numpy.uint8))[1]
for cut in range(40, len(tiff), 9):
    tiff[cut] ^= 255
    cv2.imdecode(tiff, cv2.IMREAD_COLOR)
"""
SILENCE = "from face_detect_ros.images.quiet import silence_opencv; silence_opencv()"


def words_of(program: str, **environment: str) -> str:
    outside = {name: value for name, value in os.environ.items() if name != "OPENCV_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**outside, **environment},
        check=True,
    )
    return done.stderr


def test_opencv_says_nothing_unless_the_user_wants_it() -> None:
    assert words_of(PROGRAM.format(""))
    assert not words_of(PROGRAM.format(SILENCE))
    assert words_of(PROGRAM.format(SILENCE), OPENCV_LOG_LEVEL="ERROR")
