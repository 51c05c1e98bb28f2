# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Privacy: on at once, off only where the launch allows it, and nothing that another node sets weakens it."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from helpers.detectors import ScriptedDetector
from helpers.ros_tools import image, portrait, stamp_ns, wait_until
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.detectors import catalogue
from face_detect_ros.ros.messages.images import decode_image
from face_detect_ros.ros.nodes import detector as detector_node
from face_detect_ros.ros.nodes.face_detector import COVERING, FaceDetector
from face_detect_ros.ros.nodes.object_detector import ObjectDetector
from face_detect_ros.ros.nodes.video_source import VideoSource
from face_detect_ros.ros.nodes.viewer import Viewer

NODE = "/face_detector"
QUICK = {"model": "quick", "recognize": False, "anonymize_style": "box", "anonymize_margin": 1.0}
BRIGHT = np.full((24, 32, 3), 200, np.uint8)  # the scripted detector finds a face at 1, 2, 5, 9


class Camera:
    """Shows one image after the other, each with its answer on a topic."""

    def __init__(self, probe, topic):
        self.probe = probe
        self.seen = probe.collect(topic, Image)
        wait_until(lambda: self.seen.subscription.get_publisher_count(), topic)
        self.publisher = probe.publisher()
        self.stamp_ns = 10**12

    def face_is_shown(self):
        """Whether the face can be seen in the answer to a new image."""
        self.stamp_ns += 10**8
        sent = self.stamp_ns
        (message,) = self.probe.send_until(
            self.publisher,
            image(BRIGHT, sent),
            lambda: [m for m in self.seen.messages if stamp_ns(m.header) == sent][-1:],
            "the image",
        )
        face = decode_image(message)[:16, :9]  # with the margin of its cover
        return bool((face == BRIGHT[0, 0]).all(axis=2).any())  # else it is black, or drawn on


def test_it_is_switched_on_at_once_and_not_off(probe, start, scripted):
    start(FaceDetector, parameters=QUICK)
    camera = Camera(probe, f"{NODE}/image_annotated")
    assert camera.face_is_shown()
    assert probe.set_parameters(NODE, privacy=True) == [(True, "")]
    del camera.seen.messages[:]
    assert not camera.face_is_shown()
    ((successful, reason),) = probe.set_parameters(NODE, privacy=False)
    assert not successful
    assert "start the node with privacy_may_end:=true" in reason
    ((successful, _),) = probe.set_parameters(NODE, privacy_may_end=True)
    assert not successful
    for verb in ("deactivate", "cleanup", "configure", "activate"):
        assert probe.change_state(NODE, verb)
    assert not camera.face_is_shown()


def test_where_the_launch_allows_it_it_ends_at_the_next_configure(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "privacy": True, "privacy_may_end": True})
    camera = Camera(probe, f"{NODE}/image_annotated")
    assert not camera.face_is_shown()
    assert probe.set_parameters(NODE, privacy=False) == [(True, "")]
    assert not camera.face_is_shown()
    for verb in ("deactivate", "cleanup", "configure", "activate"):
        assert probe.change_state(NODE, verb)
    del camera.seen.messages[:]
    assert camera.face_is_shown()


OTHERS = {
    "model": "dlib_hog",
    "cover": "heads",
    "anonymize_style": "pixelate",
    "anonymize_margin": 0.0,
    "anonymize_hold_s": 0.0,
    "anonymize_whom": "unknown",
}


