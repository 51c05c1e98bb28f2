# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names for the tracked faces of one camera: chips, embeddings, the gallery, and votes over each track."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.matching import Match, match
from face_detect_ros.faces.options import LookOptions, MatchOptions
from face_detect_ros.faces.quality import tells_who
from face_detect_ros.faces.votes import TrackVotes

# a face that is settled, with a name or without, is looked at again after so long: embedding it in every image would
# tell nothing new
_RELOOK_S = 1.0
LOOKS_PER_IMAGE = 4
"""Most faces embedded in one image, the longest unseen first: a crowd must not stop the images."""

# by number, not by age: whoever gives the ids decides how long a track may be away. More than an image has faces
_TRACKS_KEPT = 1000
_UNKNOWN = Match(
    name=None, nearest=None, distance=float("inf"), runner_up_distance=float("inf"), similarity=0.0
)


@dataclass
class _Track:
    """What is known of a track.

    Attributes:
        match: The latest answer.
        looked_s: When it was looked at last.
        strange: Looks in a row that named nobody.
    """

    match: Match = _UNKNOWN
    looked_s: float = -math.inf
    strange: int = 0


class People(Protocol):
    """Who may be recognized: a gallery, or `KnownPeople`."""

    def snapshot(self) -> GallerySnapshot:
        """Everybody, as of now; the same object while nothing changes.

        Raises GalleryError if the gallery can no longer be read.
        """
        ...


class KnownPeople:
    """People that do not change."""

    def __init__(self, snapshot: GallerySnapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> GallerySnapshot:
        return self._snapshot


class Recognizer:
    """Who the faces are. One instance per camera; one thread at a time may use it.

    A face is looked at in every image until it has a name, or until as many looks in a row named nobody as take a name
    away; from then on once a second. A look at a face that is too small, blurred or turned to tell who it is gives no
    name, and confirms none.

    Args:
        embedder: Used, not closed.
        people: Used, not closed.
        looks_per_image: Most faces embedded in one image; None for all of them.
        quality: What a face must be like for a look to count.

    Attributes:
        looks: (128,) embeddings of the faces that were looked at in the latest image, by the positive id of the track.
        restarts: How many times everything about the tracks was forgotten, because time started again or the gallery
            changed.
    """

    def __init__(
        self,
        embedder: Embedder,
        people: People,
        *,
        looks_per_image: int | None = LOOKS_PER_IMAGE,
        quality: LookOptions | None = None,
    ) -> None:
        self._embedder = embedder
        self._people = people
        self._looks_per_image = looks_per_image
        self._quality = quality or LookOptions()
        self._votes = TrackVotes()
        self._clock = StampClock()
        self._snapshot: GallerySnapshot | None = None
        self._tracks: dict[int, _Track] = {}  # by id; the one seen last comes last
        self.looks: dict[int, np.ndarray] = {}
        self.restarts = 0

    def identify(
        self,
        image: np.ndarray,
        faces: Detections,
        stamp_ns: int,
        options: MatchOptions,
        arrival_s: float | None = None,
    ) -> list[Match]:
        """Say who the faces of the next image are.

        Args:
            image: (H, W, 3) uint8 RGB.
            faces: With track_ids, in its pixels. Tracks that are not confirmed yet are looked at, too.
            stamp_ns: Of the image. One that is seconds older than the latest forgets every track.
            options: When a face has a name.
            arrival_s: When it arrived, in seconds of a monotonic clock, if known.

        Returns:
            A match for each face. A face that was not looked at in this image has its track's last answer.

        Raises:
            GalleryError: The gallery can no longer be read.
        """
        snapshot = self._people.snapshot()
        # not by its revision: that of a gallery which replaces this one may be the same
        if not self._clock.advance(stamp_ns, arrival_s) or snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._tracks = {}
            self._votes.clear()
            self.restarts += 1
        self.looks = {}
        ids = [] if faces.track_ids is None else np.abs(faces.track_ids).tolist()
        if not ids or not snapshot.people:
            return [_UNKNOWN] * len(faces)
        tracks = [self._see(track_id) if track_id else _Track() for track_id in ids]
        good, poor = self._choose(image, faces, ids, tracks, options)
        looks = [_UNKNOWN] * len(poor)
        if good:
            embeddings = self._embedder.embed(self._embedder.chips(image, faces.select(good)))
            looks = match(embeddings, snapshot, options) + looks
            self.looks = dict(zip((ids[index] for index in good), embeddings, strict=True))
        looked = good + poor
        answers = self._votes.update([ids[index] for index in looked], looks, options)
        for index, look, answer in zip(looked, looks, answers, strict=True):
            track = tracks[index]
            track.match, track.looked_s = answer, self._clock.now_s
            track.strange = track.strange + 1 if look.name is None and answer.name is None else 0
        return [track.match for track in tracks]

    def _see(self, track_id: int) -> _Track:
        """What is known of the track, which is the latest seen now."""
        track = self._tracks[track_id] = self._tracks.pop(track_id, _Track())
        if len(self._tracks) > _TRACKS_KEPT:
            del self._tracks[next(iter(self._tracks))]
            self._votes.keep_only(self._tracks)
        return track

    def _choose(
        self,
        image: np.ndarray,
        faces: Detections,
        ids: Sequence[int],
        tracks: Sequence[_Track],
        options: MatchOptions,
    ) -> tuple[list[int], list[int]]:
        """Indices of the faces to embed now, and of those whose name this look at a poor face does not confirm."""
        now_s = self._clock.now_s
        due = [
            index
            for index, track in enumerate(tracks)
            if ids[index] and (not _settled(track, options) or now_s - track.looked_s >= _RELOOK_S)
        ]
        due.sort(key=lambda index: tracks[index].looked_s)
        good: list[int] = []
        poor: list[int] = []
        for index in due:
            if len(good) == self._looks_per_image:
                break
            if tells_who(image, faces.select([index]), self._quality):
                good.append(index)
            elif tracks[index].match.name is not None:
                poor.append(index)
        return good, poor


def _settled(track: _Track, options: MatchOptions) -> bool:
    return track.match.name is not None or track.strange >= options.looks_to_lose
