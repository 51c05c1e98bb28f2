# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether the face detector is private: the page then is, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from typing import Any

from rcl_interfaces.msg import ParameterEvent
from rclpy.qos import qos_profile_parameter_events

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.ros.viewer import node_parameters
from face_detect_ros.ros.viewer.calls import Calls
from face_detect_ros.ros.viewer.topics import FACES

PERIOD_S = 10.0


class DetectorPrivacy:
    """The face detector's parameter `privacy`, followed at once.

    Args:
        node: The viewer.
        calls: To the face detector.
        changed: Called when there is an answer.

    Attributes:
        on: What was last heard; once true, it stays until `forget`. None: nothing yet.
    """

    def __init__(self, node: Any, calls: Calls, changed: Callable[[], None]) -> None:
        self._node = node
        self._calls = calls
        self._changed = changed
        self._detectors: Set[bytes] = frozenset()  # one, and those that were killed and are only remembered
        self._forgotten = 0  # times: an answer, or none, counts only for the detector that was asked
        self.forget()
        node.create_subscription(
            ParameterEvent, "/parameter_events", self._on_parameter_event, qos_profile_parameter_events
        )

    @property
    def may_be_on(self) -> bool:
        """Whether it is on, or there is a face detector that has not answered yet."""
        unknown = self.on is None and not self._is_gone and self._node.present(FACES)
        return unknown or bool(self.on)

    def forget(self) -> None:
        """Ask again; what was asked before counts no more."""
        self._forgotten += 1
        self.on: bool | None = None
        self._is_gone = False  # it is in the graph, but has no services
        self._asked_s = float("-inf")

    def look(self) -> None:
        """Ask a face detector that was not asked lately. Called once a second."""
        publishers = self._node.get_publishers_info_by_topic(f"{FACES}/transition_event")
        found = frozenset(bytes(publisher.endpoint_gid) for publisher in publishers)
        if found - self._detectors and not self.on:
            self.forget()
        self._detectors = found
        if time.monotonic() - self._asked_s > PERIOD_S and self._node.present(FACES):
            self._asked_s = time.monotonic()
            self._calls.run(self._ask)

    async def _ask(self) -> None:
        forgotten = self._forgotten
        try:
            theirs = await node_parameters.get(self._calls, self._node.full_name(FACES), "privacy")
        except PerceptionError:  # it has just begun, or was killed and is only remembered
            if forgotten == self._forgotten:
                self._asked_s = float("-inf")
                self._is_gone = True
            return
        if forgotten != self._forgotten:
            return
        self.on = self.on or bool(theirs)
        self._changed()

    def _on_parameter_event(self, message: ParameterEvent) -> None:
        if message.node == self._node.full_name(FACES) and any(
            each.name == "privacy" and each.value.bool_value
            for each in (*message.new_parameters, *message.changed_parameters)
        ):
            self.on = True
            self._changed()
