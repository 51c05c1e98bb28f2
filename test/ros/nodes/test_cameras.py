# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One node, several cameras: everything of a camera below its name, and none waits for another."""

import threading
import time

import pytest
from helpers.detectors import ScriptedDetector, picture
from helpers.ros_tools import BEST_EFFORT, PATIENCE_S, Probe, image, stamp_ns, wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros.cameras import camera_names
from face_detect_ros.ros.nodes.face_detector import FaceDetector

NODE = "/face_detector"
SECOND = 10**9


class Camera:
    """Publishes images below its name, and collects what the detector makes of them."""

    def __init__(self, probe, name, namespace=""):
        self.probe, self.name = probe, name
        self.detections = probe.collect(f"{namespace}{NODE}/{name}/detections", Detection2DArray)
        self.publisher = probe.publisher(f"{namespace}/{name}/image_raw")
        wait_until(lambda: self.detections.subscription.get_publisher_count(), f"the detections of {name}")
        self.stamp_ns = 1_000 * SECOND

    def send(self, code=0):
        """Publish the next image, whose frame_id is the camera's name."""
        self.stamp_ns += SECOND
        self.publisher.publish(image(picture(code), self.stamp_ns, self.name))
        return self.stamp_ns

    def show(self):
        """The answer to an image."""
        stamp = self.send()
        return self.detections.wait(lambda m: stamp_ns(m.header) == stamp)


def start_two(probe, start, **parameters):
    # from the start: an image that comes while the subscription changes is lost
    reliable = {
        f"qos_overrides./{name}/image_raw.subscription.reliability": "reliable" for name in ("front", "left")
    }
    given = {"model": "quick", "cameras": "front, left", **reliable, **parameters}
    local = start(FaceDetector, parameters=given)
    return local, Camera(probe, "front"), Camera(probe, "left")


def test_everything_of_a_camera_is_below_its_name(probe, start, scripted):
    _, front, left = start_two(probe, start, min_hits=1)
    for camera in (front, left):
        found = camera.show()
        assert (found.header.frame_id, len(found.detections)) == (camera.name, 1)
        topics = {name for name, _ in probe.node.get_topic_names_and_types()}
        own = ("detections", "identities", "image_annotated", "image_anonymized", "markers")
        assert {f"{NODE}/{camera.name}/{topic}" for topic in own} <= topics
        assert not {f"{NODE}/{topic}" for topic in own} & topics
        assert probe.subscriptions_of(f"/{camera.name}/image_raw")
    assert len(front.detections) == len(left.detections) == 1
    # each has a tracker of its own
    assert front.show().detections[0].id == left.show().detections[0].id == "1"
    annotated = probe.collect(f"{NODE}/left/image_annotated", Image)
    wait_until(lambda: annotated.subscription.get_publisher_count(), "its publisher")
    wait_until(lambda: (left.show(), annotated.messages)[1], "an annotated image")
    assert {m.header.frame_id for m in annotated.messages} == {"left"}


@pytest.mark.parametrize("given", ["front, left", ["front", "left"]], ids=["text", "list"])
def test_the_cameras_are_a_text_or_a_list(probe, start, scripted, given):
    local = start(FaceDetector, parameters={"model": "quick", "cameras": given, "recognize": False})
    probe.wait_for_state(NODE, "active")
    assert [channel.name for channel in local.node.channels] == ["front", "left"]
    assert local.node.wire_topic == "/front/image_raw, /left/image_raw"
    ((successful, reason),) = probe.set_parameters(NODE, cameras="front, front")
    assert not successful
    assert "a name of its own" in reason
    assert probe.set_parameters(NODE, cameras=["back"]) == [(True, "")]


def test_regions_are_of_the_cameras_in_use(probe, start, scripted):
    _, front, _ = start_two(probe, start, recognize=False)
    assert probe.set_parameters(NODE, cameras="back") == [(True, "")]
    ((successful, reason),) = probe.set_parameters(NODE, roi="back/0,0 1,0 1,1 0,1")
    assert not successful
    assert "'back' before the / is not a camera; there are front, left" in reason
    assert front.show().detections
    for verb in ("deactivate", "cleanup"):
        assert probe.change_state(NODE, verb)
    assert probe.set_parameters(NODE, roi="back/0,0 1,0 1,1 0,1", select="back/#1") == [(True, "")] * 2
    assert probe.change_state(NODE, "configure")


