"""The image stream of a node: subscription, sharing inside a process, and a watch over a silent topic."""

from __future__ import annotations

import posixpath
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, qos_check_compatible
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.ros import qos
from face_detect_ros.ros.messages.images import lazy_frame

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

TOPIC = "image_raw"
TRANSPORTS = ("raw", "compressed")
# a camera that is this late is worth a word
SILENCE_S = 3.0
# what the middleware says before it has heard a node's name, or of a publisher that is no ROS node
_NO_NAME = "_NODE_NAME_UNKNOWN_"


class ImageHub:
    """Gives every node of a process the same frames, each decoded at most once.

    Consumers of one topic share one subscription; where the producer lives in this process too, frames go
    straight to them and never through DDS. Frames arrive on the thread that produced or received them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._consumers: dict[tuple[str, str], list[ImageInput]] = {}
        self._local: set[str] = set()

    def advertise(self, topic: str) -> None:
        """Say that a node of this process will `deliver` the fully qualified `topic`. Before any consumer joins."""
        self._local.add(topic)

    def deliver(self, topic: str, frame: LazyFrame) -> None:
        """Hand a frame of an advertised topic to its consumers, whatever transport they asked for."""
        for transport in TRANSPORTS:
            self._deliver((topic, transport), frame)

    def join(self, consumer: ImageInput) -> None:
        with self._lock:
            group = self._consumers.setdefault(consumer.key, [])
            group.append(consumer)
        if len(group) == 1 and consumer.topic not in self._local:
            consumer.subscribe(lambda frame: self._deliver(consumer.key, frame))

    def leave(self, consumer: ImageInput) -> None:
        with self._lock:
            group = self._consumers.get(consumer.key, [])
            if consumer not in group:
                return
            group.remove(consumer)
        if consumer.subscribed:
            consumer.unsubscribe()
            if group:  # the subscription belonged to the one that left
                group[0].subscribe(lambda frame: self._deliver(consumer.key, frame))

    def _deliver(self, key: tuple[str, str], frame: LazyFrame) -> None:
        with self._lock:
            consumers = tuple(self._consumers.get(key, ()))
        for consumer in consumers:
            consumer.receive(frame)


class ImageInput:
    """One node's image stream on its relative topic `image_raw`.

    transport: "raw" for sensor_msgs/Image, "compressed" for sensor_msgs/CompressedImage on `image_raw/compressed`
    (image_transport's convention: remapping `image_raw` moves both).
    """

    def __init__(
        self, node: Node, hub: ImageHub, transport: str, on_frame: Callable[[LazyFrame], Any]
    ) -> None:
        self._node = node
        self._hub = hub
        self._on_frame = on_frame
        self._transport = transport
        self._type = CompressedImage if transport == "compressed" else Image
        self._subscription: Any = None
        self._last_arrival_s = time.monotonic()
        self._warned = ""
        self._silent = False
        self.topic = node.resolve_topic_name(TOPIC)

    @property
    def key(self) -> tuple[str, str]:
        return self.topic, self._transport

    @property
    def wire_topic(self) -> str:
        """The topic that a publisher must use."""
        return self.topic if self._transport == "raw" else f"{self.topic}/{self._transport}"

    @property
    def camera_info_topic(self) -> str:
        """The camera_info beside the image, by image_transport's convention."""
        return camera_info_topic(self.topic)

    @property
    def rectified(self) -> bool:
        """Whether distortion has been taken out of the images, by the name that image_proc gives them."""
        return "rect" in posixpath.basename(self.topic)

    @property
    def subscribed(self) -> bool:
        return self._subscription is not None

    def start(self) -> None:
        self._last_arrival_s, self._warned, self._silent = time.monotonic(), "", False
        self._hub.join(self)

    def stop(self) -> None:
        self._hub.leave(self)

    def receive(self, frame: LazyFrame) -> None:
        self._last_arrival_s = frame.arrival_s
        if self._silent:
            self._silent = False
            self._node.get_logger().info(f"images arrive on {self.wire_topic}")
        self._on_frame(frame)

    def subscribe(self, on_frame: Callable[[LazyFrame], None]) -> None:
        self._subscription = self._node.create_subscription(
            self._type,
            self.wire_topic,
            lambda message: on_frame(lazy_frame(message)),
            qos.image_input(),
            qos_overriding_options=qos.overridable(),
            # `problem` says it, with both profiles and the remedy
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
        )

    def unsubscribe(self) -> None:
        self._node.destroy_subscription(self._subscription)
        self._subscription = None

    @property
    def problem(self) -> str:
        """Why no image arrives, or why a publisher's do not, as `watch` found it; empty while all is well."""
        return self._warned

    def watch(self) -> None:
        """Look for a reason why no image arrives. Logs each new one once."""
        silent = time.monotonic() - self._last_arrival_s >= SILENCE_S
        text = self._mismatch(silent) or (self._silence() if silent else "")
        if silent and text:
            self._silent = True
        if text and text != self._warned:
            self._node.get_logger().warning(text)
        self._warned = text

    def _profile(self) -> Any:
        return self._subscription.qos_profile if self.subscribed else qos.image_input()

    def _publishers(self) -> list[Any]:
        found = self._node.get_publishers_info_by_topic(self.wire_topic)
        # in a fixed order: another one would be another text, and warned about again
        return sorted(found, key=lambda publisher: (publisher.node_namespace, publisher.node_name))

    def _mismatch(self, silent: bool) -> str:
        if not self.subscribed:
            return ""
        for publisher in self._publishers():
            if publisher.node_name == _NO_NAME and not silent:
                continue  # its name is about to come
            expected = f"sensor_msgs/msg/{self._type.__name__}"
            if publisher.topic_type != expected:
                return (
                    f"{_name(publisher)} publishes {publisher.topic_type} on {self.wire_topic}, but "
                    f"image_transport '{self._transport}' needs {expected}: change the parameter image_transport "
                    "or remap image_raw"
                )
            verdict, reason = qos_check_compatible(publisher.qos_profile, self._profile())
            if verdict == QoSCompatibility.ERROR:
                return (
                    f"{_name(publisher)} publishes {self.wire_topic} with QoS "
                    f"({qos.describe(publisher.qos_profile)}), which the subscription "
                    f"({qos.describe(self._profile())}) cannot receive: {reason.rstrip(';. ')}. Change the "
                    f"publisher, or set qos_overrides.{self.wire_topic}.subscription.reliability to best_effort"
                )
        return ""

    def _silence(self) -> str:
        ours = f"subscribed with QoS ({qos.describe(self._profile())})"
        if not self.subscribed:
            return f"no image on {self.topic} for {SILENCE_S:g} s: the video source in this process delivers none"
        publishers = self._publishers()
        if not publishers:
            return (
                f"no image on {self.wire_topic} for {SILENCE_S:g} s, {ours}: nobody publishes it. Start the camera, "
                "or remap image_raw to its topic (ros2 topic list -t shows the image topics)"
            )
        names = "; ".join(f"{_name(p)} ({qos.describe(p.qos_profile)})" for p in publishers)
        return (
            f"no image on {self.wire_topic} for {SILENCE_S:g} s, {ours}, although it is published by {names}. "
            "Is the camera running? Does it lose large images? (see the README: Large images)"
        )


def _name(publisher: Any) -> str:
    return "an unknown node" if publisher.node_name == _NO_NAME else str(publisher.node_name)


def camera_info_topic(image_topic: str) -> str:
    """The sibling `camera_info` of a fully qualified image topic."""
    return posixpath.join(posixpath.dirname(image_topic), "camera_info")
