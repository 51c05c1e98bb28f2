# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/detections_3d`: where the detections are in space."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from vision_msgs.msg import Detection3DArray

from face_detect_ros.depth.positions import Positions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.positions import detections_3d_message, moved
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.ros.transforms import Transforms

_RETRY_S = 0.02
_PATIENCE_S = 0.5  # for transforms that arrive later than their image
_MOST_WAITING = 20


class Detections3DOutput(Output):
    """vision_msgs/Detection3DArray of the detections with a position, in the camera's optical frame or another frame.

    An image without detections gives an empty array. Without depth nothing is published.

    Args:
        topics: Of the camera.
        target_frame: Frame of the positions; empty: the frame of the image.
        transforms: Required for another frame. Results wait for the transform at the time of their image.
    """

    early = True
    locates = True

    def __init__(
        self, topics: CameraTopics, target_frame: str = "", transforms: Transforms | None = None
    ) -> None:
        super().__init__(topics, Detection3DArray, "~/detections_3d")
        self._target = target_frame.lstrip("/")
        self._transforms = transforms
        self._waiting: deque[tuple[float, Result]] = deque()
        self._without_transform = 0
        self._timer: Any = None
        if self._target and transforms is not None:
            self._timer = self.node.create_timer(_RETRY_S, self._retry, clock=self.node.steady)

    def message(self, result: Result) -> Detection3DArray | None:
        """In the camera's optical frame, or in the target frame if the transform is known; else None."""
        frame, found = result.frame, result.detections
        positions = Positions.unknown(0) if not len(found) else result.positions
        if positions is None:
            return None
        if not self._target or self._target == frame.frame_id:
            return detections_3d_message(found, result.labels, positions, frame.stamp_ns, frame.frame_id)
        transform = None
        if self._transforms is not None:
            transform = self._transforms.lookup(self._target, frame.frame_id, frame.stamp_ns)
        if transform is None:
            return None
        return detections_3d_message(
            found,
            result.labels,
            moved(positions, transform),
            frame.stamp_ns,
            self._target,
            transform.quaternion,
        )

    def publish(self, result: Result) -> None:
        """Publish now, or as soon as the transform is known; in order."""
        if self._timer is None:
            super().publish(result)
            return
        if result.positions is None and len(result.detections):
            return
        self._waiting.append((time.monotonic() + _PATIENCE_S, result))
        self._publish_waiting()

    def _retry(self) -> None:
        if self._waiting:
            with self.node.gate:
                if self.node.active:
                    self._publish_waiting()
                else:
                    self._waiting.clear()

    def _publish_waiting(self) -> None:
        """Call it with the node's gate held: the worker's and the executor's threads both do."""
        while self._waiting:
            until_s, result = self._waiting[0]
            message = self.message(result)
            if message is None and time.monotonic() < until_s and len(self._waiting) <= _MOST_WAITING:
                return
            self._waiting.popleft()
            if message is None:
                self._without_transform += 1
            else:
                self.publisher.publish(message)

    def once_a_second(self, *, active: bool) -> None:
        """Warn if transforms are missing."""
        missing, self._without_transform = self._without_transform, 0
        if missing and self._transforms is not None:
            self.node.get_logger().warning(
                f"{missing} result(s) not published on {self.publisher.topic_name}: {self._transforms.problem}",
                throttle_duration_sec=5.0,
            )

    def close(self) -> None:
        if self._timer is not None:
            self.node.destroy_timer(self._timer)
        self._waiting.clear()
        super().close()
