# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections, identities and class names as vision_msgs 4.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    VisionClass,
)

from face_detect_ros.core.detections import Detections
from face_detect_ros.depth.positions import Positions
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.faces.matching import Match
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.messages.positions import pose_message

_MOST_FACES = 1000  # of a message from somebody else
_DIGITS = 18  # of an id


def detections_message(
    detections: Detections,
    labels: Sequence[str],
    stamp_ns: int,
    frame_id: str,
    positions: Positions | None = None,
) -> Detection2DArray:
    """Detections as a vision_msgs/Detection2DArray.

    Args:
        detections: Their boxes become center and size, in pixels of the original image; their confirmed tracks become
            `id`, which is empty for others.
        labels: Class names, by class id; they become `hypothesis.class_id`.
        stamp_ns: Of the image; every header has it.
        frame_id: Likewise.
        positions: Become `pose`, in the camera's optical frame; where a position is unknown, its covariance is 0.
    """
    head = make_header(stamp_ns, frame_id)
    message = Detection2DArray(header=head)
    located = None if positions is None else positions.known
    for index, ((left, top, right, bottom), score, class_id) in enumerate(
        zip(detections.boxes.tolist(), detections.scores.tolist(), detections.class_ids.tolist(), strict=True)
    ):
        detection = Detection2D(header=head)
        detection.bbox.center.position.x = (left + right) / 2
        detection.bbox.center.position.y = (top + bottom) / 2
        detection.bbox.size_x = right - left
        detection.bbox.size_y = bottom - top
        hypothesis = ObjectHypothesis(class_id=labels[class_id], score=score)
        detection.results = [ObjectHypothesisWithPose(hypothesis=hypothesis)]
        if positions is not None and located is not None and located[index]:
            detection.results[0].pose = pose_message(positions.points[index], positions.covariances[index])
        if detections.track_ids is not None and detections.track_ids[index] > 0:
            detection.id = str(detections.track_ids[index])
        message.detections.append(detection)
    return message


def identities_message(
    faces: Detections, matches: Sequence[Match], stamp_ns: int, frame_id: str
) -> Detection2DArray:
    """Faces as a vision_msgs/Detection2DArray whose `class_id` is the person or "unknown".

    Args:
        faces: Boxes in pixels of the original image.
        matches: Who each of them is; `score` is `Match.similarity` of the person, 0 for nobody.
        stamp_ns: Of the image; every header has it.
        frame_id: Likewise.
    """
    names = [match.name or UNKNOWN for match in matches]
    scores = [match.similarity if match.name else 0.0 for match in matches]
    people = sorted(set(names))
    named = replace(
        faces, scores=np.array(scores), class_ids=np.array([people.index(name) for name in names])
    )
    return detections_message(named, people, stamp_ns, frame_id)


def read_identities(message: Detection2DArray) -> tuple[Detections, list[str]]:
    """Faces and names of a message as `identities_message` makes it; what makes no sense is left out.

    Returns:
        N faces, whose scores are their similarities, and N names.
    """
    boxes, scores, ids, names = [], [], [], []
    for detection in message.detections[:_MOST_FACES]:
        center, half_x, half_y = (
            detection.bbox.center.position,
            detection.bbox.size_x / 2,
            detection.bbox.size_y / 2,
        )
        box = (center.x - half_x, center.y - half_y, center.x + half_x, center.y + half_y)
        if not detection.results or not np.isfinite(box).all() or not detection.id.isdecimal():
            continue
        hypothesis, number = detection.results[0].hypothesis, int(detection.id[:_DIGITS])
        if not 0 <= hypothesis.score <= 1:
            continue
        boxes.append(box)
        scores.append(hypothesis.score)
        ids.append(number)
        names.append(hypothesis.class_id)
    found = Detections(
        np.array(boxes).reshape(-1, 4), np.array(scores), np.zeros(len(names)), np.array(ids, np.int64)
    )
    return found, names


def label_info_message(labels: Sequence[str], threshold: float, stamp_ns: int) -> LabelInfo:
    """The class names as a vision_msgs/LabelInfo.

    Args:
        labels: Class names, by class id.
        threshold: The lowest score that is published, from 0 to 1.
        stamp_ns: Time of the message.
    """
    classes = [VisionClass(class_id=index, class_name=name) for index, name in enumerate(labels)]
    return LabelInfo(header=make_header(stamp_ns, ""), class_map=classes, threshold=threshold)
