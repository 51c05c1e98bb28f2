# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/selected`: the one thing that is followed, chosen by the parameter `select` or a click on `~/select_at`."""

from __future__ import annotations

import math
from collections.abc import Callable

from geometry_msgs.msg import PointStamped
from vision_msgs.msg import Detection2DArray

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.detections import detections_message
from face_detect_ros.ros.messages.headers import to_ns
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.tracking.selection import Selection


class SelectedOutput(Output):
    """vision_msgs/Detection2DArray with the followed detection; empty while there is none in the image.

    Args:
        topics: Of the camera.
        select: Gives what to follow, see `Selection.wish`. Where it changes, it replaces what was clicked on.
        lost_age_s: How long a lost target is waited for, in seconds.
    """

    always = True
    locates = True

    def __init__(self, topics: CameraTopics, select: Callable[[], str], lost_age_s: float) -> None:
        super().__init__(topics, Detection2DArray, "~/selected")
        self._select = select
        self._wish = ""
        self._selection = Selection(lost_age_s)
        self._subscription = self.node.create_subscription(
            PointStamped, topics.name("~/select_at"), self._on_point, qos.output()
        )

    @property
    def track(self) -> int | None:
        """See `Selection.track`. Use it from the worker's thread."""
        self._follow()
        return self._selection.track

    def publish(self, result: Result) -> None:
        """Take in a result, and publish what is followed."""
        self._follow()
        frame = result.frame
        index = self._selection.update(
            result.detections,
            result.labels,
            result.names,
            frame.stamp_ns,
            frame.arrival_s,
            size=frame.size,
            renamed=result.renamed,
        )
        if self.wanted():
            message = detections_message(
                result.detections, result.labels, frame.stamp_ns, frame.frame_id, result.positions
            )
            message.detections = [] if index is None else [message.detections[index]]
            self.publisher.publish(message)

    def message(self, result: Result) -> None:
        """What is followed depends on all results before: see `publish`."""

    def values(self) -> dict[str, str]:
        return {"selected": self._selection.status}

    def close(self) -> None:
        self.node.destroy_subscription(self._subscription)
        super().close()

    def _follow(self) -> None:
        """Take over another wish."""
        wish = self._select()
        if wish != self._wish:
            self._wish = wish
            self._selection.wish(wish)

    def _on_point(self, message: PointStamped) -> None:
        point = message.point
        if math.isfinite(point.x) and math.isfinite(point.y):
            self._selection.point(point.x, point.y, to_ns(message.header.stamp))
