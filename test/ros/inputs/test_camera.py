# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The image stream of a node: one subscription for a whole process, and a word when nothing comes."""

import time

import numpy as np
import pytest
from helpers.ros_tools import BEST_EFFORT, RELIABLE, Probe, compressed, faceless, image, wait_until
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from face_detect_ros.core.errors import ImageError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.images.raw import DEFAULTS, DecodeOptions
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs import camera as image_input
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.following import FOLLOW_PERIOD_S
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.face_detector import FaceDetector

IMAGE = faceless(12, 16)


class Viewer(Node):
    """Keeps the frames of its image input, and asks it for problems as diagnostics do."""

    def __init__(self, hub=None, transport="raw", name="viewer", decode=DEFAULTS, **arguments):
        super().__init__(name, **arguments)
        self.frames = []
        self.problem = ""
        self.input = ImageInput(CameraTopics(self), hub or ImageHub(), transport, self.frames.append, decode)
        self.create_timer(0.1, self.look)
        self.input.start()

    def look(self):
        self.input.watch()
        self.problem = self.input.problem

    def stop(self, timeout_s):
        self.input.stop()


@pytest.fixture
def camera():
    """Somebody else, who publishes."""
    with Probe("camera", namespace="/") as camera:
        yield camera


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(image_input, "SILENCE_S", 0.5)


def test_two_consumers_share_one_subscription_and_one_decoding(probe, start):
    hub = ImageHub()
    first = start(Viewer, hub=hub, name="first").node
    second = start(Viewer, hub=hub, name="second").node
    publisher = probe.publisher()
    probe.send_until(
        publisher, image(IMAGE), lambda: first.frames and second.frames, "a frame at both consumers"
    )
    assert first.frames[0] is second.frames[0]
    assert first.frames[0].frame() is second.frames[0].frame()
    assert len(probe.subscriptions_of("/image_raw")) == 1


def dark(value=900):
    return image(np.full((12, 16), value, "<u2"), encoding="mono16", step=32)


def test_nearly_black_images_of_few_bits_are_told_of_once(probe, start):
    viewer = start(Viewer).node
    probe.send_until(probe.publisher(), dark(), lambda: len(viewer.frames) > 2, "frames")
    for frame in viewer.frames[:3]:
        assert frame.frame().image.max() == 3
    assert "image_bits" in probe.wait_for_log("/image_raw: 16-bit pixels use only their lowest 10 bits")
    assert len(probe.logs("16-bit pixels")) == 1


def test_images_are_decoded_as_the_options_say(probe, start):
    viewer = start(Viewer, decode=DecodeOptions(bits=10, max_image_mpx=0.001)).node
    publisher = probe.publisher()
    probe.send_until(publisher, dark(), lambda: viewer.frames, "a frame")
    assert viewer.frames[0].frame().image.max() == 225
    large = image(faceless(40, 50))
    probe.send_until(publisher, large, lambda: _refused(viewer.frames[-1]), "an image above the limit")


def _refused(frame):
    try:
        frame.frame()
    except ImageError as error:
        return error.reason == "size"
    return False


def test_when_the_owner_of_the_subscription_leaves_another_takes_over(probe, start):
    hub = ImageHub()
    first = start(Viewer, hub=hub, name="first")
    second = start(Viewer, hub=hub, name="second")
    third = start(Viewer, hub=hub, name="third")
    publisher = probe.publisher()
    third.stop()
    assert first.node.input.subscribed
    first.stop()
    assert second.node.input.subscribed
    probe.send_until(publisher, image(IMAGE), lambda: second.node.frames, "a frame at the one that stayed")
    assert first.node.frames == []
    wait_until(lambda: len(probe.subscriptions_of("/image_raw")) == 1, "one subscription")
    second.stop()
    wait_until(lambda: probe.subscriptions_of("/image_raw") == [], "no subscription")


def test_consumers_of_different_topics_and_forms_do_not_mix(probe, start):
    hub = ImageHub()
    left = start(Viewer, hub=hub, name="left", remaps={"image_raw": "/left"}).node
    right = start(Viewer, hub=hub, name="right", remaps={"image_raw": "/right"}).node
    packed = start(Viewer, hub=hub, name="packed", transport="compressed", remaps={"image_raw": "/left"}).node
    probe.send_until(probe.publisher("/left"), image(IMAGE), lambda: left.frames, "a frame on the left")
    assert (right.frames, packed.frames) == ([], [])


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_a_producer_in_the_process_needs_no_subscription(probe, start, transport):
    hub = ImageHub()
    hub.advertise("/image_raw")
    viewer = start(Viewer, hub=hub, transport=transport).node
    frame = LazyFrame(stamp_ns=7, frame_id="cam", decode=lambda: IMAGE)
    hub.deliver("/image_raw", frame)
    assert viewer.frames == [frame]
    assert not viewer.input.subscribed
    # whatever the viewer has on the network has arrived once one of its publishers is seen
    wait_until(lambda: "viewer" in probe.node.get_node_names(), "the viewer")
    assert probe.subscriptions_of("/image_raw") == []


