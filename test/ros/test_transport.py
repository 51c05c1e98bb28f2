# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Large images between processes: with our profile on both sides, and with a default participant as peer."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.paths import ROOT

PROFILE = ROOT / "face_detect_ros" / "ros" / "fastdds.xml"
COUNT = 20
PROGRAM = """
import array, sys, time
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from face_detect_ros.ros import runtime

role, width, height, count = sys.argv[1], *map(int, sys.argv[2:5])
if sys.argv[5] == "ours":
    runtime.carry_large_images()
rclpy.init()
node = rclpy.create_node(role)
if role == "camera":
    publisher = node.create_publisher(Image, "image_raw", qos_profile_sensor_data)
    message = Image(width=width, height=height, step=3 * width, encoding="rgb8")
    message.data = array.array("B", bytes(3 * width * height))
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        publisher.publish(message)
        rclpy.spin_once(node, timeout_sec=0.1)
else:
    seen = []
    node.create_subscription(Image, "image_raw", seen.append, qos_profile_sensor_data)
    deadline = time.monotonic() + 30
    while len(seen) < count and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    print(len(seen), len(seen[0].data) if seen else 0)
"""


def start(role: str, transports: str, width: int, height: int) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FASTDDS", "FASTRTPS"))}
    arguments = [role, str(width), str(height), str(COUNT), transports]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("camera", "viewer", "width", "height"),
    [
        ("ours", "ours", 1920, 1080),
        ("ours", "default", 640, 480),
        # what a default participant sends is limited by its own small segment: an image that fits arrives
        ("default", "ours", 320, 240),
    ],
    ids=["ours to ours, 1080p", "ours to default, VGA", "default to ours, small"],
)
def test_images_arrive(camera: str, viewer: str, width: int, height: int) -> None:
    publisher = start("camera", camera, width, height)
    try:
        subscriber = start("viewer", viewer, width, height)
        output, _ = subscriber.communicate(timeout=100)
    finally:
        publisher.kill()
        publisher.communicate()
    count, size = map(int, output.split())
    assert count >= COUNT
    assert size == 3 * width * height


@pytest.mark.parametrize(
    ("distribution", "name"),
    [
        ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE"),
        (None, "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_the_profile_is_given_to_each_version_by_its_name(monkeypatch, distribution, name) -> None:
    from face_detect_ros.ros import runtime

    environment = {} if distribution is None else {"ROS_DISTRO": distribution}
    monkeypatch.setattr(os, "environ", environment)
    runtime.carry_large_images()
    assert environment[name] == str(PROFILE)


@pytest.mark.parametrize(
    "name", ["FASTDDS_BUILTIN_TRANSPORTS", "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"]
)
def test_a_users_own_choice_is_left_alone(monkeypatch, name) -> None:
    from face_detect_ros.ros import runtime

    environment = {name: "mine"}
    monkeypatch.setattr(os, "environ", environment)
    runtime.carry_large_images()
    assert environment == {name: "mine"}
