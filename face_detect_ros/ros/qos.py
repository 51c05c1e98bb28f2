# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Quality of service of this package's topics, and words for it."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


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
