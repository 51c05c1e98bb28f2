# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many images of a camera process arrive in a node of this package, by size and transports.

The camera is a plain rclpy node, as drivers are: it publishes and knows nothing of this package. The node receives as
the detectors do.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

SIZES = {"VGA": (640, 480), "1080p": (1920, 1080)}
TRANSPORTS = ("default", "ours", "LARGE_DATA")
RELIABILITIES = ("reliable", "best_effort")
_SLACK_S = 60.0

_CAMERA = """
import array, sys, time
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
width, height, count, rate, policy = *map(int, sys.argv[1:4]), float(sys.argv[4]), sys.argv[5]
rclpy.init()
node = rclpy.create_node("camera")
qos = QoSProfile(depth=5, reliability=getattr(ReliabilityPolicy, policy.upper()))
publisher = node.create_publisher(Image, "image_raw", qos)
message = Image(width=width, height=height, step=3 * width, encoding="rgb8")
message.data = array.array("B", bytes(3 * width * height))
while not publisher.get_subscription_count():
    time.sleep(0.05)
time.sleep(2.0)
due = time.monotonic()
for _ in range(count):
    due += 1 / rate
    time.sleep(max(0.0, due - time.monotonic()))
    message.header.stamp = node.get_clock().now().to_msg()
    publisher.publish(message)
time.sleep(2.0)
"""

_RECEIVER = """
import sys, time
import rclpy
from face_detect_ros.ros import runtime
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
if sys.argv[1] == "ours":
    runtime.carry_large_images()
rclpy.init()
node = rclpy.create_node("receiver")
late = {}
images = ImageInput(
    CameraTopics(node), ImageHub(), "raw",
    lambda frame: late.setdefault(frame.stamp_ns, time.time() - frame.stamp_ns * 1e-9),
)
images.start()
executor = runtime.make_executor()
executor.add_node(node)
idle = time.monotonic() + 30
while time.monotonic() < idle:
    before = len(late)
    executor.spin_once(timeout_sec=0.1)
    if len(late) > before:
        idle = time.monotonic() + 3
values = sorted(late.values())
print(len(values), values[len(values) // 2] * 1e3 if values else -1)
"""


@dataclass(frozen=True)
class TransportRow:
    """One measurement.

    Attributes:
        size: Of the images, such as "1080p".
        camera: Transports of the camera's process: Fast DDS's default, the profile of this package, or LARGE_DATA.
        reliability: Of the camera's publisher.
        sent: Images.
        arrived: Images.
        latency_ms: Median from stamp to arrival; below 0 if nothing arrived.
    """

    size: str
    camera: str
    reliability: str
    sent: int
    arrived: int
    latency_ms: float


def run(count: int, rate_hz: float) -> list[TransportRow]:
    """Measure every combination: `count` images each, `rate_hz` per second."""
    return [
        _measure(size, camera, reliability, count, rate_hz)
        for size in SIZES
        for camera in TRANSPORTS
        for reliability in RELIABILITIES
    ]


def _measure(size: str, camera: str, reliability: str, count: int, rate_hz: float) -> TransportRow:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("FASTDDS_", "FASTRTPS_"))}
    receiving = {**plain, "FASTDDS_BUILTIN_TRANSPORTS": camera} if camera == "LARGE_DATA" else plain
    profile = "ours" if camera != "LARGE_DATA" else camera  # its participants see no others
    receiver = subprocess.Popen(
        [sys.executable, "-c", _RECEIVER, profile], env=receiving, stdout=subprocess.PIPE, text=True
    )
    try:
        width, height = SIZES[size]
        settings = [str(value) for value in (width, height, count, rate_hz, reliability)]
        program = _CAMERA
        if camera == "ours":
            program = "from face_detect_ros.ros import runtime\nruntime.carry_large_images()\n" + _CAMERA
        subprocess.run(
            [sys.executable, "-c", program, *settings],
            env=receiving,
            timeout=count / rate_hz + _SLACK_S,
            check=True,
        )
        answer, _ = receiver.communicate(timeout=_SLACK_S)
    finally:
        receiver.kill()
    arrived, latency_ms = answer.split()
    return TransportRow(size, camera, reliability, count, int(arrived), round(float(latency_ms), 1))
