# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Topics in the messages of other packages, where those are installed."""

import importlib.util
import re
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.detectors import picture
from helpers.ros_tools import image, stamp_ns, wait_until

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.faces.matching import Match
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.outputs.humans import HumansOutput, person_id

NODE = "/face_detector"
QUICK = {
    "model": "quick",
    "recognize": False,
    "min_hits": 1,
    "qos_overrides./image_raw.subscription.reliability": "reliable",
}


def needs(package):
    there = importlib.util.find_spec(package) is not None
    return pytest.mark.skipif(not there, reason=f"{package} is not installed")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("ann", "ann"),
        ("eileen m collins", "eileen_m_collins"),
        ("Eileen M. Collins", "eileen_m_collins_[0-9a-f]{8}"),
        ("7 of 9", "person_[0-9a-f]{8}"),
        ("Zoë", "person_[0-9a-f]{8}"),
        ("李雷", "person_[0-9a-f]{8}"),
    ],
)
def test_names_as_identifiers(name, identifier):
    assert re.fullmatch(identifier, person_id(name))


def test_no_two_people_share_an_identifier():
    names = [
        "anna lee",
        "Anna Lee",
        "Anna-Lee",
        "Anna Lee!",
        "anna  lee",
        "anna_lee",
        "annalee",
        "李雷",
        "韩梅梅",
        "!",
        "?",
    ]
    assert len({person_id(name) for name in names}) == len(names)


class Published:
    """A node whose publishers only remember."""

    def __init__(self):
        self.messages = []

    def create_publisher(self, kind, topic, *_, **__):
        keep = lambda message: self.messages.append((topic, message))  # noqa: E731
        return SimpleNamespace(publish=keep, get_subscription_count=lambda: 1)

    def destroy_publisher(self, publisher):
        pass

    def resolve_topic_name(self, name):
        return name

    def matches(self):
        """Of faces with people since the last call."""
        found = [message for topic, message in self.messages if topic == "/humans/candidate_matches"]
        self.messages.clear()
        return [(each.id1, each.id2, each.confidence) for each in found]


class IdsMatch(SimpleNamespace):
    FACE, PERSON = 2, 1


def test_a_match_that_no_longer_holds_is_withdrawn():
    messages = SimpleNamespace(
        IdsList=SimpleNamespace, IdsMatch=IdsMatch, NormalizedRegionOfInterest2D=SimpleNamespace
    )
    node = Published()
    output = HumansOutput(CameraTopics(node), messages)

    def matches(*names):
        """What an image publishes in which track 7 has this name, or is gone."""
        found = Detections([[1, 2, 5, 9]], [0.75], [0], track_ids=[7]).select(np.arange(len(names)))
        identities = tuple(Match(name, name, 0.3, 0.9, 0.9) for name in names)
        output.publish(Result(Frame(picture()), ("face",), found, Detections.empty(), identities=identities))
        return node.matches()

    assert matches("anna") == matches("anna") == [("f7", "anna", 0.9)]
    assert matches("ben") == [("f7", "anna", 0.0), ("f7", "ben", 0.9)]
    assert matches(None) == [("f7", "ben", 0.0)]
    assert matches(None) == []
    assert matches("ben") == [("f7", "ben", 0.9)]
    assert matches() == [("f7", "ben", 0.0)]
    assert matches() == []


def test_without_its_messages_ros4hri_says_what_is_missing(probe, start, scripted):
    if importlib.util.find_spec("hri_msgs") is not None:
        pytest.skip("hri_msgs is installed")
    start(FaceDetector, parameters={**QUICK, "ros4hri": True})
    assert "apt install ros-$ROS_DISTRO-hri-msgs" in probe.wait_for_log("cannot configure: ")
    assert probe.set_parameters(NODE, ros4hri=False) == [(True, "")]
    assert probe.change_state(NODE, "configure")


@needs("hri_msgs")
def test_faces_by_the_conventions_of_ros4hri(probe, start, scripted):
    from hri_msgs.msg import IdsList, NormalizedRegionOfInterest2D

    start(FaceDetector, parameters={**QUICK, "ros4hri": True})
    tracked = probe.collect("/humans/faces/tracked", IdsList)
    region = probe.collect("/humans/faces/f1/roi", NormalizedRegionOfInterest2D)
    publisher = probe.publisher()
    sent = image(picture())
    probe.send_until(publisher, sent, lambda: len(region), "a region")
    assert list(tracked.messages[-1].ids) == ["f1"]
    found = region.messages[-1]
    assert stamp_ns(found.header) == stamp_ns(sent.header)
    assert [found.xmin, found.ymin, found.xmax, found.ymax] == pytest.approx([1 / 32, 2 / 24, 5 / 32, 9 / 24])
    assert found.c == 0.75
    assert probe.set_parameters(NODE, roi="0.5,0 1,0 1,1 0.5,1") == [(True, "")]
    probe.send_until(publisher, sent, lambda: not tracked.messages[-1].ids, "its leaving")
    wait_until(lambda: not probe.publishers_of("/humans/faces/f1/roi"), "the end of its topic")


@needs("hri_msgs")
def test_ros4hri_is_for_one_camera(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "ros4hri": True, "cameras": "front, left"})
    assert "one camera" in probe.wait_for_log("cannot configure: ")


@needs("foxglove_msgs")
def test_annotations_for_foxglove(probe, start, scripted):
    from foxglove_msgs.msg import ImageAnnotations, PointsAnnotation

    start(FaceDetector, parameters=QUICK)
    annotations = probe.collect(f"{NODE}/annotations", ImageAnnotations)
    wait_until(lambda: annotations.subscription.get_publisher_count(), "its publisher")
    publisher = probe.publisher()
    sent = image(picture())
    probe.send_until(publisher, sent, lambda: len(annotations), "annotations")
    (outline,), (text,) = annotations.messages[-1].points, annotations.messages[-1].texts
    assert outline.type == PointsAnnotation.LINE_LOOP
    assert [(p.x, p.y) for p in outline.points] == [(1, 2), (5, 2), (5, 9), (1, 9)]
    assert text.text == "face #1 0.75"
    assert outline.timestamp == text.timestamp == sent.header.stamp
