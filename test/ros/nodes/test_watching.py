# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Events, zones, selection, demand, rate and lock of a node, as others on the ROS network see them."""

import json
import re
import time

import pytest
from geometry_msgs.msg import PointStamped
from helpers.detectors import picture
from helpers.ros_tools import image, stamp_ns, wait_until
from std_msgs.msg import String
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.video_source import VideoSource

NODE = "/face_detector"
SECOND = 10**9
BOX_CENTER = (3.0, 5.5)  # of what the scripted detector finds in 32x24 pixels
QUICK = {
    "model": "quick",
    "recognize": False,
    "min_hits": 1,
    "qos_overrides./image_raw.subscription.reliability": "reliable",
}


class Camera:
    """Ten images a second by their stamps."""

    def __init__(self, probe, topic=f"{NODE}/detections"):
        self.detections = probe.collect(topic, Detection2DArray)
        self.publisher = probe.publisher()
        wait_until(lambda: self.detections.subscription.get_publisher_count(), topic)
        self.stamp_ns = 1_000 * SECOND

    def show(self, count=1):
        """The answer to the last of `count` images."""
        for _ in range(count):
            self.stamp_ns += SECOND // 10
            stamp = self.stamp_ns
            self.publisher.publish(image(picture(), stamp))
            answer = self.detections.wait(lambda m, stamp=stamp: stamp_ns(m.header) == stamp)
        return answer


def told(collection):
    """[(event, zone, track)] of a topic."""
    events = [json.loads(m.data) for m in list(collection.messages)]
    return [(e["event"], e.get("zone", ""), e["track"]) for e in events]


def test_what_appears_enters_and_leaves_is_told(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "zones": "corner: 0,0 0.5,0 0.5,0.5 0,0.5; sky: 16,0 32,0 32,9"})
    events = probe.collect(f"{NODE}/events", String)
    zones = probe.collect(f"{NODE}/zones", String)
    wait_until(lambda: zones.subscription.get_publisher_count(), "zones")
    camera = Camera(probe)
    first = camera.show()
    camera.show(20)
    assert told(events) == [("appeared", "", 1)]
    assert told(zones) == [("entered", "corner", 1)]
    event = json.loads(events.messages[0].data)
    assert event["stamp"] == {"sec": first.header.stamp.sec, "nanosec": first.header.stamp.nanosec}
    assert (event["class"], event["frame_id"], event["box"]) == ("face", "camera", [1.0, 2.0, 5.0, 9.0])
    # run-time changes: outside of the region nothing is reported
    assert probe.set_parameters(NODE, roi="0.5,0 1,0 1,1 0.5,1") == [(True, "")]
    assert camera.show(12).detections == []
    assert told(events)[1:] == [("left", "", 1)]
    assert told(zones)[1:] == [("left", "corner", 1)]
    assert probe.set_parameters(NODE, roi="") == [(True, "")]
    assert camera.show().detections[0].id == "1"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"roi": "0,0 1,1"}, "parameter roi: polygon '0,0 1,1' has 2 corners; give 3 to 100, such as"),
        ({"zones": "0,0 1,1 1,0"}, "parameter zones: .* has no name"),
        ({"zones": "top/a: 0,0 1,1 1,0"}, "'top' before the / is not a camera"),
        ({"select": "top/#1"}, "parameter select: 'top' before the / is not a camera"),
    ],
)
def test_areas_that_cannot_be_used_are_refused_with_the_reason(probe, start, scripted, values, words):
    start(FaceDetector, parameters=QUICK)
    ((successful, reason),) = probe.set_parameters(NODE, **values)
    assert not successful
    assert re.search(words, reason)


def test_areas_that_are_wrong_at_the_start_are_reported_and_corrected_one_at_a_time(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "roi": "junk", "zones": "door", "select": "top/#1"})
    assert probe.wait_for_log("cannot configure: parameter roi: polygon 'junk'")
    assert probe.set_parameters(NODE, max_rate_hz=5.0, roi="") == [(True, "")] * 2
    ((successful, reason),) = probe.set_parameters(NODE, zones="gate")
    assert not successful
    assert "parameter zones: 'gate'" in reason
    assert not probe.change_state(NODE, "configure")
    assert probe.wait_for_log("cannot configure: parameter zones: 'door'")
    assert probe.set_parameters(NODE, select="", zones="") == [(True, "")] * 2
    assert probe.change_state(NODE, "configure")


