# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/identities`: who the faces are."""

from __future__ import annotations

from vision_msgs.msg import Detection2DArray

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.detections import identities_message
from face_detect_ros.ros.outputs.output import Output


class IdentitiesOutput(Output):
    """vision_msgs/Detection2DArray whose class_id is the person's name, or "unknown"."""

    def __init__(self, topics: CameraTopics) -> None:
        super().__init__(topics, Detection2DArray, "~/identities")

    def message(self, result: Result) -> Detection2DArray | None:
        if result.identities is None:
            return None
        frame = result.frame
        return identities_message(result.detections, result.identities, frame.stamp_ns, frame.frame_id)
