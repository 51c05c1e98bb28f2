# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names and lasting ids of people, from their faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.tracking.linking import FaceLinks

_SURE = 3  # consecutive images with a face and a person together
_MOST_FACES = 1000


class Who(NamedTuple):
    """Who a face is.

    Attributes:
        name: None for an unknown person.
        similarity: How certain the name is, 0 to 1.
    """

    name: str | None
    similarity: float


class KnownPersons:
    """Gives people the names of their faces, and the same id when they come back. One instance per stream.

    A person who turns away keeps the name. Somebody whose track was lost gets the old id again as soon as their face,
    which keeps its own id (see `ReturningFaces`), is seen with the new track.
    """

    def __init__(self) -> None:
        self._links = FaceLinks()
        self.reset()

    def reset(self) -> None:
        """Forget everybody, for example when time starts again."""
        self._links.reset()
        self._ids: dict[int, int] = {}  # by the tracks of people who came back
        self._persons: dict[int, int] = {}  # id by face
        self._faces: dict[int, Who] = {}  # by face, in the order in which they were seen
        self._together: dict[int, tuple[int, int]] = {}  # by face: track of the person, images in a row

    def update(self, faces: Detections, names: Sequence[Who], people: Detections, now_s: float) -> None:
        """Update with the faces and people of one image.

        Args:
            faces: With track_ids.
            names: Who each of them is.
            people: With track_ids.
            now_s: Time of the image.
        """
        face_ids = [] if faces.track_ids is None else faces.track_ids.tolist()
        tracks = [] if people.track_ids is None else people.track_ids.tolist()
        for face, who in zip(face_ids, names, strict=True):
            if face > 0:
                self._faces.pop(face, None)
                self._faces[face] = who
        links = self._links.update(faces, people, now_s)
        visible = {track for track in tracks if track > 0}
        for face in face_ids:
            if face in links and links[face] in visible:
                self._link(face, links[face], visible)
        if len(self._faces) > _MOST_FACES:
            self._forget(visible)

    def who(self, people: Detections) -> tuple[np.ndarray, list[Who]]:
        """Ids and names of people.

        Args:
            people: N of them, with confirmed track_ids.

        Returns:
            (N,) int64 ids, no two alike, and who each is.
        """
        tracks = [] if people.track_ids is None else people.track_ids.tolist()
        for track in tracks:  # the earlier track itself is back, so the other one is somebody else
            for other in [other for other, old in self._ids.items() if old == track and other != track]:
                del self._ids[other]
        ids = [self._ids.get(track, track) for track in tracks]
        names = {
            self._persons[face]: who
            for face, who in self._faces.items()
            if who.name is not None and face in self._persons
        }
        return np.array(ids, np.int64).reshape(-1), [names.get(each, Who(None, 0.0)) for each in ids]

    def _forget(self, visible: set[int]) -> None:
        """Forget the faces that were not seen for longest, and the ids of their persons."""
        for face in list(self._faces)[:-_MOST_FACES]:
            del self._faces[face]
            self._persons.pop(face, None)
            self._together.pop(face, None)
        known = set(self._persons.values())
        self._ids = {
            track: person for track, person in self._ids.items() if person in known or track in visible
        }

    def _link(self, face: int, track: int, visible: set[int]) -> None:
        before, images = self._together.get(face, (track, 0))
        images = images + 1 if before == track else 1
        self._together[face] = track, images
        own = self._ids.get(track, track)
        earlier = self._persons.get(face)
        if earlier is None or earlier == own:
            self._persons[face] = own
        elif images >= _SURE:
            if any(self._ids.get(other, other) == earlier for other in visible):
                self._persons[face] = own  # it was linked to somebody else by mistake
            else:
                # an earlier track of theirs that is continued after all is continued by somebody else
                self._ids = {other: person for other, person in self._ids.items() if person != earlier}
                self._ids[track] = earlier
