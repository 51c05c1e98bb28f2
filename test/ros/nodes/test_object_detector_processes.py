# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The object detector in processes of their own, with models from files, over real DDS."""

import signal

import cv2
import numpy as np
import pytest
from helpers.objects import write_onnx
from helpers.ros_tools import DATA, astronaut, image, portrait, stamp_ns, wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from face_detect_ros.detectors import catalogue
from face_detect_ros.ros.messages.images import decode_image

FACES, OBJECTS = "/face_detector/detections", "/object_detector/detections"
YOLOX = DATA / "weights" / "yolox_nano.onnx"


@pytest.fixture
def image_file(tmp_path):
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), portrait()[..., ::-1])
    return str(path)


@pytest.fixture
def model(tmp_path):
    return write_onnx(tmp_path / "objects.onnx")


def classes(message):
    return [detection.results[0].hypothesis.class_id for detection in message.detections]


def test_perception_finds_faces_and_objects_in_the_same_frames(probe, execute, image_file, model):
    process = execute(
        "perception",
        parameters={"source": image_file, "rate_hz": 5.0, "object_detector:model": model},
    )
    faces, objects = probe.collect(FACES, Detection2DArray), probe.collect(OBJECTS, Detection2DArray)

    def of_one_frame():
        found = {stamp_ns(message.header): message for message in list(faces.messages)}
        pairs = ((found.get(stamp_ns(m.header)), m) for m in list(objects.messages))
        return next((pair for pair in pairs if pair[0]), None)

    face, thing = wait_until(of_one_frame, "one frame with what both found")
    assert classes(face) == ["face"]
    assert classes(thing) == ["person", "dog", "person"]
    assert face.header == thing.header
    # the frames are not sent: both nodes get them inside the process
    wait_until(lambda: probe.publishers_of("/image_raw"), "the source's publisher")
    assert probe.subscriptions_of("/image_raw") == []
    assert probe.set_parameters("/object_detector", classes="dog") == [(True, "")]
    wait_until(lambda: classes(objects.messages[-1]) == ["dog"], "dogs alone")
    assert probe.diagnostics("/object_detector", lambda s: s.count("processed") > 3).ok
    assert process.stop(signal.SIGINT)[0] == 0


def test_perception_without_a_model_for_objects_starts_without_them(probe, execute):
    process = execute("perception", parameters={"object_detector:model": ""})
    process.wait_for_output("is ready for images on")
    probe.wait_for_state("/face_detector", "active")
    assert "object_detector" not in probe.node.get_node_names()
    assert "ERROR" not in process.output


def test_under_privacy_no_topic_shows_a_face(probe, execute, image_file, model):
    execute(
        "perception",
        parameters={
            "source": image_file,
            "rate_hz": 5.0,
            "object_detector:model": model,
            "privacy": True,
        },
    )
    drawn = [f"/{node}/image_annotated" for node in ("face_detector", "object_detector")]
    others = ["/image_raw", "/object_detector/attention", "/face_detector/image_anonymized"]
    wait_until(lambda: all(map(probe.publishers_of, [*drawn, *others])), "both nodes")
    kinds = dict(probe.node.get_topic_names_and_types())
    topics = [topic for topic in kinds if "sensor_msgs/msg/Image" in kinds[topic]]
    assert {*drawn, *others} <= set(topics)
    seen = {topic: probe.collect(topic, Image) for topic in topics}
    wait_until(lambda: all(len(seen[topic]) > 2 for topic in drawn), "images of both")
    detector = catalogue.create("dlib_hog", task="faces")
    assert len(detector.detect([portrait()], catalogue.FACE_OPTIONS)[0]) == 1
    pictures = [decode_image(message) for collection in seen.values() for message in collection.messages]
    for found in detector.detect(pictures, catalogue.FACE_OPTIONS):
        assert len(found) == 0
    assert len(seen["/image_raw"]) == 0


@pytest.mark.skipif(not YOLOX.is_file(), reason="needs ../shared/data/weights/yolox_nano.onnx")
@pytest.mark.parametrize("batch", [1, 4])
def test_a_published_model_finds_the_astronaut(probe, execute, batch):
    process = execute("object_detector", parameters={"model": f"onnx:{YOLOX}", "batch": batch})
    process.wait_for_output("is ready for images on")
    found = probe.collect(OBJECTS, Detection2DArray)
    sent = image(astronaut())
    message = probe.send_until(probe.publisher(), sent, lambda: found.messages and found.messages[0], "it")
    best = message.detections[0]
    assert best.results[0].hypothesis.class_id == "person"
    assert best.results[0].hypothesis.score > 0.8
    middle = np.array([best.bbox.center.position.x, best.bbox.center.position.y])
    assert np.abs(middle - (190, 264)).max() < 30
    assert message.header == sent.header
    assert process.stop(signal.SIGINT)[0] == 0
