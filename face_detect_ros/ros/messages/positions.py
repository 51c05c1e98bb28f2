# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Positions as geometry_msgs and vision_msgs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from geometry_msgs.msg import Point as PointMessage
from geometry_msgs.msg import Pose, PoseWithCovariance, Quaternion, Vector3
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesis, ObjectHypothesisWithPose

from face_detect_ros.core.detections import Detections
from face_detect_ros.depth.positions import ANY_ANGLE, Positions
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.transforms import Rigid


def pose_message(
    point: np.ndarray, covariance: np.ndarray, quaternion: np.ndarray | None = None
) -> PoseWithCovariance:
    """A position with unknown orientation: its axes are those of `quaternion` (x, y, z, w), else of the frame.

    Args:
        point: (3,) meters.
        covariance: (3, 3) square meters.
        quaternion: (4,).
    """
    message = PoseWithCovariance(pose=_pose(point, quaternion))
    whole = np.diag([0.0, 0.0, 0.0, ANY_ANGLE, ANY_ANGLE, ANY_ANGLE])
    whole[:3, :3] = covariance
    message.covariance = whole.reshape(-1).tolist()
    return message


def moved(positions: Positions, transform: Rigid) -> Positions:
    """Positions in another frame; `sizes` stay along the camera's axes."""
    turn = transform.rotation
    return replace(
        positions,
        points=transform.apply(positions.points),
        centers=transform.apply(positions.centers),
        covariances=turn @ positions.covariances @ turn.T,
    )


def detections_3d_message(
    detections: Detections,
    labels: Sequence[str],
    positions: Positions,
    stamp_ns: int,
    frame_id: str,
    quaternion: np.ndarray | None = None,
) -> Detection3DArray:
    """Detections with a position as a vision_msgs/Detection3DArray.

    `bbox` encloses the visible surface, `results[].pose` is the center of that surface with its covariance,
    `hypothesis.class_id` the class name, `id` the confirmed track or empty.

    Args:
        detections: N of them.
        labels: Class names that `class_ids` index into.
        positions: Of the N detections, in `frame_id`.
        stamp_ns: Of the image.
        frame_id: Frame of the positions.
        quaternion: (4,) x, y, z, w: the camera's axes in that frame; None: they are its axes.
    """
    head = make_header(stamp_ns, frame_id)
    message = Detection3DArray(header=head)
    for index in np.flatnonzero(positions.known).tolist():
        detection = Detection3D(header=head)
        detection.bbox.center = _pose(positions.centers[index], quaternion)
        x, y, z = positions.sizes[index].tolist()
        detection.bbox.size = Vector3(x=x, y=y, z=z)
        hypothesis = ObjectHypothesis(
            class_id=labels[int(detections.class_ids[index])], score=float(detections.scores[index])
        )
        pose = pose_message(positions.points[index], positions.covariances[index], quaternion)
        detection.results = [ObjectHypothesisWithPose(hypothesis=hypothesis, pose=pose)]
        if detections.track_ids is not None and detections.track_ids[index] > 0:
            detection.id = str(detections.track_ids[index])
        message.detections.append(detection)
    return message


def _pose(point: np.ndarray, quaternion: np.ndarray | None) -> Pose:
    x, y, z = point.tolist()
    pose = Pose(position=PointMessage(x=x, y=y, z=z))
    if quaternion is None:
        pose.orientation.w = 1.0
    else:
        i, j, k, w = quaternion.tolist()
        pose.orientation = Quaternion(x=i, y=j, z=k, w=w)
    return pose