def test_under_privacy_nobody_weakens_the_covers(probe, start, scripted):
    assert OTHERS.keys() == set(COVERING)
    start(FaceDetector, parameters={**QUICK, "privacy": True})
    probe.wait_for_state(NODE, "active")
    for name, value in OTHERS.items():
        ((successful, reason),) = probe.set_parameters(NODE, **{name: value})
        assert not successful, name
        assert f"parameter {name} decides what is covered, and privacy is on" in reason
    weak = {"score_threshold": 1.0, "max_detections": 1, "min_size_px": 10_000, "iou_threshold": 0.0}
    assert probe.set_parameters(NODE, **weak) == [(True, "")] * 4
    assert not Camera(probe, f"{NODE}/image_annotated").face_is_shown()


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(ScriptedDetector.BROKEN, id="fails"),
        pytest.param(ScriptedDetector.BUG, id="has a bug"),
        pytest.param(ScriptedDetector.HANGS, id="hangs"),
    ],
)
@pytest.mark.parametrize("whose", ["of faces", "of persons, for the cover"])
def test_where_a_detector_fails_no_image_is_published(probe, start, scripted, monkeypatch, whose, code):
    monkeypatch.setattr(detector_node, "STUCK_S", 0.3)
    parameters = {**QUICK, "privacy": True}
    if whose != "of faces":
        name = catalogue.default_model("objects")
        entry = catalogue.CatalogueEntry(
            name, "objects", "helpers.detectors:create_persons", "none", "for tests"
        )
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
        parameters |= {"model": "steady", "cover": "heads"}
    start(FaceDetector, parameters=parameters)
    topics = [f"{NODE}/image_{name}" for name in ("annotated", "anonymized")]
    seen = [probe.collect(topic, Image) for topic in topics]
    seen += [probe.collect(f"{topic}/compressed", CompressedImage) for topic in topics]
    probe.wait_for_state(NODE, "active")
    for each in seen:
        wait_until(lambda each=each: each.subscription.get_publisher_count(), "the topics")
    broken = BRIGHT.copy()
    broken[0, 0, 0] = code
    if code == ScriptedDetector.HANGS:
        words = "at work on one image for"
    elif whose == "of faces":
        words = "images arrive, but none can be processed"
    else:
        words = "detections are published, but no images"
    told = probe.collect("/diagnostics", DiagnosticArray)
    probe.send_until(
        probe.publisher(),
        image(broken),
        lambda: any(words in status.message for message in told.messages for status in message.status),
        f"diagnostics that say: {words}",
    )
    status = probe.diagnostics(NODE, lambda s: words in s.message)
    counts = {key: status.count(key) for key in ("processed", "dropped", "rejected", "over_rate", "stale")}
    assert 0 <= status.count("received") - sum(counts.values()) <= 2  # one at work, one waiting
    assert [len(each) for each in seen] == [0] * 4


def test_a_video_source_keeps_its_images_from_then_on(probe, start):
    start(VideoSource, parameters={"source": "sample:astronaut", "rate_hz": 20.0})
    seen = probe.collect("/image_raw", Image)
    seen.wait(count=2)
    assert probe.set_parameters("/video_source", privacy=True) == [(True, "")]
    published = lambda s: int(s.values.get("published", 0))  # noqa: E731
    before = published(probe.diagnostics("/video_source"))
    probe.diagnostics("/video_source", lambda s: published(s) > before + 4)
    count = len(seen)  # what was under way has arrived
    after = published(probe.diagnostics("/video_source"))
    probe.diagnostics("/video_source", lambda s: published(s) > after + 4)
    assert len(seen) == count


def test_the_object_detector_draws_on_black_from_then_on(probe, start, objects):
    objects("scripted")
    start(ObjectDetector, parameters={"model": "scripted"})
    seen = probe.collect("/object_detector/image_annotated", Image)
    camera = probe.publisher()
    shown = lambda: decode_image(seen.messages[-1])[2, 2].any()  # noqa: E731 - in a corner, where nothing is drawn
    probe.send_until(camera, image(portrait()), lambda: len(seen) > 0, "an image")
    assert shown()
    assert probe.set_parameters("/object_detector", privacy=True) == [(True, "")]
    del seen.messages[:]
    probe.send_until(camera, image(portrait()), lambda: len(seen) > 0, "another")
    assert not shown()


def test_a_viewer_follows_at_once_and_ends_its_recording(probe, start, scripted, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    start(FaceDetector, parameters=QUICK)
    probe.wait_for_state(NODE, "active")
    viewer = start(Viewer, parameters={"port": 0}).node
    probe.wait_for_state("/viewer", "active")
    wait_until(lambda: "camera" in viewer.views().get("", ()), lambda: f"the camera, not {viewer.views()}")
    assert viewer.do("record", {"on": True}).result(30)["on"]
    assert probe.set_parameters(NODE, privacy=True) == [(True, "")]
    wait_until(lambda: viewer.views() == {"": ["anonymized"]}, "anonymized images only")
    wait_until(lambda: viewer._recording is None, "the end of the recording")
    reports = probe.collect("/diagnostics", DiagnosticArray)
    reports.wait(lambda m: "the recording ended: privacy" in m.status[0].message, count=3)  # not only once
