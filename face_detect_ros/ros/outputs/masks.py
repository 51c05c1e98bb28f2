# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/masks` and `~/keypoints`: what some models give beside boxes."""

from __future__ import annotations

from collections.abc import Callable

from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages import markers
from face_detect_ros.ros.messages.images import instances_message
from face_detect_ros.ros.outputs.markers import MarkersOutput
from face_detect_ros.ros.outputs.output import Output


class MasksOutput(Output):
    """An image of the size of the camera's whose pixels number the detection that they belong to.

    1 is the first detection in the array of `~/detections` with the same stamp, 0 none.
    """

    def __init__(self, topics: CameraTopics) -> None:
        super().__init__(topics, Image, "~/masks")
        self._notice = _Notice(self, "masks", "a segmentation model")

    def watch(self, detector: object) -> None:
        """Note whether `detector` gives masks."""
        self._notice.possible = getattr(detector, "has_masks", False)

    def once_a_second(self, *, active: bool) -> None:
        self._notice.once_a_second(active=active)

    def message(self, result: Result) -> Image | None:
        masks, frame = result.detections.masks, result.frame
        return None if masks is None else instances_message(masks.instances(), frame.stamp_ns, frame.frame_id)


class KeypointsOutput(MarkersOutput):
    """The keypoints of each detection as dots, as far away as its markers."""

    topic = "~/keypoints"

    def __init__(
        self, topics: CameraTopics, camera_info_topic: Callable[[], str], rectified: Callable[[], bool]
    ) -> None:
        super().__init__(topics, camera_info_topic, rectified)
        self._notice = _Notice(self, "keypoints", "a pose model")

    def watch(self, detector: object) -> None:
        """Note whether `detector` gives keypoints."""
        self._notice.possible = getattr(detector, "has_keypoints", False)

    def once_a_second(self, *, active: bool) -> None:
        super().once_a_second(active=active)
        self._notice.once_a_second(active=active)

    def drawn(self, result: Result, camera: CameraModel, lifetime_s: float) -> MarkerArray | None:
        frame = result.frame
        if result.detections.keypoints is None:
            return None
        return markers.keypoints_message(
            result.detections,
            result.labels,
            camera,
            frame.stamp_ns,
            frame.frame_id,
            lifetime_s,
            result.positions,
        )


class _Notice:
    """Tells those who subscribe, once, that the model does not give what they wait for.

    Args:
        output: The topic.
        what: What it shows.
        needed: The kind of model that has it.
    """

    def __init__(self, output: Output, what: str, needed: str) -> None:
        self.possible = False
        self._output = output
        self._what = what
        self._needed = needed
        self._told = False

    def once_a_second(self, *, active: bool) -> None:
        silent = active and not self.possible and self._output.wanted()
        if silent and not self._told:
            self._output.node.get_logger().warning(
                f"{self._output.publisher.topic_name} stays silent: the model gives no {self._what}; use "
                f"{self._needed}, see docs/objects.md"
            )
        self._told = silent