@pytest.mark.parametrize(
    ("text", "names"), [("", ("",)), (" , ", ("",)), ("front", ("front",)), ("a,b_2 , c", ("a", "b_2", "c"))]
)
def test_names_of_cameras(text, names):
    assert camera_names(text) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("front camera", "'front camera' cannot be a part"),
        ("2nd", "cannot be a part"),
        ("~", "cannot be a part"),
        ("a,b,a", "a name of its own"),
        (",".join(f"c{n}" for n in range(17)), "at most 16"),
    ],
)
def test_what_is_no_name_of_a_camera(text, words):
    with pytest.raises(ConfigError, match=words):
        camera_names(text)


def test_a_batch_has_the_newest_image_of_each(probe, start, scripted, monkeypatch):
    batches, go_on = [], threading.Event()
    detector = ScriptedDetector()
    detect = detector.detect

    def gated(images, options):
        batches.append(len(images))
        assert go_on.wait(PATIENCE_S)
        return detect(images, options)

    monkeypatch.setattr(detector, "detect", gated)
    monkeypatch.setattr("helpers.detectors.create_quick", lambda device: detector)
    local, front, left = start_two(probe, start, recognize=False)
    mailboxes = [channel.mailbox for channel in local.node.channels]
    first = front.send()
    wait_until(lambda: batches == [1], "the network to work")
    for number in range(1, 6):  # one by one: the middleware keeps four
        last = left.send()
        wait_until(lambda number=number: mailboxes[1].received == number, "its arrival")
    second = front.send()
    wait_until(lambda: [box.received for box in mailboxes] == [2, 5], "all of them")
    go_on.set()
    front.detections.wait(lambda m: stamp_ns(m.header) == second)
    left.detections.wait(lambda m: stamp_ns(m.header) == last)
    assert batches == [1, 2]
    assert [stamp_ns(m.header) for m in front.detections.messages[-2:]] == [first, second]
    assert [stamp_ns(m.header) for m in left.detections.messages] == [last]
    status = probe.diagnostics(NODE, lambda s: s.count("processed") == 3)
    assert (status.count("received"), status.count("dropped")) == (7, 4)


def test_a_camera_that_is_dead_or_broken_holds_up_nobody(probe, start, scripted):
    _, front, left = start_two(probe, start, max_batch_wait_ms=1000.0)
    left.show()
    began = time.monotonic()
    for _ in range(5):
        front.show()  # left has gone, so only the first of these waits
    assert time.monotonic() - began < 4.0
    # an image that the network fails on costs that camera's image alone
    left.send(ScriptedDetector.BROKEN)
    front.show()
    status = probe.diagnostics(NODE, lambda s: s.count("rejected") == 1)
    assert status.ok
    assert "left: image skipped" in probe.wait_for_log("image skipped")
    assert left.show().detections


def test_each_camera_has_a_status_of_its_own(probe, start, scripted):
    _, front, _ = start_two(probe, start)
    front.show()
    statuses = {}

    def both():
        for message in list(probe._diagnostics.messages):
            statuses.update({s.name: {v.key: v.value for v in s.values} for s in message.status})
        return statuses.get("face_detector: front detections", {}).get("processed") == "1"

    probe.diagnostics(NODE)
    wait_until(both, "the status of the camera")
    assert statuses["face_detector: left detections"]["processed"] == "0"
    assert statuses["face_detector: front detections"]["image_topic"] == "/front/image_raw"
    assert statuses["face_detector: detections"]["cameras"] == "front, left"


def test_several_cameras_between_processes(probe, execute):
    process = execute(
        "face_detector",
        namespace="/robot",
        parameters={"model": "dlib_hog", "cameras": "front, left, rear", "recognize": False},
        remaps={"left/image_raw": "/elsewhere"},
    )
    process.wait_for_output(
        "is ready for images on /robot/front/image_raw, /elsewhere, /robot/rear/image_raw"
    )
    with Probe("cameras") as other:
        found = {
            name: probe.collect(f"/robot{NODE}/{name}/detections", Detection2DArray)
            for name in ("front", "left", "rear")
        }
        topics = {"front": "/robot/front/image_raw", "left": "/elsewhere", "rear": "/robot/rear/image_raw"}
        for name, topic in topics.items():
            publisher = other.publisher(topic, qos=BEST_EFFORT)
            probe.send_until(
                publisher, image(picture(), frame_id=name), lambda name=name: len(found[name]), "an answer"
            )
    for name, collection in found.items():
        assert {m.header.frame_id for m in collection.messages} == {name}
