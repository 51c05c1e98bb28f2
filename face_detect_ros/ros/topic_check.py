# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Listening to an image topic for some seconds: do its images arrive, and if not, why."""

from __future__ import annotations

import time
from dataclasses import dataclass

import rclpy
from rclpy.node import Node

from face_detect_ros.ros import runtime
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import SILENCE_S, ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.inputs.loss import WINDOW_S

_LISTEN_S = max(WINDOW_S, SILENCE_S) + 1.0
_COMPRESSED = "/compressed"


@dataclass(frozen=True)
class TopicReport:
    """What was heard.

    Attributes:
        images: How many came.
        arriving_hz: Images per second that came; 0 if too few to say.
        published_hz: Images per second that were sent, by the gaps between their stamps; 0 if too few to say.
        problem: Why images do not arrive and what to do; empty if they do.
    """

    images: int
    arriving_hz: float
    published_hz: float
    problem: str


def listen(topic: str, seconds: float = _LISTEN_S) -> TopicReport:
    """Subscribe to a topic of images as a detector would.

    Args:
        topic: Of sensor_msgs/Image, or ending in /compressed of sensor_msgs/CompressedImage.
        seconds: How long.
    """
    transport = "compressed" if topic.endswith(_COMPRESSED) else "raw"
    runtime.carry_large_images()
    context = rclpy.Context()
    rclpy.init(context=context)
    words = ["--ros-args", "-r", f"image_raw:={topic.removesuffix(_COMPRESSED)}", "--log-level", "fatal"]
    node = Node("face_detect_ros_doctor", context=context, cli_args=words, start_parameter_services=False)
    count = 0

    def arrived(_: object) -> None:
        nonlocal count
        count += 1

    try:
        images = ImageInput(CameraTopics(node), ImageHub(), transport, arrived)
        images.start()
        executor = runtime.make_executor(context)
        executor.add_node(node)
        end_s = time.monotonic() + seconds
        while (now_s := time.monotonic()) < end_s:
            executor.spin_once(timeout_sec=min(0.1, end_s - now_s))
        images.watch()
        arriving, published = images.loss.rates() or (0.0, 0.0)
        return TopicReport(count, arriving, published, images.problem)
    finally:
        node.destroy_node()
        context.try_shutdown()
