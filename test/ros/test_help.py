# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`ros2 run face_detect_ros NODE --help`: what a node is for, without starting it."""

import dataclasses
import subprocess
import sys

import pytest

from face_detect_ros.ros.help import help_text
from face_detect_ros.ros.nodes.face_detector import FaceDetector, FaceDetectorParameters
from face_detect_ros.ros.nodes.object_detector import ObjectDetector, ObjectDetectorParameters
from face_detect_ros.ros.nodes.video_source import VideoSource, VideoSourceParameters
from face_detect_ros.ros.nodes.viewer import Viewer, ViewerParameters

NODES = {
    "face_detector": (FaceDetector, FaceDetectorParameters),
    "object_detector": (ObjectDetector, ObjectDetectorParameters),
    "video_source": (VideoSource, VideoSourceParameters),
}


@pytest.mark.parametrize("name", [*NODES, "viewer"])
def test_every_topic_and_parameter_is_there(name):
    node, parameters = {**NODES, "viewer": (Viewer, ViewerParameters)}[name]
    for text in (help_text(name), *([help_text("perception")] if name in NODES else [])):
        for topic in node.topics:
            assert topic in text
        for field in dataclasses.fields(parameters):
            assert f"  {field.name}: " in text
    assert all(len(line) < 130 for line in text.splitlines())


def test_help_starts_no_node():
    command = [sys.executable, "-m", "face_detect_ros.ros.start", "face_detector", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == help_text("face_detector") + "\n"
