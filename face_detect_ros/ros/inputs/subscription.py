# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A subscription that every publisher of its topic matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.topic_endpoint_info import TopicEndpointInfo

from face_detect_ros.ros import qos, rclpy_internals
from face_detect_ros.ros.inputs.following import follow

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks


class MatchingSubscription:
    """A subscription whose quality of service follows the publishers of its topic.

    It changes when publishers come and go, unless the user has set its `qos_overrides`.

    Args:
        node: Its owner.
        kind: Message class.
        topic: Its name, relative to the node or not.
        callback: Gets every message.
        profile_for: Gives the quality of service that suits some publishers.
        raw: Whether `callback` gets messages as they are on the wire, in bytes.
        warn: Have rclpy warn of publishers that the user's overrides rule out.

    Raises:
        ConfigError: An override has an unusable value.
    """

    def __init__(
        self,
        node: Node,
        kind: type,
        topic: str,
        callback: Callable[[Any], Any],
        profile_for: Callable[[Sequence[TopicEndpointInfo]], QoSProfile],
        *,
        raw: bool = False,
        warn: bool = True,
    ) -> None:
        self._node = node
        self._kind = kind
        self._topic = node.resolve_topic_name(topic)
        self._callback = callback
        self._profile_for = profile_for
        self._raw = raw
        self._overridden = bool(overrides_of(node, self._topic))
        self._warn = warn and self._overridden  # without overrides, publishers that do not match are followed
        self._subscription: Any = None
        self._subscribe(profile_for(self._publishers()))
        self._end_following = None if self._overridden else follow(node, self._follow)

    @property
    def profile(self) -> QoSProfile:
        """Its quality of service now."""
        return self._subscription.qos_profile

    def close(self) -> None:
        """End it."""
        if self._end_following is not None:
            self._end_following()
            self._end_following = None
        self._node.destroy_subscription(self._subscription)

    def _subscribe(self, profile: QoSProfile) -> None:
        old, self._chosen = self._subscription, profile
        options = {"qos_overriding_options": qos.overridable()} if self._overridden else {}
        with qos.overrides_explained(self._topic):
            self._subscription = self._node.create_subscription(
                self._kind,
                self._topic,
                self._callback,
                profile,
                event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=self._warn),
                raw=self._raw,
                **options,
            )
        if old is not None:
            self._node.destroy_subscription(old)

    def _follow(self) -> None:
        if not self._node.context.ok():
            return
        # not by their number: one may be replaced by another between two looks
        publishers = self._publishers()
        if publishers and (profile := self._profile_for(publishers)) != self._chosen:
            self._subscribe(profile)

    def _publishers(self) -> list[TopicEndpointInfo]:
        return list(self._node.get_publishers_info_by_topic(self._topic))


def overrides_of(node: Node, topic: str) -> tuple[str, ...]:
    """Names of the `qos_overrides` parameters that the user has set for a node's subscription of `topic`."""
    prefix = f"qos_overrides.{topic}.subscription."
    return tuple(name for name in rclpy_internals.overrides(node) if name.startswith(prefix))
