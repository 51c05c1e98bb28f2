# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Subscriptions get messages whatever the quality of service of the publishers."""

import pytest
from helpers.ros_tools import BEST_EFFORT, LATCHED, RELIABLE, wait_until
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from face_detect_ros.ros import qos
from face_detect_ros.ros.inputs.subscription import MatchingSubscription


class Listener(Node):
    def __init__(self, profile_for, **arguments):
        super().__init__("listener", **arguments)
        self.got = []
        self.subscription = MatchingSubscription(self, CameraInfo, "topic", self.got.append, profile_for)

    def stop(self, timeout_s):
        self.subscription.close()


@pytest.mark.parametrize(
    ("profile_for", "theirs", "expected"),
    [
        (qos.images_of, RELIABLE, qos.image_input(reliable=True)),
        (qos.images_of, BEST_EFFORT, qos.image_input()),
        (qos.results_of, RELIABLE, qos.output()),
        (qos.results_of, BEST_EFFORT, None),
        (qos.camera_info_of, LATCHED, qos.latched()),
        (qos.camera_info_of, RELIABLE, qos.image_input()),
    ],
    ids=["images", "best effort images", "results", "best effort results", "kept camera_info", "camera_info"],
)
def test_what_a_publisher_sends_arrives(probe, start, profile_for, theirs, expected):
    listener = start(Listener, profile_for=profile_for, namespace="/here").node
    publisher = probe.publisher("/here/topic", CameraInfo, theirs)
    if expected is not None:
        wait_until(lambda: listener.subscription.profile == expected, "the profile")
    probe.send_until(publisher, CameraInfo(), lambda: listener.got, "a message")


def test_a_publisher_that_an_override_rules_out_is_warned_of(probe, start):
    override = {"qos_overrides./topic.subscription.reliability": "reliable"}
    start(Listener, profile_for=qos.results_of, parameters=override)
    probe.node.create_publisher(CameraInfo, "/topic", BEST_EFFORT)
    assert "'/topic'" in probe.wait_for_log("offering incompatible QoS")