def test_compressed_images_come_by_remapping_image_raw(probe, start):
    viewer = start(Viewer, transport="compressed", remaps={"image_raw": "/cam/color/image_raw"}).node
    assert viewer.input.wire_topic == "/cam/color/image_raw/compressed"
    assert viewer.input.camera_info_topic == "/cam/color/camera_info"
    publisher = probe.publisher("/cam/color/image_raw/compressed", CompressedImage)
    probe.send_until(publisher, compressed(IMAGE, ".png"), lambda: viewer.frames, "a frame")
    assert (viewer.frames[0].frame().image == IMAGE).all()


def test_topics_follow_the_namespace(start):
    viewer = start(Viewer, namespace="/robot1").node
    assert viewer.input.wire_topic == "/robot1/image_raw"
    assert viewer.input.camera_info_topic == "/robot1/camera_info"


@pytest.mark.parametrize("qos", [RELIABLE, BEST_EFFORT], ids=["reliable", "best_effort"])
def test_every_camera_is_received(probe, start, qos):
    viewer = start(Viewer).node
    publisher = probe.publisher(qos=qos)
    probe.send_until(publisher, image(IMAGE), lambda: viewer.frames, "a frame")


def test_silence_is_said_once_with_what_to_do_and_so_is_its_end(probe, start, impatient):
    viewer = start(Viewer).node
    warning = probe.wait_for_log("no image on /image_raw for 0.5 s")
    assert "best effort, volatile, keep last 1" in warning
    assert "nobody publishes it" in warning
    assert "remap image_raw" in warning
    assert viewer.problem == warning
    publisher = probe.publisher()
    probe.send_until(publisher, image(IMAGE), lambda: viewer.frames and not viewer.problem, "no problem")
    probe.wait_for_log("images arrive on /image_raw")
    # silent again, this time with a publisher
    again = probe.wait_for_log("although it is published by probe")
    assert "reliable, volatile" in again
    assert "large images" in again
    assert len(probe.logs("nobody publishes")) == 1
    assert len(probe.logs("images arrive")) == 1


def test_a_silent_producer_in_the_process_is_named_as_such(start, impatient):
    hub = ImageHub()
    hub.advertise("/image_raw")
    viewer = start(Viewer, hub=hub).node
    wait_until(lambda: "the video source in this process delivers none" in viewer.problem, "the problem")


def test_a_publisher_with_another_reliability_is_named(probe, start, camera):
    override = {"qos_overrides./image_raw.subscription.reliability": "reliable"}
    viewer = start(Viewer, parameters=override).node
    camera.node.create_publisher(Image, "/image_raw", BEST_EFFORT)
    warning = probe.wait_for_log("cannot receive")
    assert "camera publishes /image_raw with QoS (best effort, volatile" in warning
    assert "(reliable, volatile, keep last 1)" in warning
    assert "qos_overrides./image_raw.subscription.reliability to best_effort" in warning
    assert viewer.problem == warning
    assert not probe.logs("offering incompatible QoS")


@pytest.mark.parametrize(
    ("transport", "kind", "topic"),
    [
        ("raw", CompressedImage, "/image_raw"),
        ("raw", String, "/image_raw"),
        ("compressed", Image, "/image_raw/compressed"),
    ],
    ids=["compressed_for_raw", "no_image", "raw_for_compressed"],
)
def test_a_publisher_of_another_type_is_named(probe, start, camera, transport, kind, topic):
    start(Viewer, transport=transport)
    camera.node.create_publisher(kind, topic, RELIABLE)
    warning = probe.wait_for_log("change the parameter image_transport")
    assert f"camera publishes {kind.__module__.split('.')[0]}/msg/{kind.__name__} on {topic}" in warning


def test_an_incompatible_publisher_beside_a_good_one_is_said_once(probe, start, camera, impatient):
    camera.node.create_publisher(String, "/image_raw", RELIABLE)
    viewer = start(Viewer).node
    publisher = probe.publisher()
    probe.wait_for_log("needs sensor_msgs/msg/Image")
    # so long that diagnostics look many times between images
    probe.send_until(publisher, image(IMAGE), lambda: len(viewer.frames) > 20, "20 frames", period_s=0.15)
    assert len(probe.logs("needs sensor_msgs/msg/Image")) == 1
    assert len(probe.logs("images arrive")) <= 1
    assert "needs sensor_msgs/msg/Image" in viewer.problem


