# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Message types of bags are those that the nodes publish."""

import pytest
from helpers.paths import ROOT
from rosbags.typesys import get_types_from_msg

from face_detect_ros.bags import types
from face_detect_ros.bags.topic import Topic
from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.core.errors import OutputError


def test_vision_msgs_are_those_of_the_underlay():
    folder = ROOT / "underlay" / "vision_msgs" / "msg"
    for name in types.VISION_MSGS:
        path = folder / f"{name}.msg"
        kind = f"vision_msgs/msg/{name}"
        _, fields = get_types_from_msg(path.read_text(), kind)[kind]
        assert list(types.standard_types().fielddefs[kind][1]) == list(fields)


def test_old_names_become_those_of_today():
    assert types.modern_name("sensor_msgs/Image") == "sensor_msgs/msg/Image"
    assert types.modern_name("sensor_msgs/msg/Image") == "sensor_msgs/msg/Image"


def test_a_bag_that_exists_is_not_replaced(tmp_path):
    (tmp_path / "bag").mkdir()
    with pytest.raises(OutputError, match="give another folder"):
        BagWriter(tmp_path / "bag")


def test_a_type_without_a_definition_is_written_without_one(tmp_path):
    writer = BagWriter(tmp_path / "bag")
    topic = Topic("/unknown", "my_msgs/msg/Thing")
    writer.declare(topic)
    writer.write_declared(topic.key, 5, b"\x00\x01\x00\x00\x07\x00\x00\x00")
    writer.close()
    assert "type_description_hash: ''" in (tmp_path / "bag" / "metadata.yaml").read_text()
