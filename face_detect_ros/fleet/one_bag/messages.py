# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results as serialized messages, the same as the nodes publish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from face_detect_ros.bags.types import header, message, serialize
from face_detect_ros.core.detections import Detections
from face_detect_ros.depth.positions import ANY_ANGLE, Positions
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.pipeline.result import Result

DETECTIONS = "vision_msgs/msg/Detection2DArray"
DETECTIONS_3D = "vision_msgs/msg/Detection3DArray"
LABEL_INFO = "vision_msgs/msg/LabelInfo"


def detections_message(result: Result) -> bytes:
    """Every detection of an image, with its track and class: `~/detections`."""
    found = result.detections
    names = [result.labels[class_id] for class_id in found.class_ids.tolist()]
    return _array(result, found, names, found.scores.tolist())


def identities_message(result: Result) -> bytes:
    """Who the faces of an image are: `~/identities`."""
    matches = result.identities or ()
    names = [match.name or UNKNOWN for match in matches]
    scores = [float(np.float32(match.similarity)) if match.name else 0.0 for match in matches]
    return _array(result, result.detections, names, scores)


def detections_3d_message(result: Result) -> bytes:
    """The detections whose place is known, in the camera's optical frame: `~/detections_3d`."""
    found = result.detections
    positions = result.positions or Positions.unknown(len(found))
    head = header(result.frame.stamp_ns, result.frame.frame_id)
    detections = []
    for index in np.flatnonzero(positions.known).tolist():
        name = result.labels[int(found.class_ids[index])]
        hypothesis = message(
            "vision_msgs/msg/ObjectHypothesis", class_id=name, score=float(found.scores[index])
        )
        x, y, z = positions.sizes[index].tolist()
        size = message("geometry_msgs/msg/Vector3", x=x, y=y, z=z)
        covariance = np.diag([0.0, 0.0, 0.0, ANY_ANGLE, ANY_ANGLE, ANY_ANGLE])
        covariance[:3, :3] = positions.covariances[index]
        pose = _pose_with_covariance(positions.points[index], covariance.reshape(-1))
        detections.append(
            message(
                "vision_msgs/msg/Detection3D",
                header=head,
                results=[
                    message("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=pose)
                ],
                bbox=message(
                    "vision_msgs/msg/BoundingBox3D", center=_pose(positions.centers[index]), size=size
                ),
                id=_track(found, index),
            )
        )
    return serialize(message(DETECTIONS_3D, header=head, detections=detections))


def label_info_message(labels: Sequence[str], threshold: float, stamp_ns: int) -> bytes:
    """A serialized vision_msgs/LabelInfo, as on `~/label_info`.

    Args:
        labels: Class names, by id.
        threshold: Lowest score that is published.
        stamp_ns: Of the header.
    """
    classes = [
        message("vision_msgs/msg/VisionClass", class_id=index, class_name=name)
        for index, name in enumerate(labels)
    ]
    return serialize(message(LABEL_INFO, header=header(stamp_ns, ""), class_map=classes, threshold=threshold))


def _array(result: Result, found: Detections, names: Sequence[str], scores: Sequence[float]) -> bytes:
    head = header(result.frame.stamp_ns, result.frame.frame_id)
    detections = []
    for index, (left, top, right, bottom) in enumerate(found.boxes.tolist()):
        hypothesis = message("vision_msgs/msg/ObjectHypothesis", class_id=names[index], score=scores[index])
        detections.append(
            message(
                "vision_msgs/msg/Detection2D",
                header=head,
                results=[
                    message(
                        "vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=_no_pose()
                    )
                ],
                bbox=_box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top),
                id=_track(found, index),
            )
        )
    return serialize(message(DETECTIONS, header=head, detections=detections))


def _track(found: Detections, index: int) -> str:
    """The id of a detection: the number of its track; empty without one."""
    track = 0 if found.track_ids is None else int(found.track_ids[index])
    return str(track) if track > 0 else ""


def _box(x: float, y: float, width: float, height: float) -> Any:
    position = message("vision_msgs/msg/Point2D", x=x, y=y)
    center = message("vision_msgs/msg/Pose2D", position=position, theta=0.0)
    return message("vision_msgs/msg/BoundingBox2D", center=center, size_x=width, size_y=height)


def _no_pose() -> Any:
    return _pose_with_covariance(np.zeros(3), np.zeros(36))


def _pose_with_covariance(point: np.ndarray, covariance: np.ndarray) -> Any:
    return message("geometry_msgs/msg/PoseWithCovariance", pose=_pose(point), covariance=covariance)


def _pose(point: np.ndarray) -> Any:
    x, y, z = point.tolist()
    return message(
        "geometry_msgs/msg/Pose",
        position=message("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=message("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
    )