def test_a_silent_topic_shows_in_the_diagnostics_of_a_detector(probe, start, impatient):
    start(FaceDetector, remaps={"image_raw": "/front/image"})
    status = probe.diagnostics("/face_detector", lambda status: "no image" in status.message)
    for words in ("/front/image", "best effort, volatile, keep last 1", "remap image_raw"):
        assert words in status.message
    assert status.values["state"] == "active"
    publisher = probe.publisher("/front/image", qos=QoSProfile(depth=1))
    told = []

    def all_right():
        return probe.diagnostics("/face_detector", lambda s: told.append(s) or True).ok

    probe.send_until(publisher, image(IMAGE), all_right, "diagnostics that all is well")


def test_the_patience_is_three_seconds():
    assert image_input.SILENCE_S == 3.0


# reliability


def reliability(probe, topic="/image_raw"):
    return [subscription.qos_profile.reliability for subscription in probe.subscriptions_of(topic)]


def test_the_subscription_is_as_reliable_as_its_publishers(probe, start, camera):
    start(Viewer)
    wait_until(lambda: reliability(probe) == [ReliabilityPolicy.BEST_EFFORT], "a subscription for everybody")
    reliable = camera.publisher(subscribers=0, qos=QoSProfile(depth=1))
    wait_until(lambda: reliability(probe) == [ReliabilityPolicy.RELIABLE], "a reliable subscription")
    unreliable = camera.publisher(subscribers=0, qos=BEST_EFFORT)
    wait_until(lambda: reliability(probe) == [ReliabilityPolicy.BEST_EFFORT], "one that both reach")
    camera.node.destroy_publisher(unreliable)
    wait_until(lambda: reliability(probe) == [ReliabilityPolicy.RELIABLE], "a reliable one again")
    # replaced between two looks: their number is the same
    camera.node.destroy_publisher(reliable)
    camera.publisher(subscribers=0, qos=BEST_EFFORT)
    wait_until(
        lambda: reliability(probe) == [ReliabilityPolicy.BEST_EFFORT], "one that the next camera reaches"
    )


def test_the_user_s_reliability_wins(probe, start, camera):
    start(Viewer, parameters={"qos_overrides./image_raw.subscription.reliability": "best_effort"})
    camera.publisher(subscribers=0, qos=QoSProfile(depth=1))
    wait_until(lambda: probe.publishers_of("/image_raw"), "the camera")
    time.sleep(3 * FOLLOW_PERIOD_S)
    assert reliability(probe) == [ReliabilityPolicy.BEST_EFFORT]


def test_nodes_with_different_overrides_do_not_share_a_subscription(probe, start):
    hub = ImageHub()
    start(Viewer, hub=hub, name="first")
    override = {"qos_overrides./image_raw.subscription.reliability": "reliable"}
    start(Viewer, hub=hub, name="second", parameters=override)
    expected = {ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE}
    wait_until(lambda: set(reliability(probe)) == expected, "two subscriptions")


def test_when_the_source_of_the_process_goes_its_consumers_hear_others(probe, start):
    hub = ImageHub()
    hub.advertise("/image_raw")
    viewer = start(Viewer, hub=hub).node
    assert probe.subscriptions_of("/image_raw") == []
    hub.withdraw("/image_raw")
    probe.send_until(probe.publisher(), image(IMAGE), lambda: viewer.frames, "a frame")
    hub.advertise("/image_raw")
    wait_until(lambda: not probe.subscriptions_of("/image_raw"), "the subscription's end")


@pytest.mark.parametrize(
    ("remaps", "wire_topic", "info_topic"),
    [
        ({"image_raw": "/front/image"}, "/front/image/compressed", "/front/camera_info"),
        ({"image_raw/compressed": "/jpeg"}, "/jpeg", "/camera_info"),
        ({"image_raw": "/front/image", "camera_info": "/info"}, "/front/image/compressed", "/info"),
    ],
    ids=["image_raw", "the compressed topic itself", "camera_info itself"],
)
def test_remaps_are_honored_name_by_name(start, remaps, wire_topic, info_topic):
    viewer = start(Viewer, transport="compressed", remaps=remaps).node
    assert (viewer.input.wire_topic, viewer.input.camera_info_topic) == (wire_topic, info_topic)
