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
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.faces.matching import Match
from face_detect_ros.ros.messages.headers import make_header


def detections_message(
    detections: Detections, labels: Sequence[str], stamp_ns: int, frame_id: str
) -> Detection2DArray:
    """Detections as a vision_msgs/Detection2DArray.

    `bbox` is center and size in pixels of the original image, `hypothesis.class_id` the class name, `id` the
    confirmed track or empty. Every header equals that of the image.
    """
    head = make_header(stamp_ns, frame_id)
    message = Detection2DArray(header=head)
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
        if detections.track_ids is not None and detections.track_ids[index] > 0:
            detection.id = str(detections.track_ids[index])
        message.detections.append(detection)
    return message


def identities_message(
    faces: Detections, matches: Sequence[Match], stamp_ns: int, frame_id: str
) -> Detection2DArray:
    """Faces as a vision_msgs/Detection2DArray whose `class_id` is the person or "unknown".

    `score` is `Match.similarity` of the person, 0 for nobody.
    """
    names = [match.name or UNKNOWN for match in matches]
    scores = [match.similarity if match.name else 0.0 for match in matches]
    people = sorted(set(names))
    named = replace(
        faces, scores=np.array(scores), class_ids=np.array([people.index(name) for name in names])
    )
    return detections_message(named, people, stamp_ns, frame_id)


def label_info_message(labels: Sequence[str], threshold: float, stamp_ns: int) -> LabelInfo:
    """The class names as a vision_msgs/LabelInfo; `threshold` is the lowest score published."""
    classes = [VisionClass(class_id=index, class_name=name) for index, name in enumerate(labels)]
    return LabelInfo(header=make_header(stamp_ns, ""), class_map=classes, threshold=threshold)
