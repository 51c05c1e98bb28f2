# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/detections`: every detection of an image, with its track and class."""

from __future__ import annotations

from vision_msgs.msg import Detection2DArray

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.detections import detections_message
from face_detect_ros.ros.outputs.output import Output


class DetectionsOutput(Output):
    """vision_msgs/Detection2DArray; an image without detections gives an empty array."""

    early = True
    locates = True

    def __init__(self, topics: CameraTopics) -> None:
        super().__init__(topics, Detection2DArray, "~/detections")

    def message(self, result: Result) -> Detection2DArray:
        frame = result.frame
        return detections_message(
            result.detections, result.labels, frame.stamp_ns, frame.frame_id, result.positions
        )
