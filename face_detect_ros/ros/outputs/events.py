# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/events` and `~/zones`: things that appear and leave, are recognized, enter and leave zones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from std_msgs.msg import String

from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.things import tracked_things
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.tracking.events import EventWatch
from face_detect_ros.tracking.zones import Areas


class EventsOutput(Output):
    """std_msgs/String, one event as JSON in each. Watches every result, so that events do not depend on who listens.

    Args:
        topics: Of the camera.
        areas: Gives the zones of the camera.
        debounce_s: Gives how long a change must last before it is an event, in seconds.
    """

    always = True

    def __init__(
        self, topics: CameraTopics, areas: Callable[[], Areas], debounce_s: Callable[[], float]
    ) -> None:
        super().__init__(topics, String, "~/events", qos.events())
        self._zones: Any = self.node.create_publisher(
            String, topics.name("~/zones"), qos.events(), qos_overriding_options=qos.overridable()
        )
        self._areas = areas
        self._debounce_s = debounce_s
        self._watch = EventWatch()

    def wanted(self) -> bool:
        return super().wanted() or bool(self._zones.get_subscription_count() > 0)

    def publish(self, result: Result) -> None:
        """Take in a result, and publish what happened."""
        frame = result.frame
        self._watch.debounce_s = self._debounce_s()
        things = tracked_things(result, self._areas().zones)
        for event in self._watch.update(things, frame.stamp_ns, frame.arrival_s, renamed=result.renamed):
            publisher = self._zones if event.zone else self.publisher
            if publisher.get_subscription_count() > 0:
                publisher.publish(String(data=event.to_json(frame.frame_id)))

    def message(self, result: Result) -> None:
        """A result has any number of messages: see `publish`."""

    def close(self) -> None:
        self.node.destroy_publisher(self._zones)
        super().close()
