"""Names for the tracked faces of one camera: chips, embeddings, the gallery, and votes over each track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.matching import Match, TrackVotes, match
from face_detect_ros.faces.options import MatchOptions

# a face whose name is settled is looked at again after so long: embedding it in every picture would tell nothing new
_RELOOK_S = 1.0
LOOKS_PER_IMAGE = 4
"""Most faces embedded in one image, the longest unseen first: a crowd must not stop the images."""

# longer than any tracker keeps a track that is not seen
_TRACK_MEMORY_S = 10.0
_UNKNOWN = Match(
    name=None, nearest=None, distance=float("inf"), runner_up_distance=float("inf"), similarity=0.0
)


class People(Protocol):
    """Who may be recognized: a gallery, or `KnownPeople`."""

    def snapshot(self) -> GallerySnapshot:
        """Everybody, as of now. Raises GalleryError if the gallery can no longer be read."""
        ...


class KnownPeople:
    """People that do not change."""

    def __init__(self, snapshot: GallerySnapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> GallerySnapshot:
        return self._snapshot


class Recognizer:
    """Who the faces are. One instance per camera; one thread at a time may use it.

    Args:
        embedder: Used, not closed.
        people: Used, not closed.
        looks_per_image: Most faces embedded in one image; None for all of them.
    """

    def __init__(
        self, embedder: Embedder, people: People, *, looks_per_image: int | None = LOOKS_PER_IMAGE
    ) -> None:
        self._embedder = embedder
        self._people = people
        self._looks_per_image = looks_per_image
        self._votes = TrackVotes()
        self._clock = StampClock()
        self._revision: int | None = None
        self._known: dict[int, Match] = {}  # by track id
        self._looked_s: dict[int, float] = {}

    def identify(
        self,
        image: np.ndarray,
        faces: Detections,
        stamp_ns: int,
        options: MatchOptions,
        arrival_s: float | None = None,
    ) -> list[Match]:
        """One Match per face. image: (H, W, 3) uint8 RGB; faces: with track_ids, in its pixels.

        A face that was not looked at in this picture has its track's last answer. Raises GalleryError if the gallery
        can no longer be read.
        """
        snapshot = self._people.snapshot()
        if not self._clock.advance(stamp_ns, arrival_s) or snapshot.revision != self._revision:
            self._revision = snapshot.revision
            self._known, self._looked_s = {}, {}
            self._votes.clear()
        tracks = [] if faces.track_ids is None else faces.track_ids.tolist()
        if not tracks or not snapshot.people:
            return [_UNKNOWN] * len(faces)
        self._forget_ended(tracks)
        due = self._due(tracks)
        if due:
            embeddings = self._embedder.embed(self._embedder.chips(image, faces.select(due)))
            looks = match(embeddings, snapshot, options)
            looked = [tracks[index] for index in due]
            answers = self._votes.update(looked, looks, snapshot.revision, options)
            self._known.update(zip(looked, answers, strict=True))
            self._looked_s.update((track, self._clock.now_s) for track in looked)
        return [self._known.get(track, _UNKNOWN) for track in tracks]

    def _forget_ended(self, tracks: Sequence[int]) -> None:
        """Drop what is known of tracks that have not been seen for long: they have ended."""
        now_s = self._clock.now_s
        alive = {track for track, at in self._looked_s.items() if now_s - at < _TRACK_MEMORY_S} | set(tracks)
        if len(alive) < len(self._looked_s):
            self._votes.keep_only(alive)
            self._known = {track: known for track, known in self._known.items() if track in alive}
            self._looked_s = {track: at for track, at in self._looked_s.items() if track in alive}

    def _due(self, tracks: Sequence[int]) -> list[int]:
        """Indices of the faces to look at now."""
        now_s = self._clock.now_s
        due = [
            index
            for index, track in enumerate(tracks)
            if self._known.get(track, _UNKNOWN).name is None
            or now_s - self._looked_s.get(track, -np.inf) >= _RELOOK_S
        ]
        due.sort(key=lambda index: self._looked_s.get(tracks[index], -np.inf))
        return due[: self._looks_per_image]
