# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Topics in the messages of other packages, where those are installed."""

import importlib.util

import pytest
from helpers.detectors import picture
from helpers.ros_tools import image, stamp_ns, wait_until

from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.outputs.humans import person_id

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
        ("Ann", "ann"),
        ("Eileen M. Collins", "eileen_m_collins"),
        ("7 of 9", None),
        ("Zoë", None),
        ("李雷", None),
    ],
)
def test_names_as_identifiers(name, identifier):
    found = person_id(name)
    assert found == identifier or (identifier is None and found.startswith("person_"))
    assert found.replace("_", "").isalnum()
    assert person_id("李雷") != person_id("韩梅梅")


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
