# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One timer per node for everything that follows what others publish: rclpy warns about ten timers and more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

FOLLOW_PERIOD_S = 0.2
"""How often subscriptions look whether publishers came or went."""
_ATTRIBUTE = "_followed_by_inputs"  # of the node, so that it goes with it


class _Looks:
    """What one node does every `FOLLOW_PERIOD_S`."""

    def __init__(self, node: Node) -> None:
        self.callbacks: list[Callable[[], None]] = []
        steady = getattr(node, "steady", None) or Clock(clock_type=ClockType.STEADY_TIME)
        self.timer: Any = node.create_timer(FOLLOW_PERIOD_S, self._look, clock=steady)

    def _look(self) -> None:
        failures = []
        for callback in tuple(self.callbacks):
            if callback not in self.callbacks:
                continue  # an earlier one has ended it
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the others must have their turn first
                failures.append(error)
        if failures:
            raise failures[0]


def follow(node: Node, callback: Callable[[], None]) -> Callable[[], None]:
    """Call `callback` on the executor's thread every `FOLLOW_PERIOD_S`.

    Returns:
        A function that ends it.
    """
    looks: _Looks = getattr(node, _ATTRIBUTE, None) or _Looks(node)
    setattr(node, _ATTRIBUTE, looks)
    looks.callbacks.append(callback)

    def end() -> None:
        looks.callbacks.remove(callback)
        if not looks.callbacks and getattr(node, _ATTRIBUTE, None) is looks:
            delattr(node, _ATTRIBUTE)
            node.destroy_timer(looks.timer)

    return end
