# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/people`: who the people in view are."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace

import numpy as np
from vision_msgs.msg import Detection2DArray

from face_detect_ros.core.detections import Detections
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.subscription import MatchingSubscription
from face_detect_ros.ros.messages.detections import detections_message, read_identities
from face_detect_ros.ros.messages.headers import to_ns
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.tracking.people import KnownPersons, Who

PERSON = "person"
SLOP_S = 0.15
"""Largest time between an image with faces and one with people that are linked: the detectors skip different images."""
_RECENT = 30
_RESTART_S = 2.0


class PeopleOutput(Output):
    """vision_msgs/Detection2DArray of the tracked people: `class_id` is the name or "unknown", `id` stays with them.

    Names come from the `identities` of a face detector on the same camera.

    Args:
        topics: Of the camera.
    """

    def __init__(self, topics: CameraTopics) -> None:
        super().__init__(topics, Detection2DArray, "~/people")
        inside = f"{topics.camera}/" if topics.camera else ""
        self._identities_topic = f"face_detector/{inside}identities"
        self._subscription: MatchingSubscription | None = None
        self._lock = threading.Lock()  # results come on the worker's thread, identities on the executor's
        self._known = KnownPersons()
        self._recent: deque[tuple[int, Detections]] = deque(maxlen=_RECENT)

    def message(self, result: Result) -> Detection2DArray:
        frame, found = result.frame, result.detections
        people = _tracked_people(found, result.labels)
        with self._lock:
            if self._recent and (frame.stamp_ns - self._recent[-1][0]) * 1e-9 < -_RESTART_S:
                self._recent.clear()
                self._known.reset()
            self._recent.append((frame.stamp_ns, people))
            ids, known = self._known.who(people)
        names = [who.name or UNKNOWN for who in known]
        labels = sorted({*names})
        named = replace(
            people,
            track_ids=ids,
            scores=np.array([who.similarity for who in known]),
            class_ids=np.array([labels.index(name) for name in names]),
        )
        return detections_message(named, labels, frame.stamp_ns, frame.frame_id)

    def once_a_second(self, *, active: bool) -> None:
        wanted = active and self.wanted()
        if wanted and self._subscription is None:
            self._subscription = MatchingSubscription(
                self.node, Detection2DArray, self._identities_topic, self._identified, qos.results_of
            )
        elif not wanted:
            self._unsubscribe()

    def close(self) -> None:
        self._unsubscribe()
        super().close()

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _identified(self, message: Detection2DArray) -> None:
        stamp_ns = to_ns(message.header.stamp)
        faces, names = read_identities(message)
        whos = [
            Who(None if name == UNKNOWN else name, float(score))
            for name, score in zip(names, faces.scores, strict=True)
        ]
        with self._lock:
            # reversed: of images with equal stamps, or none, the newest
            nearest = min(reversed(self._recent), key=lambda each: abs(each[0] - stamp_ns), default=None)
            if nearest is not None and abs(nearest[0] - stamp_ns) <= SLOP_S * 1e9:
                self._known.update(faces, whos, nearest[1], stamp_ns * 1e-9)


def _tracked_people(found: Detections, labels: tuple[str, ...]) -> Detections:
    if found.track_ids is None or PERSON not in labels:
        return replace(Detections.empty(), track_ids=np.empty(0, np.int64))
    return found.select((found.class_ids == labels.index(PERSON)) & (found.track_ids > 0))
