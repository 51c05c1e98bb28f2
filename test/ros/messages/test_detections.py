# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections, identities and class names as messages."""

import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.faces.matching import Match
from face_detect_ros.ros.messages.detections import detections_message, identities_message, label_info_message


def test_detections_message():
    found = Detections(
        boxes=[[10, 20, 40, 80], [0, 0, 5, 3]], scores=[0.75, 0.5], class_ids=[1, 0], track_ids=[17, 4]
    )
    sent = detections_message(found, ("cat", "face"), stamp_ns=3_000_000_001, frame_id="cam")
    first, second = sent.detections
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (25, 50)
    assert (first.bbox.size_x, first.bbox.size_y) == (30, 60)
    assert [(r.hypothesis.class_id, r.hypothesis.score) for r in first.results] == [("face", 0.75)]
    assert (first.id, second.id, second.results[0].hypothesis.class_id) == ("17", "4", "cat")
    for header in (sent.header, first.header, second.header):
        assert (header.stamp.sec, header.stamp.nanosec, header.frame_id) == (3, 1, "cam")


@pytest.mark.parametrize("track_ids", [None, [0], [-7]], ids=["no tracker", "no track", "unconfirmed"])
def test_detections_without_a_confirmed_track_have_no_id(track_ids):
    found = Detections(boxes=[[1, 2, 3, 4]], scores=[1.0], class_ids=[0], track_ids=track_ids)
    assert [d.id for d in detections_message(found, ("face",), 0, "").detections] == [""]


def test_no_detections_make_an_empty_array():
    sent = detections_message(Detections.empty(), ("face",), stamp_ns=1, frame_id="cam")
    assert (len(sent.detections), sent.header.frame_id) == (0, "cam")


def test_label_info_message():
    sent = label_info_message(("cat", "face"), threshold=0.25, stamp_ns=2_000_000_000)
    assert [(c.class_id, c.class_name) for c in sent.class_map] == [(0, "cat"), (1, "face")]
    assert (sent.threshold, sent.header.stamp.sec) == (0.25, 2)


@pytest.mark.parametrize(
    "name",
    ["王小明", "さくら", "김민준", "Наталья Щукина", "محمد الأمين", "प्रिया शर्मा", "José Nguyễn", "𠮷野 😀"],
    ids=["Chinese", "Japanese", "Korean", "Cyrillic", "Arabic", "Devanagari", "diacritics", "beyond 16 bits"],
)
def test_names_are_exact_on_topics(name):
    from rclpy.serialization import deserialize_message, serialize_message
    from vision_msgs.msg import Detection2DArray

    face = Detections([[10, 20, 30, 40]], [0.9], [0], track_ids=[7])
    message = identities_message(face, [Match(name, name, 0.3, 0.9, 0.8)], 5, "camera")
    received = deserialize_message(serialize_message(message), Detection2DArray)
    assert received.detections[0].results[0].hypothesis.class_id == name
