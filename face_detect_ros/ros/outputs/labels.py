# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/label_info` and `~/vision_info`: what the class names are, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from vision_msgs.msg import LabelInfo, VisionInfo

from face_detect_ros.core.text import as_utf8
from face_detect_ros.ros import qos
from face_detect_ros.ros.messages.detections import label_info_message
from face_detect_ros.ros.messages.headers import make_header


class LabelInfoTopic:
    """`~/label_info`, kept for late subscribers."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher: Any = node.create_publisher(LabelInfo, "~/label_info", qos.latched())

    def announce(self, names: Sequence[str], score_threshold: float) -> None:
        """Say what the classes are called and which score is the lowest published."""
        now_ns = self._node.get_clock().now().nanoseconds
        self._publisher.publish(label_info_message(names, score_threshold, now_ns))

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)


class VisionInfoTopic:
    """`~/vision_info`, kept for late subscribers."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher: Any = node.create_publisher(VisionInfo, "~/vision_info", qos.latched())

    def announce(self, method: str, location: str, version: int, file: str) -> None:
        """Say which network names things.

        Args:
            method: Name of the network.
            location: Of its database of names.
            version: Of that database; grows with each change.
            file: `unique_id` of its file. Published as `header.frame_id`, because the message has no field for it.
        """
        header = make_header(self._node.get_clock().now().nanoseconds, file)
        self._publisher.publish(
            VisionInfo(
                header=header,
                method=as_utf8(method),
                database_location=as_utf8(location),
                database_version=version,
            )
        )

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)