def test_one_track_is_followed(probe, start, scripted):
    start(FaceDetector, parameters=QUICK)
    selected = probe.collect(f"{NODE}/selected", Detection2DArray)
    clicks = probe.publisher(f"{NODE}/select_at", PointStamped)
    camera = Camera(probe)

    def followed():
        stamp = stamp_ns(camera.show().header)
        message = selected.wait(lambda m: stamp_ns(m.header) == stamp)
        return [d.id for d in message.detections]

    def click(x, y):
        message = PointStamped()
        message.point.x, message.point.y = x, y
        clicks.publish(message)

    assert followed() == []
    click(*BOX_CENTER)
    wait_until(lambda: followed() == ["1"], "the clicked one")
    click(30.0, 20.0)
    wait_until(lambda: followed() == [], "a click beside it")
    assert probe.set_parameters(NODE, select="face") == [(True, "")]
    assert followed() == ["1"]
    assert probe.diagnostics(NODE, lambda s: s.values.get("selected") == "#1 face")
    assert probe.set_parameters(NODE, select="#9") == [(True, "")]
    assert followed() == []


def test_on_demand_nothing_runs_until_somebody_subscribes(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick", "compute": "on_demand"})
    probe.wait_for_state(NODE, "active")
    status = probe.diagnostics(NODE, lambda s: s.values.get("compute") == "nobody subscribes")
    assert (status.ok, status.count("received")) == (True, 0)
    assert probe.subscriptions_of("/image_raw") == []
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    publisher = probe.publisher()
    probe.send_until(publisher, image(picture()), lambda: len(detections), "an answer")
    probe.drop(detections)
    wait_until(lambda: publisher.get_subscription_count() == 0, "the end of the subscription")
    assert probe.set_parameters(NODE, compute="always") == [(True, "")]
    wait_until(lambda: publisher.get_subscription_count() == 1, "a subscription again")


def test_enrolling_is_a_demand_too(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick", "compute": "on_demand", "enroll_name": "Ann"})
    probe.wait_for_state(NODE, "active")
    client = probe.node.create_client(Trigger, f"{NODE}/enroll")
    wait_until(client.service_is_ready, "the service")
    future = client.call_async(Trigger.Request())
    publisher = probe.publisher()
    probe.send_until(publisher, image(picture()), future.done, "an answer")
    assert "Ann was not enrolled" in future.result().message  # the face is too small
    assert "no image" not in future.result().message


def test_no_more_images_per_second_than_allowed(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "max_rate_hz": 1.0})
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    publisher = probe.publisher()
    for _ in range(100):
        publisher.publish(image(picture()))
        time.sleep(0.02)
    status = probe.diagnostics(NODE, lambda s: s.count("received") > 20 and s.values["input_hz"] == "0.0")
    assert 2 <= len(detections) <= 8
    counts = [status.count(key) for key in ("processed", "dropped", "over_rate")]
    assert sum(counts) == status.count("received")


def test_a_locked_node_refuses_changes(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "recognize": True, "enroll_name": "Ann", "locked": True})
    probe.wait_for_state(NODE, "active")
    for values in (
        {"model": "slow"}, {"gallery": "/tmp/x"}, {"score_threshold": 1.0}, {"roi": "0,0 1,0 1,1"},
        {"use_sim_time": True}, {"locked": False}, {"enroll_name": "Eve"}, {"privacy": False},
    ):  # fmt: skip
        ((successful, reason),) = probe.set_parameters(NODE, **values)
        assert not successful, values
        assert "locked" in reason or "read-only" in reason, values
    for service in ("enroll", "forget", "rename"):
        answer = probe.call(Trigger, f"{NODE}/{service}", Trigger.Request())
        assert not answer.success
        assert "locked" in answer.message
    assert probe.call(Trigger, f"{NODE}/list_people", Trigger.Request()).success
    assert probe.set_parameters(NODE, select="face", privacy=True) == [(True, ""), (True, "")]
    ((successful, reason),) = probe.set_parameters(NODE, privacy=False)
    assert not successful
    assert reason == "privacy: the node is locked; start it with locked:=false to change it"


def test_a_locked_video_source_keeps_its_source(probe, start):
    start(VideoSource, parameters={"source": "sample:astronaut", "locked": True})
    ((successful, reason),) = probe.set_parameters("/video_source", source="/dev/video0")
    assert (successful, reason) == (
        False,
        "source: the node is locked; start it with locked:=false to change it",
    )


def test_a_latency_above_the_limit_is_a_warning_or_an_error(probe, start, scripted):
    start(FaceDetector, parameters={**QUICK, "model": "slow", "max_latency_ms": 1e5})
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    publisher = probe.publisher()

    def show(until, what):
        message = image(picture(), probe.node.get_clock().now().nanoseconds)
        return probe.send_until(publisher, message, until, what, period_s=0.3)

    show(lambda: len(detections), "an answer")
    assert probe.diagnostics(NODE, lambda s: s.count("processed") >= 1).ok
    assert probe.set_parameters(NODE, max_latency_ms=1) == [(True, "")]

    def advised():
        publisher.publish(image(picture(), probe.node.get_clock().now().nanoseconds))
        status = probe.diagnostics(NODE, lambda s: "more than 1:" in s.message)
        return "ms; use a smaller model" in status.message

    wait_until(advised, "what to do about it")
    levels = [s.level for m in probe._diagnostics.messages for s in m.status if "more than 1:" in s.message]
    assert levels[-1] == b"\2"
