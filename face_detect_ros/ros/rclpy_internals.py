# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The private members of rclpy that managed nodes cannot do without. No other module touches any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.node import Node


def state_label(node: LifecycleNode) -> str:
    """Lifecycle state of a managed node, such as "active" or "configuring"."""
    return str(node._state_machine.current_state[1])


def begin_transition(node: LifecycleNode, transition_id: int) -> bool:
    """Put a managed node into a transition state without running its callback. False if it may not go there now."""
    try:
        node._state_machine.trigger_transition_by_id(transition_id, True)
    except Exception:  # noqa: BLE001 - RCLError lives in a private module of rclpy
        return False
    return True


def end_transition(node: LifecycleNode, result: TransitionCallbackReturn) -> None:
    """Leave the transition state that `begin_transition` led to. After ERROR, `node.on_error` decides where to."""
    machine = node._state_machine
    before = machine.current_state
    machine.trigger_transition_by_label(result.to_label(), True)
    if result == TransitionCallbackReturn.ERROR:
        machine.trigger_transition_by_label(node.on_error(before).to_label(), True)


def wrap_change_state(node: LifecycleNode, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Let `wrap(original)` answer the service `~/change_state`; it may be a coroutine function.

    The service gets a callback group of its own: until a coroutine has answered, rclpy's wait-set executors hold back
    the rest of its group, which would be every other service and timer of the node.
    """
    service = node._service_change_state
    service.callback = wrap(service.callback)
    service.callback_group = ReentrantCallbackGroup()
    service.callback_group.add_entity(service)


def release_state_machine(node: LifecycleNode) -> None:
    """Take a destroyed node out of the graph now; rclpy leaves that to the garbage collector."""
    node._state_machine.destroy_when_not_in_use()


def initial_override(node: Node, name: str) -> Any:
    """Value that a parameter was given at the start of the node, whatever its type."""
    return node._parameter_overrides[name].value


def overrides(node: Node) -> list[str]:
    """Names of all parameters that were given values at the start of the node."""
    return sorted(node._parameter_overrides)
