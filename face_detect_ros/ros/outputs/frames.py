# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Things as TF frames: `face_7`, `person_3`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.ros.transforms import import_tf2


class FramesOutput(Output):
    """A TF frame for each track with a position, as a child of the image's frame.

    Args:
        topics: Of the camera.

    Raises:
        ConfigError: If tf2 is not installed.
    """

    early = True
    locates = True

    def __init__(self, topics: CameraTopics) -> None:
        self.node = topics.node
        self._prefix = f"{topics.camera}_" if topics.camera else ""
        self._broadcaster: Any = import_tf2("broadcast_tf").TransformBroadcaster(topics.node)

    def wanted(self) -> bool:
        """Whether the node is active: everybody listens to /tf."""
        return bool(self.node.active)

    def message(self, result: Result) -> list[TransformStamped]:
        found, positions = result.detections, result.positions
        if positions is None or found.track_ids is None:
            return []
        header = make_header(result.frame.stamp_ns, result.frame.frame_id)
        transforms = []
        for index in np.flatnonzero(positions.known & (found.track_ids > 0)).tolist():
            label = re.sub(r"\W+", "_", result.labels[int(found.class_ids[index])])
            message = TransformStamped(header=header)
            message.child_frame_id = f"{self._prefix}{label}_{found.track_ids[index]}"
            shift = message.transform.translation
            shift.x, shift.y, shift.z = positions.points[index].tolist()
            message.transform.rotation.w = 1.0
            transforms.append(message)
        return transforms

    def publish(self, result: Result) -> None:
        transforms = self.message(result)
        if transforms:
            self._broadcaster.sendTransform(transforms)

    def close(self) -> None:
        """Remove the broadcaster's publisher."""
        publisher = getattr(self._broadcaster, "pub_tf", None)
        if publisher is not None:
            self.node.destroy_publisher(publisher)
