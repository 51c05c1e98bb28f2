# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages in result bags are those that the nodes publish."""

from dataclasses import replace

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from vision_msgs.msg import Detection2DArray, Detection3DArray, LabelInfo

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.depth.positions import Positions
from face_detect_ros.faces.matching import Match
from face_detect_ros.fleet.one_bag import messages
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.messages import detections as ros_messages
from face_detect_ros.ros.messages.positions import detections_3d_message

LABELS = ("face", "other")
STAMP_NS = 1_700_000_000_123_456_789


def found(count):
    boxes = np.random.default_rng(count).random((count, 4)).cumsum(axis=1) * 50
    return Detections(boxes, np.linspace(0.9, 0.3, count), np.arange(count) % 2, np.arange(count) - 1)


def result(count):
    detections = found(count)
    identities = tuple(Match("Ann" if n % 2 else None, "Ann", 0.25 + n, 0.9, 0.75) for n in range(count))
    frame = Frame(np.zeros((4, 4, 3), np.uint8), STAMP_NS, "camera")
    return Result(frame, LABELS, detections, Detections.empty(), identities=identities)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_detections_and_identities(count):
    one = result(count)
    ros = ros_messages.detections_message(one.detections, LABELS, STAMP_NS, "camera")
    assert deserialize_message(messages.detections_message(one), Detection2DArray) == ros
    ros = ros_messages.identities_message(one.detections, one.identities, STAMP_NS, "camera")
    assert deserialize_message(messages.identities_message(one), Detection2DArray) == ros


def test_positions():
    one = result(3)
    numbers = np.random.default_rng(5)
    points = numbers.random((3, 3))
    points[1] = np.nan
    positions = Positions(points, numbers.random((3, 3)), numbers.random((3, 3)), numbers.random((3, 3, 3)))
    one = replace(one, positions=positions)
    ros = detections_3d_message(one.detections, LABELS, positions, STAMP_NS, "camera")
    assert len(ros.detections) == 2
    assert deserialize_message(messages.detections_3d_message(one), Detection3DArray) == ros


def test_label_info():
    ros = ros_messages.label_info_message(LABELS, 0.25, STAMP_NS)
    assert deserialize_message(messages.label_info_message(LABELS, 0.25, STAMP_NS), LabelInfo) == ros
