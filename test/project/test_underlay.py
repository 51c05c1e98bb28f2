# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interfaces built from underlay/ are those of vision_msgs 4.1, or a robot's nodes would not match."""

import importlib.util

import pytest
from helpers.paths import ROOT

UNDERLAY = ROOT / "underlay" / "vision_msgs"

HEADER = ("header", "std_msgs/Header")
FIELDS = {
    "BoundingBox2D": [("center", "vision_msgs/Pose2D"), ("size_x", "double"), ("size_y", "double")],
    "BoundingBox2DArray": [HEADER, ("boxes", "sequence<vision_msgs/BoundingBox2D>")],
    "BoundingBox3D": [("center", "geometry_msgs/Pose"), ("size", "geometry_msgs/Vector3")],
    "BoundingBox3DArray": [HEADER, ("boxes", "sequence<vision_msgs/BoundingBox3D>")],
    "Classification": [HEADER, ("results", "sequence<vision_msgs/ObjectHypothesis>")],
    "Detection2D": [
        HEADER,
        ("results", "sequence<vision_msgs/ObjectHypothesisWithPose>"),
        ("bbox", "vision_msgs/BoundingBox2D"),
        ("id", "string"),
    ],
    "Detection2DArray": [HEADER, ("detections", "sequence<vision_msgs/Detection2D>")],
    "Detection3D": [
        HEADER,
        ("results", "sequence<vision_msgs/ObjectHypothesisWithPose>"),
        ("bbox", "vision_msgs/BoundingBox3D"),
        ("id", "string"),
    ],
    "Detection3DArray": [HEADER, ("detections", "sequence<vision_msgs/Detection3D>")],
    "LabelInfo": [HEADER, ("class_map", "sequence<vision_msgs/VisionClass>"), ("threshold", "float")],
    "ObjectHypothesis": [("class_id", "string"), ("score", "double")],
    "ObjectHypothesisWithPose": [
        ("hypothesis", "vision_msgs/ObjectHypothesis"),
        ("pose", "geometry_msgs/PoseWithCovariance"),
    ],
    "Point2D": [("x", "double"), ("y", "double")],
    "Pose2D": [("position", "vision_msgs/Point2D"), ("theta", "double")],
    "VisionClass": [("class_id", "uint16"), ("class_name", "string")],
    "VisionInfo": [
        HEADER,
        ("method", "string"),
        ("database_location", "string"),
        ("database_version", "int32"),
    ],
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_those_of_vision_msgs_4_1(name):
    messages = pytest.importorskip("vision_msgs.msg")
    assert list(getattr(messages, name).get_fields_and_field_types().items()) == FIELDS[name]


def test_every_definition_is_in_the_table():
    assert sorted(file.stem for file in UNDERLAY.glob("msg/*.msg")) == sorted(FIELDS)


def test_definitions_have_no_constants_or_defaults():
    # They would be invisible to get_fields_and_field_types, and vision_msgs 4.1 has none.
    for file in UNDERLAY.glob("msg/*.msg"):
        lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        assert all(len(line.split()) == 2 and "=" not in line for line in lines), file


def test_a_robots_colcon_does_not_see_it():
    assert (UNDERLAY.parent / "COLCON_IGNORE").is_file()


def test_large_message_survives_serialisation():
    messages = pytest.importorskip("vision_msgs.msg")
    assert importlib.util.find_spec("rclpy")
    from rclpy.serialization import deserialize_message, serialize_message

    array = messages.Detection2DArray()
    array.header.frame_id = "camera"
    for index in range(100):
        detection = messages.Detection2D(id=str(index))
        detection.bbox.center.position.x = float(index)
        detection.results.append(messages.ObjectHypothesisWithPose())
        detection.results[0].hypothesis.class_id = "face"
        array.detections.append(detection)
    assert deserialize_message(serialize_message(array), messages.Detection2DArray) == array
