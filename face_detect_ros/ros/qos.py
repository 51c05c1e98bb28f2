# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Quality of service of this package's topics, and words for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from rclpy.exceptions import ParameterException
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

from face_detect_ros.core.errors import ConfigError


def image_input(*, reliable: bool = False) -> QoSProfile:
    """Profile of an image subscription.

    Best effort matches every camera driver, but loses large images where a fragment is lost. Reliable loses none, and
    matches reliable publishers only. Both queues are shallow: newest wins.
    """
    if reliable:
        return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=4, reliability=ReliabilityPolicy.RELIABLE)
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output() -> QoSProfile:
    """Reliable, keep last 5: matches RViz and every other subscriber."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE)


def events() -> QoSProfile:
    """Reliable, keep last 100: several events may come with one image, and none repeats."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE)


def latched() -> QoSProfile:
    """Reliable and kept for late subscribers."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def images_of(publishers: Sequence[TopicEndpointInfo]) -> QoSProfile:
    """Profile of an image subscription that matches all publishers: reliable if they are."""
    return image_input(reliable=_all_reliable(publishers))


def camera_info_of(publishers: Sequence[TopicEndpointInfo]) -> QoSProfile:
    """Profile of a camera_info subscription that also gets what was sent before, where all publishers keep it."""
    kept = all(p.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in publishers)
    return latched() if kept and _all_reliable(publishers) else image_input()


def results_of(publishers: Sequence[TopicEndpointInfo]) -> QoSProfile:
    """Profile of a subscription to an `output` that matches it also where `qos_overrides` make it best effort."""
    if _all_reliable(publishers):
        return output()
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def _all_reliable(publishers: Sequence[TopicEndpointInfo]) -> bool:
    """Whether a reliable subscription matches all of the publishers, and there are any."""
    return bool(publishers) and all(
        publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE for publisher in publishers
    )


@contextlib.contextmanager
def overrides_explained(topic: str) -> Iterator[None]:
    """Around making a publisher or subscription with `overridable`: ConfigError for a value that no policy has."""
    try:
        yield
    except (RuntimeError, ValueError, ParameterException, InvalidQosOverridesError) as error:
        raise ConfigError(
            f"a parameter qos_overrides.{topic} is unusable: {error}; reliability is reliable or best_effort, "
            "history keep_last or keep_all, depth a whole number"
        ) from error


def overridable() -> QoSOverridingOptions:
    """Let users change history, depth and reliability with the standard `qos_overrides` parameters."""
    return QoSOverridingOptions.with_default_policies()


def as_text(profile: QoSProfile) -> str:
    """Reliability, durability, history and depth of a profile, for people.

    Without history where it is not known: middleware does not tell that of others.
    """
    history = {HistoryPolicy.KEEP_LAST: f"keep last {profile.depth}", HistoryPolicy.KEEP_ALL: "keep all"}
    words = [profile.reliability.name, profile.durability.name, history.get(profile.history, "")]
    return ", ".join(word.lower().replace("_", " ") for word in words if word)
