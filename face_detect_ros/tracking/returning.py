# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces that come back: an id follows who somebody is, not only where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_LOOKS_KEPT = 5  # of each face: different views
_FACES_KEPT = 1000  # those seen longest ago are forgotten


@dataclass
class _Face:
    """What is known of the face with an id."""

    began_s: float
    seen_s: float
    name: str | None = None
    looks: list[np.ndarray] = field(default_factory=list)

    def distance(self, look: np.ndarray) -> float:
        return min((float(np.linalg.norm(look - seen)) for seen in self.looks), default=float("inf"))


class ReturningFaces:
    """Finds out which tracks are faces that had another track before. One instance per stream.

    A tracker starts a new track for a face that left the image and returns. The new track is that of an earlier face,
    which is not in the image now, if

    - both have the same name, however long ago that was, or
    - neither has a name, their embeddings are near, no other face is nearly as near, and the earlier face was seen
      within `lost_age_s`, and last before the track began. The first look at the track decides.

    Embeddings of faces that are gone for longer than `lost_age_s` are forgotten.

    Args:
        lost_age_s: How long a face without a name is remembered, in seconds.
    """

    def __init__(self, lost_age_s: float) -> None:
        self._lost_age_s = lost_age_s
        self.reset()

    def reset(self) -> None:
        """Forget every face: when time starts again, or when somebody is to be forgotten."""
        self._faces: dict[int, _Face] = {}  # by id; the one seen last comes last

    def update(
        self,
        track_ids: Sequence[int],
        now_s: float,
        *,
        looks: Mapping[int, np.ndarray],
        names: Mapping[int, str],
        accept_distance: float,
        margin: float,
    ) -> dict[int, int]:
        """Take in the faces of one image.

        Args:
            track_ids: All tracks in the image, as the tracker gave them; the sign does not matter.
            now_s: Time of the image.
            looks: (E,) embedding of each track that was looked at in this image, by positive id.
            names: Name of each track that has one, by positive id.
            accept_distance: Embeddings of one face are nearer than this (Euclidean).
            margin: Those of every other face are this much further away.

        Returns:
            The earlier id by the positive id of the track that it belongs to; pass them on to `Tracker.rename`. From
            the next image on, `track_ids` must have the earlier ids.
        """
        present = {abs(track) for track in track_ids if track}
        earlier_ids = {}
        for track in sorted(present):
            name, look = names.get(track), looks.get(track)
            known = self._faces.get(track)
            earlier = None
            nameless = known is None or known.name is None
            if name is not None and nameless:
                earlier = self._with_name(name, present)
            elif look is not None and nameless and (known is None or not known.looks):
                earlier = self._like(look, present, now_s, accept_distance, margin)
                # two that were in the image together are two, however alike
                if earlier is not None and known is not None and self._faces[earlier].seen_s >= known.began_s:
                    earlier = None
            if earlier is not None:
                earlier_ids[track] = earlier
                self._faces.pop(track, None)
                present = present - {track} | {earlier}
            self._note(track if earlier is None else earlier, now_s, name, look)
        self._forget(present, now_s)
        return earlier_ids

    def _forget(self, present: set[int], now_s: float) -> None:
        """Keep no embedding for longer than need be."""
        for id_, face in list(self._faces.items()):
            if id_ not in present and now_s - face.seen_s > self._lost_age_s:
                face.looks = []
                if face.name is None:
                    del self._faces[id_]
        while len(self._faces) > _FACES_KEPT:
            del self._faces[next(iter(self._faces))]

    def _with_name(self, name: str, present: set[int]) -> int | None:
        """The id, not in the image, that had this name last."""
        faces = reversed(self._faces.items())
        return next((id_ for id_, face in faces if face.name == name and id_ not in present), None)

    def _like(
        self, look: np.ndarray, present: set[int], now_s: float, accept_distance: float, margin: float
    ) -> int | None:
        """The id, not in the image and without a name, of the face that looks like this; None if that is uncertain."""
        distances = sorted(
            (face.distance(look), id_)
            for id_, face in self._faces.items()
            if id_ in present or now_s - face.seen_s <= self._lost_age_s
        )
        if not distances:
            return None
        nearest, id_ = distances[0]
        runner_up = distances[1][0] if len(distances) > 1 else float("inf")
        certain = nearest < accept_distance and runner_up - nearest >= margin
        return id_ if certain and id_ not in present and self._faces[id_].name is None else None

    def _note(self, id_: int, now_s: float, name: str | None, look: np.ndarray | None) -> None:
        face = self._faces[id_] = self._faces.pop(id_, _Face(now_s, now_s))
        face.seen_s, face.name = now_s, name or face.name
        if look is not None:
            face.looks = [*face.looks[-_LOOKS_KEPT + 1 :], look]
