# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/markers`: detections in 3-D, for RViz."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from sensor_msgs.msg import CameraInfo
from visualization_msgs.msg import MarkerArray

from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.subscription import MatchingSubscription
from face_detect_ros.ros.messages import markers
from face_detect_ros.ros.messages.markers import SHORTEST_LIFETIME_S
from face_detect_ros.ros.outputs.output import Output

PERIODS = 2.5
"""Markers live for this many images, so that one lost image does not make them blink."""
LONGEST_LIFETIME_S = 10.0


class MarkersOutput(Output):
    """visualization_msgs/MarkerArray in the camera's optical frame: boxes at the place of what was found, where that is
    known, else rectangles at a rough distance.

    Args:
        topics: Of the camera.
        camera_info_topic: Gives the topic with the camera's calibration. It is subscribed only while somebody looks
            at the markers: most robots never do.
        rectified: Tells whether distortion has been taken out of the images.
    """

    topic: ClassVar[str] = "~/markers"
    locates = True

    def __init__(
        self, topics: CameraTopics, camera_info_topic: Callable[[], str], rectified: Callable[[], bool]
    ) -> None:
        super().__init__(topics, MarkerArray, self.topic)
        self.camera_info: CameraInfo | None = None
        self._camera_info_topic = camera_info_topic
        self._rectified = rectified
        self._subscription: MatchingSubscription | None = None
        self._stamp_ns = 0
        self._lifetime_s = SHORTEST_LIFETIME_S

    def message(self, result: Result) -> MarkerArray | None:
        frame = result.frame
        step_s = (frame.stamp_ns - self._stamp_ns) * 1e-9
        self._stamp_ns = frame.stamp_ns
        if 0 < step_s < LONGEST_LIFETIME_S:
            self._lifetime_s = min(max(SHORTEST_LIFETIME_S, PERIODS * step_s), LONGEST_LIFETIME_S)
        camera = markers.camera_model(
            self.camera_info, frame.width, frame.height, rectified=self._rectified()
        )
        return self.drawn(result, camera, self._lifetime_s)

    def drawn(self, result: Result, camera: CameraModel, lifetime_s: float) -> MarkerArray | None:
        """The markers of a result.

        Args:
            result: To draw.
            camera: Of its image.
            lifetime_s: How long a viewer shows them.

        Returns:
            The message; None publishes nothing.
        """
        frame = result.frame
        return markers.markers_message(
            result.detections,
            result.labels,
            camera,
            frame.stamp_ns,
            frame.frame_id,
            result.names,
            lifetime_s,
            result.positions,
        )

    def once_a_second(self, *, active: bool) -> None:
        watched = active and self.wanted()
        if watched and self._subscription is None:
            self._subscription = MatchingSubscription(
                self.node, CameraInfo, self._camera_info_topic(), self._keep, qos.camera_info_of
            )
        elif not watched:
            self._unsubscribe()

    def close(self) -> None:
        self._unsubscribe()
        super().close()

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _keep(self, message: CameraInfo) -> None:
        self.camera_info = message
