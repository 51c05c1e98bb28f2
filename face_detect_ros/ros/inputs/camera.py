# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The image stream of a node: subscription, remaps, and a watch over a silent or lossy topic."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Hashable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, ReliabilityPolicy, qos_check_compatible
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.images.raw import DEFAULTS, DecodeOptions
from face_detect_ros.ros import qos, rclpy_internals, shared_memory
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.inputs.loss import LossMeter
from face_detect_ros.ros.inputs.subscription import MatchingSubscription, overrides_of
from face_detect_ros.ros.messages.images import lazy_frame

TOPIC = "image_raw"
TRANSPORTS = ("raw", "compressed")
SILENCE_S = 3.0
"""A camera that is this late is worth a warning."""
WORTH_TELLING = 0.05
"""Share of lost images from which on it is worth a warning."""
_SMALL_SHM_BYTES = 100_000_000
# what the middleware says before it has heard a node's name, or of a publisher that is not a ROS node
_NO_NAME = "_NODE_NAME_UNKNOWN_"


class ImageInput:
    """One camera's image stream on its relative topic `image_raw`, by a `MatchingSubscription`.

    Args:
        topics: Of the camera, on the node that owns the subscription.
        hub: Shared by the nodes of the process.
        transport: "raw" for sensor_msgs/Image, "compressed" for sensor_msgs/CompressedImage on `image_raw/compressed`
            (image_transport's convention: remapping `image_raw` moves both; remapping `image_raw/compressed` or
            `camera_info` itself wins).
        on_frame: Gets every frame.
        decode: How images are decoded.
        name: Relative topic of other images than the camera's, below the name of the node that publishes them.
    """

    def __init__(
        self,
        topics: CameraTopics,
        hub: ImageHub,
        transport: str,
        on_frame: Callable[[LazyFrame], Any],
        decode: DecodeOptions = DEFAULTS,
        name: str = TOPIC,
    ) -> None:
        self._node = node = topics.node
        self._topics = topics
        self._hub = hub
        self._on_frame = on_frame
        self._transport = transport
        self._decode = decode
        self._told_of_pixels = False
        self._type = CompressedImage if transport == "compressed" else Image
        self._name = topics.name(name)
        self._publisher = "" if name == TOPIC else name.partition("/")[0]
        self._subscription: MatchingSubscription | None = None
        self._last_arrival_s = time.monotonic()
        self._warned = ""
        self._silent = False
        self.loss = LossMeter()
        self.topic = node.resolve_topic_name(self._name)
        self.wire_topic = self.topic
        """The topic that a publisher must use."""
        if transport != "raw":
            self.wire_topic = remapped(node, f"{self._name}/{transport}") or f"{self.topic}/{transport}"
        self._overrides = overrides_of(node, self.wire_topic)

    @property
    def key(self) -> Hashable:
        values = tuple(
            (name, str(rclpy_internals.initial_override(self._node, name))) for name in self._overrides
        )
        return self.wire_topic, self._transport, self._decode, values

    @property
    def camera_info_topic(self) -> str:
        """The camera_info beside the image, by image_transport's convention, or where it is remapped to."""
        return remapped(self._node, self._topics.name("camera_info")) or camera_info_topic(self.topic)

    @property
    def compressed(self) -> bool:
        """Whether images come compressed."""
        return self._transport != "raw"

    @property
    def rectified(self) -> bool:
        """Whether distortion has been taken out of the images, by the name that image_proc gives them."""
        return "rect" in posixpath.basename(self.topic)

    @property
    def subscribed(self) -> bool:
        """Whether this input owns the subscription that the nodes of the process share."""
        return self._subscription is not None

    def start(self) -> None:
        """Have frames from now on."""
        self._last_arrival_s, self._warned, self._silent = time.monotonic(), "", False
        self.loss.clear()
        self._hub.join(self)

    def stop(self) -> None:
        """Have no more frames."""
        self._hub.leave(self)

    def receive(self, frame: LazyFrame) -> None:
        self._last_arrival_s = frame.arrival_s
        self.loss.add(frame.stamp_ns, frame.arrival_s)
        if self._silent:
            self._silent = False
            self._node.get_logger().info(f"images arrive on {self.wire_topic}")
        self._on_frame(frame)

    def subscribe(self) -> None:
        """Own the subscription of the process."""
        key = self.key
        self._subscription = MatchingSubscription(
            self._node,
            self._type,
            self.wire_topic,
            lambda message: self._arrived(key, message),
            qos.images_of,
            warn=False,  # `watch` does, and says what to do
        )

    def unsubscribe(self) -> None:
        """Give the subscription up."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    @property
    def problem(self) -> str:
        """Why images do not arrive, as `watch` found it; empty while all is well."""
        return self._warned

    def watch(self) -> None:
        """Look for a reason why images do not arrive. Logs each new one once."""
        silent = time.monotonic() - self._last_arrival_s >= SILENCE_S
        text = self._mismatch(silent) or (self._silence() if silent else self._lossy())
        if silent and text:
            self._silent = True
        if text and _kind(text) != _kind(self._warned):
            self._node.get_logger().warning(text)
        self._warned = text

    def _arrived(self, key: Hashable, message: Any) -> None:
        if self._node.context.ok():  # what is handed over while the process ends would be published too late
            self._hub.arrived(key, lazy_frame(message, self._decode, self._tell_of_pixels))

    def _tell_of_pixels(self, text: str) -> None:
        """Log once what is odd about the values of pixels."""
        if not self._told_of_pixels and self._node.context.ok():
            self._told_of_pixels = True
            self._node.get_logger().warning(f"{self.wire_topic}: {text}")

    def _profile(self) -> Any:
        owner = self._hub.owner(self.key)
        subscription = owner._subscription if isinstance(owner, ImageInput) else None
        return qos.image_input() if subscription is None else subscription.profile

    def _publishers(self) -> list[Any]:
        found = self._node.get_publishers_info_by_topic(self.wire_topic)
        # in a fixed order: another one would be another text, and warned about again
        return sorted(found, key=lambda publisher: (publisher.node_namespace, publisher.node_name))

    def _mismatch(self, silent: bool) -> str:
        if self._hub.is_local(self.topic):
            return ""
        for publisher in self._publishers():
            if publisher.node_name == _NO_NAME and not silent:
                continue  # its name is about to come
            expected = f"sensor_msgs/msg/{self._type.__name__}"
            if publisher.topic_type != expected:
                return (
                    f"{_name(publisher)} publishes {publisher.topic_type} on {self.wire_topic}, but "
                    f"image_transport '{self._transport}' needs {expected}: change the parameter image_transport "
                    f"or remap {self._name}"
                )
            verdict, reason = qos_check_compatible(publisher.qos_profile, self._profile())
            if verdict == QoSCompatibility.ERROR:
                return (
                    f"{_name(publisher)} publishes {self.wire_topic} with QoS "
                    f"({qos.as_text(publisher.qos_profile)}), which the subscription "
                    f"({qos.as_text(self._profile())}) cannot receive: {reason.rstrip(';. ')}. Change the "
                    f"publisher, or set qos_overrides.{self.wire_topic}.subscription.reliability to best_effort"
                )
        return ""

    def _silence(self) -> str:
        if self._hub.is_local(self.topic):
            return f"no image on {self.topic} for {SILENCE_S:g} s: the video source in this process delivers none"
        ours = f"subscribed with QoS ({qos.as_text(self._profile())})"
        publishers = self._publishers()
        if not publishers:
            nobody = f"no image on {self.wire_topic} for {SILENCE_S:g} s, {ours}: nobody publishes it."
            if self._publisher:
                return f"{nobody} Start the {self._publisher.replace('_', ' ')}"
            return (
                f"{nobody} Start the camera, or remap {self._name} to its topic (ros2 topic list -t shows the image "
                "topics)"
            )
        names = "; ".join(f"{_name(p)} ({qos.as_text(p.qos_profile)})" for p in publishers)
        return (
            f"no image on {self.wire_topic} for {SILENCE_S:g} s, {ours}, although it is published by {names}. "
            "Is the camera running? Does it lose large images (docs/transport.md)? Is one of them in a container with "
            "the host's network but a /dev/shm of its own (--ipc host)?"
        )

    def _lossy(self) -> str:
        """What share of the images does not arrive, the likely reason, and what to do; empty if they do."""
        rates = None if self._hub.is_local(self.topic) else self.loss.rates()
        if rates is None or rates[0] >= (1 - WORTH_TELLING) * rates[1]:
            return ""
        arriving, published = rates
        return (
            f"images are lost on {self.wire_topic}: {arriving:.1f} of {published:.1f} per second arrive. "
            f"{self._remedy()}"
        )

    def _remedy(self) -> str:
        profile = self._profile()
        if profile.reliability != ReliabilityPolicy.RELIABLE:
            unreliable = [
                _name(p)
                for p in self._publishers()
                if p.qos_profile.reliability != ReliabilityPolicy.RELIABLE
            ]
            if self._overrides or not unreliable:
                return "The subscription is best effort: remove its qos_overrides, or set reliability to reliable"
            return (
                f"{', '.join(unreliable)} publishes best effort: make it reliable, or give its process the transport "
                "profile that `face_detect_ros doctor` prints"
            )
        total = shared_memory.total_bytes()
        if total is not None and total < _SMALL_SHM_BYTES:
            return (
                f"/dev/shm has {total / 1e6:.0f} MB, too little for large images: start the container with "
                "--shm-size 512m"
            )
        less = "a lower JPEG quality" if self.compressed else "image_transport compressed"
        return (
            f"Both sides are reliable, so a process or a network in between is too slow: use {less}, a smaller image, "
            "or `perception`, which has camera and detectors in one process. Where the camera is on another computer, "
            "large socket buffers help: sudo sysctl -w net.core.rmem_max=33554432"
        )


def remapped(node: Node, name: str) -> str:
    """Where the user has remapped the relative topic `name` to; empty if nowhere."""
    plain = posixpath.join(node.get_namespace(), name)
    resolved = str(node.resolve_topic_name(name))
    return "" if resolved == plain else resolved


def _kind(text: str) -> str:
    """A problem without its figures: new ones are not a new problem."""
    return text.partition(":")[0]


def _name(publisher: Any) -> str:
    return "an unknown node" if publisher.node_name == _NO_NAME else str(publisher.node_name)


def camera_info_topic(image_topic: str) -> str:
    """The sibling `camera_info` of a fully qualified image topic."""
    return posixpath.join(posixpath.dirname(image_topic), "camera_info")
