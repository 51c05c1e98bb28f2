# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pages that stay open while nodes change their states, end and start."""

import contextlib
import json

import pytest
from helpers.ros_tools import PATIENCE_S, faceless, image, wait_until
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose
from websockets.sync.client import connect

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.viewer import Viewer
from face_detect_ros.ros.viewer import privacy, recording
from face_detect_ros.ros.viewer.topics import ANONYMIZED, CameraView
from face_detect_ros.web.scene import CAMERA, Scene


@pytest.fixture
def viewer(start):
    """An active viewer."""
    node = start(Viewer).node
    wait_until(lambda: node.active, "the viewer to be active")
    return node


@contextlib.contextmanager
def looking_at(viewer):
    """A page that looks at the camera: a connection that images come on."""
    url = viewer.health().values["page"]
    with connect(f"{url.replace('http', 'ws')}live", max_size=None) as page:
        page.send(json.dumps({"type": "watch", "camera": ""}))
        yield page


@pytest.fixture
def page(viewer):
    with looking_at(viewer) as page:
        yield page


def test_an_open_page_goes_on_after_deactivate_and_activate(probe, page):
    publisher = probe.publisher()
    assert probe.change_state("/viewer", "deactivate")
    wait_until(lambda: publisher.get_subscription_count() == 0, "the end of the subscription")
    assert probe.change_state("/viewer", "activate")
    wait_until(lambda: publisher.get_subscription_count() == 1, "a subscription")
    publisher.publish(image(faceless(12, 16)))
    while not isinstance(page.recv(60.0), bytes):
        pass


def test_nothing_is_recorded_while_inactive(probe, viewer):
    assert probe.change_state("/viewer", "deactivate")
    with pytest.raises(ConfigError, match="not active"):
        viewer.do("record", {"on": True}).result(PATIENCE_S)


def test_an_open_page_may_come_back_after_cleanup_and_configure(probe, start):
    other = start(Viewer, namespace="/other")
    probe.wait_for_state("/other/viewer", "active")
    viewer = start(Viewer, parameters={"host": "0.0.0.0"}).node
    probe.wait_for_state("/viewer", "active")
    other.stop()  # its port is free again
    address = viewer._server.url
    assert "token=" in address
    for verb in ("deactivate", "cleanup", "configure"):
        assert probe.change_state("/viewer", verb)
    assert viewer._server.url == address


def test_a_detector_that_takes_the_place_of_another_is_asked_for_its_privacy(start, monkeypatch):
    # the event of its start may be over before the viewer has met it
    monkeypatch.setattr(privacy.DetectorPrivacy, "_on_parameter_event", lambda *_: None)
    monkeypatch.setattr(privacy, "PERIOD_S", 1e9)
    viewer = start(Viewer).node
    first = start(FaceDetector, parameters={"autostart": False})
    wait_until(lambda: viewer._detector_privacy.on is False, "the answer")
    first.stop()
    start(FaceDetector, parameters={"autostart": False, "privacy": True})
    wait_until(lambda: viewer._detector_privacy.on, "the other answer")
    assert viewer.views() == {"": ["anonymized"]}


def test_a_recording_goes_on_when_a_detector_that_is_not_private_starts(start, viewer, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setattr(recording, "FREE_BYTES", 0)
    viewer.do("record", {"on": True}).result(PATIENCE_S)
    start(FaceDetector, parameters={"autostart": False})
    wait_until(lambda: viewer._detector_privacy.on is False, "the answer")
    wait_until(lambda: not viewer._recording.without_images, "images to be recorded again")


def test_names_and_selection_of_a_detector_do_not_go_over_to_the_next(probe, viewer, page):
    wait_until(lambda: probe.subscriptions_of("/face_detector/identities"), "a page that looks")
    here = Detection2D(id="3", results=[ObjectHypothesisWithPose()])
    here.results[0].hypothesis.class_id = "Ann"
    message = Detection2DArray(detections=[here])
    of = {
        topic: probe.publisher(f"/face_detector/{topic}", Detection2DArray)
        for topic in ("detections", "identities", "selected")
    }

    def shown():
        viewer.scene.add_image("", CAMERA, LazyFrame(0, "", lambda: faceless(12, 16)))
        shot = viewer.scene.newest("", CAMERA, in_step=False)
        names = [box.name for boxes in shot.found.values() for box in boxes.boxes]
        return names, shot.selected

    for publisher in of.values():
        probe.send_until(publisher, message, lambda: True, "it to be sent")
    wait_until(lambda: shown() == (["Ann"], "face_detector 3"), lambda: f"name and selection, not {shown()}")
    wait_until(lambda: viewer.cameras[""]._publishers.get("face_detector"), "a look at who publishes")
    probe.node.destroy_publisher(of["detections"])
    anew = probe.publisher("/face_detector/detections", Detection2DArray)
    probe.send_until(anew, message, lambda: shown() == ([""], ""), lambda: f"neither, not {shown()}")


def test_a_topic_that_cannot_be_subscribed_to_is_reported(probe, start, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setattr(recording, "FREE_BYTES", 0)
    viewer = start(Viewer, parameters={override("image_raw"): "often"}).node
    probe.wait_for_state("/viewer", "active")
    with looking_at(viewer):
        probe.diagnostics("/viewer", lambda status: "qos_overrides./image_raw is unusable" in status.message)
        before = len(list(viewer.subscriptions))
        with pytest.raises(ConfigError, match=r"qos_overrides\./image_raw is unusable"):
            viewer.do("record", {"on": True}).result(PATIENCE_S)
        assert len(list(viewer.subscriptions)) == before


def test_a_wrong_override_of_the_camera_is_refused_every_time_and_results_come(start):
    node = start(Viewer, parameters={override("image_raw"): "often", "autostart": False}).node
    before = topics_of(node)
    camera = CameraView(node, Scene(), "", "raw", DecodeOptions())
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"qos_overrides\./image_raw is unusable"):
            camera.show(frozenset({CAMERA}))
    results = [f"/face_detector/{name}" for name in ("identities", "detections")]
    assert set(results) <= set(topics_of(node))
    camera.show(frozenset({ANONYMIZED}))
    assert "/face_detector/image_anonymized" in topics_of(node)
    camera.close()
    assert topics_of(node) == before


def test_a_wrong_override_of_results_is_refused_every_time(start):
    node = start(Viewer, parameters={override("object_detector/selected"): "often", "autostart": False}).node
    before = topics_of(node)
    camera = CameraView(node, Scene(), "", "raw", DecodeOptions())
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"qos_overrides\./object_detector/selected is unusable"):
            camera.show(frozenset({CAMERA}))
        assert topics_of(node) == before


def override(topic):
    return f"qos_overrides./{topic}.subscription.reliability"


def topics_of(node):
    return sorted(each.topic_name for each in node.subscriptions)
