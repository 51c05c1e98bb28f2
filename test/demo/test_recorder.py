# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the demo writes of the topics that it records."""

import json
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy")
from helpers.ros_tools import wait_until  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose  # noqa: E402

from face_detect_ros.demo.recorder import Recorder  # noqa: E402
from face_detect_ros.ros import qos  # noqa: E402


@pytest.fixture
def ros():
    rclpy.init()
    yield
    rclpy.try_shutdown()


def faces(second: int, *names: str) -> Detection2DArray:
    message = Detection2DArray()
    message.header.stamp.sec = second
    for track, name in enumerate(names):
        detection = Detection2D(id=str(track), results=[ObjectHypothesisWithPose()])
        detection.results[0].hypothesis.class_id = name
        message.detections.append(detection)
    return message


@pytest.mark.usefixtures("ros")
@pytest.mark.parametrize("names_first", [False, True])
def test_names_are_in_the_lines_of_their_faces_whichever_come_first(
    tmp_path: Path, names_first: bool
) -> None:
    recorder = Recorder(tmp_path, "/image_raw", "/face_detector", "/object_detector", 10.0)
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    found = recorder.create_publisher(Detection2DArray, "/face_detector/detections", qos.output())
    named = recorder.create_publisher(Detection2DArray, "/face_detector/identities", qos.output())
    sent = [(found, faces(1, "face", "face")), (named, faces(1, "Ann", "unknown"))]
    for count, (publisher, message) in enumerate(reversed(sent) if names_first else sent, 1):

        def arrived(publisher=publisher, message=message, count=count):
            publisher.publish(message)
            executor.spin_once(0.1)
            return bool(recorder.tally.processed) + bool(recorder.tally.names) == count

        wait_until(arrived, "the message")
    executor.remove_node(recorder)
    recorder.close()
    recorder.destroy_node()
    lines = [json.loads(line) for line in (tmp_path / "detections.jsonl").read_text().splitlines()]
    assert [face["identity"]["name"] for face in lines[0]["detections"]] == ["Ann", "unknown"]
