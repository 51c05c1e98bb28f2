# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A topic with images, and the same as JPEG beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.images import compressed_message, image_message
from face_detect_ros.ros.outputs.output import Output


class ImageOutput(Output):
    """sensor_msgs/Image, and sensor_msgs/CompressedImage on the topic below it, as image_transport names it.

    The image is drawn once for both, and encoded only while somebody subscribes to it compressed.

    Args:
        topics: Of the camera.
        topic: Name, relative to the node, for the only camera. Remapping it moves the compressed one as well.
        jpeg_quality: Gives the quality of the compressed image, from 1 to 100.
    """

    def __init__(self, topics: CameraTopics, topic: str, jpeg_quality: Callable[[], int]) -> None:
        super().__init__(topics, Image, topic)
        self._jpeg_quality = jpeg_quality
        self._compressed: Any = self.node.create_publisher(
            CompressedImage,
            _compressed_topic(topics, topic),
            qos.output(),
            qos_overriding_options=qos.overridable(),
        )

    @abstractmethod
    def image(self, result: Result) -> np.ndarray | None:
        """(H, W, 3) uint8 RGB to publish for `result`; None publishes nothing."""

    def wanted(self) -> bool:
        return super().wanted() or self._compressed_wanted

    @property
    def _compressed_wanted(self) -> bool:
        return bool(self._compressed.get_subscription_count() > 0)

    def publish(self, result: Result) -> None:
        """Publish the image in the forms that somebody subscribes to."""
        image = self.image(result)
        if image is None:
            return
        frame = result.frame
        if super().wanted():
            self.publisher.publish(image_message(image, frame.stamp_ns, frame.frame_id))
        if self._compressed_wanted:
            self._compressed.publish(
                compressed_message(image, frame.stamp_ns, frame.frame_id, self._jpeg_quality())
            )

    def message(self, result: Result) -> None:
        """There are two kinds of messages: see `publish`."""

    def close(self) -> None:
        self.node.destroy_publisher(self._compressed)
        super().close()


def _compressed_topic(topics: CameraTopics, topic: str) -> str:
    """Where the compressed image goes: to its own remapping if it has one, otherwise below the image."""
    node = topics.node
    name = topics.name(f"{topic}/compressed")
    resolved = str(node.resolve_topic_name(name))
    plain = f"{node.get_fully_qualified_name()}{name[1:]}"
    return resolved if resolved != plain else f"{node.resolve_topic_name(topics.name(topic))}/compressed"
