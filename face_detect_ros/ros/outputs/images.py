# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/image_annotated` and `~/image_anonymized`."""

from __future__ import annotations

from sensor_msgs.msg import Image

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.images import image_message
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.viz.draw import draw_detections


class AnnotatedOutput(Output):
    """The image with its detections drawn on it.

    Args:
        topics: Of the camera.
        private: Draw on the covered image, so that no face leaves the robot.
    """

    def __init__(self, topics: CameraTopics, *, private: bool) -> None:
        super().__init__(topics, Image, "~/image_annotated")
        self.covers = private  # type: ignore[misc]

    def message(self, result: Result) -> Image | None:
        canvas = result.covered if self.covers else result.frame.image
        if canvas is None:  # this frame was in work when somebody subscribed
            return None
        drawn = draw_detections(canvas, result.detections, result.labels, names=result.names)
        return image_message(drawn, result.frame.stamp_ns, result.frame.frame_id)


class AnonymizedOutput(Output):
    """The image with every face covered."""

    covers = True

    def __init__(self, topics: CameraTopics) -> None:
        super().__init__(topics, Image, "~/image_anonymized")

    def message(self, result: Result) -> Image | None:
        if result.covered is None:  # this frame was in work when somebody subscribed
            return None
        return image_message(result.covered, result.frame.stamp_ns, result.frame.frame_id)
