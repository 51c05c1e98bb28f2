# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which face belongs to which person."""

from __future__ import annotations

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.tracking.association import greedy

_INSIDE = 0.6  # least part of the face's box inside the person's
_HEAD = 0.7  # usual distance from the top of a person's box to the center of the face, in face heights
_HEAD_SPREAD = 1.5  # raised arms and hats make it more
_LEAST = 0.1  # affinity
_MOST_EVIDENCE = 10.0  # images of agreement; a link that held for longer is not harder to break
_TRUST = 0.5  # how much that evidence counts beside what one image shows


def affinity(faces: np.ndarray, people: np.ndarray) -> np.ndarray:
    """How well each face fits each person.

    A face is inside the box of its person, near the top and the middle. How near to the top is measured in heights of
    the face: this holds for a whole person as well as for head and shoulders, and tells apart the small face of
    somebody in the background.

    Args:
        faces: (F, 4) xyxy.
        people: (P, 4) xyxy, in the same pixels.

    Returns:
        (F, P) float64 in [0, 1]; 0 where they do not fit.
    """
    faces, people = np.asarray(faces, np.float64), np.asarray(people, np.float64)
    left, top, right, bottom = faces.T[:, :, None]
    width, height = np.maximum(right - left, 1e-9), np.maximum(bottom - top, 1e-9)
    shared_x = (np.minimum(right, people[:, 2]) - np.maximum(left, people[:, 0])).clip(0, None)
    shared_y = (np.minimum(bottom, people[:, 3]) - np.maximum(top, people[:, 1])).clip(0, None)
    inside = shared_x * shared_y / (width * height)
    below_top = ((top + bottom) / 2 - people[:, 1]) / height
    person_width = np.maximum(people[:, 2] - people[:, 0], 1e-9)
    from_middle = (left + right - people[:, 0] - people[:, 2]) / person_width
    fits = (
        inside * np.exp(-(((below_top - _HEAD) / _HEAD_SPREAD) ** 2)) * (1 - from_middle**2 / 2).clip(0, None)
    )
    fit: np.ndarray = np.where(inside >= _INSIDE, fits, 0.0)
    return fit


class FaceLinks:
    """Links the track of a face to the track of its person, steadily. One instance per stream.

    A link is made at once and changes only if another person fits better for several images: two people who pass each
    other keep their faces. It outlasts a face that turns away. A person has one face, a face one person.

    Args:
        max_age_s: A link whose face and person were not seen together for longer is forgotten, in seconds.
    """

    def __init__(self, max_age_s: float = 60.0) -> None:
        self._max_age_s = max_age_s
        self.reset()

    def reset(self) -> None:
        """Forget every link, for example when time starts again."""
        self._links: dict[int, int] = {}  # person by face
        self._evidence: dict[tuple[int, int], float] = {}  # of (face, person), in images
        self._together_s: dict[tuple[int, int], float] = {}

    def update(self, faces: Detections, people: Detections, now_s: float) -> dict[int, int]:
        """Take in one image.

        Args:
            faces: With track_ids; those without a confirmed track are left out.
            people: Likewise, of the same image.
            now_s: Its time.

        Returns:
            The person's track id by the face's track id; also links of tracks that this image does not show.
        """
        face_ids, face_boxes = _confirmed(faces)
        person_ids, person_boxes = _confirmed(people)
        fit = affinity(face_boxes, person_boxes)
        fit[fit < _LEAST] = 0.0
        fitting = set(_pairs(fit, face_ids, person_ids))
        trust = np.zeros_like(fit)
        for row, face in enumerate(face_ids):
            for column, person in enumerate(person_ids):
                pair = (face, person)
                trust[row, column] = self._evidence.get(pair, 0.0)
                evidence = trust[row, column] + (1.0 if pair in fitting else -1.0)
                self._evidence[pair] = min(max(evidence, 0.0), _MOST_EVIDENCE)
                self._together_s[pair] = now_s
        worth = np.where(fit > 0, fit + _TRUST * trust / _MOST_EVIDENCE, 0.0)
        for face, person in _pairs(worth, face_ids, person_ids):
            self._links = {f: p for f, p in self._links.items() if p != person}
            self._links[face] = person
        self._forget(now_s)
        return dict(self._links)

    def _forget(self, now_s: float) -> None:
        for pair in [pair for pair, at in self._together_s.items() if now_s - at > self._max_age_s]:
            del self._together_s[pair], self._evidence[pair]
        self._links = {
            face: person for face, person in self._links.items() if self._evidence.get((face, person))
        }


def _confirmed(found: Detections) -> tuple[list[int], np.ndarray]:
    """Ids and boxes of the confirmed tracks."""
    if found.track_ids is None:
        return [], np.empty((0, 4))
    known = found.track_ids > 0
    return found.track_ids[known].tolist(), found.boxes[known]


def _pairs(worth: np.ndarray, faces: list[int], people: list[int]) -> list[tuple[int, int]]:
    rows, columns = greedy(worth)
    return [(faces[row], people[column]) for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]
