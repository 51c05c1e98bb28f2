"""Quality of service of this package's topics, and words for it."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


def image_input() -> QoSProfile:
    """Best effort, newest only: matches every camera driver, reliable or not."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output() -> QoSProfile:
    """Reliable, keep last 5: matches RViz and every other subscriber."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE)


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


def describe(profile: QoSProfile) -> str:
    """Reliability, durability, history and depth of a profile, for people.

    Without history where it is not known: middleware does not tell that of others.
    """
    history = {HistoryPolicy.KEEP_LAST: f"keep last {profile.depth}", HistoryPolicy.KEEP_ALL: "keep all"}
    words = [profile.reliability.name, profile.durability.name, history.get(profile.history, "")]
    return ", ".join(word.lower().replace("_", " ") for word in words if word)
