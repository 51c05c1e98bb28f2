# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a topic that shows results is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rclpy.qos import QoSProfile

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics


class Output(ABC):
    """One topic of a node, from configure to cleanup. Computed only while somebody subscribes.

    A new topic is a subclass with a `message`, and one line in the node's `make_outputs`.

    Args:
        topics: Of the camera whose results it shows.
        kind: Message class.
        topic: Name, relative to the node, such as "~/detections", for the only camera.
        profile: Quality of service; that of `qos.output` by default.
    """

    covers: ClassVar[bool] = False
    """Whether it needs `Result.covered`."""
    locates: ClassVar[bool] = False
    """Whether it shows `Result.positions` where there are any."""
    early: ClassVar[bool] = False
    """Whether it is published as soon as the detections are final, before anybody is recognized."""
    deferred: ClassVar[bool] = False
    """Whether it may wait until the results of every frame in hand are out; it then gets the newest one only."""

    always: ClassVar[bool] = False
    """Whether it gets every result, subscribed or not: what it says depends on earlier ones."""

    def __init__(
        self, topics: CameraTopics, kind: type, topic: str, profile: QoSProfile | None = None
    ) -> None:
        self.node = topics.node
        with qos.overrides_explained(self.node.resolve_topic_name(topics.name(topic))):
            self.publisher: Any = self.node.create_publisher(
                kind, topics.name(topic), profile or qos.output(), qos_overriding_options=qos.overridable()
            )

    def wanted(self) -> bool:
        """Whether somebody subscribes."""
        return bool(self.publisher.get_subscription_count() > 0)

    @abstractmethod
    def message(self, result: Result) -> Any:
        """The message for `result`; None publishes nothing."""

    def publish(self, result: Result) -> None:
        """Publish what `result` says. Call it only if `wanted` or `always`."""
        message = self.message(result)
        if message is not None:
            self.publisher.publish(message)

    def once_a_second(self, *, active: bool) -> None:  # noqa: B027 - most have nothing to do
        """Do what must be done from time to time."""

    def values(self) -> dict[str, str]:
        """Figures for diagnostics."""
        return {}

    def close(self) -> None:
        """Remove the topic."""
        self.node.destroy_publisher(self.publisher)
