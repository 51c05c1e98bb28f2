"""Names for the tracked faces of one camera: chips, embeddings, the gallery, and votes over each track."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.faces.embedders.catalogue import MODEL_ID, MODEL_VERSION, Embedder
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.matching import Match, TrackVotes, match
from face_detect_ros.faces.options import MatchOptions

# a face whose name is settled is looked at again after so long: embedding it in every picture would tell nothing new
_RELOOK_S = 1.0
# most faces embedded in one picture, the longest unseen first: a crowd must not stop the pictures
_LOOKS_PER_PICTURE = 4
# longer than any tracker keeps a track that is not seen
_TRACK_MEMORY_S = 10.0
_UNKNOWN = Match(
    name=None, nearest=None, distance=float("inf"), runner_up_distance=float("inf"), similarity=0.0
)


class DeferredEmbedder:
    """An `Embedder` whose network is loaded when it is first used: a robot that knows nobody never pays for it.

    make: gives the embedder; what it raises, the first `embed` raises.
    """

    model_id = MODEL_ID
    model_version = MODEL_VERSION

    def __init__(self, make: Callable[[], Embedder]) -> None:
        self._make = make
        self._embedder: Embedder | None = None
        self._closed = False
        self._lock = threading.Lock()
        self.device = ""  # until it is loaded

    def load(self) -> Embedder:
        """The embedder itself, loaded now if need be."""
        with self._lock:
            if self._closed:
                raise DetectorError("the embedder is closed")
            if self._embedder is None:
                self._embedder = self._make()
                self.device = self._embedder.device
            return self._embedder

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return self.load().chips(image, faces)

    def embed(self, chips: np.ndarray) -> np.ndarray:
        return self.load().embed(chips)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._embedder is not None:
                self._embedder.close()


class Recognizer:
    """Who the faces are. One instance per camera; one thread at a time may use it.

    The embedder and the gallery are the caller's to close.
    """

    def __init__(self, embedder: Embedder, gallery: Gallery) -> None:
        self._embedder = embedder
        self._gallery = gallery
        self._votes = TrackVotes()
        self._clock = StampClock()
        self._revision: int | None = None
        self._known: dict[int, Match] = {}  # by track id
        self._looked_s: dict[int, float] = {}

    def identify(
        self, image: np.ndarray, faces: Detections, stamp_ns: int, options: MatchOptions
    ) -> list[Match]:
        """One Match per face. image: (H, W, 3) uint8 RGB; faces: with track_ids, in its pixels.

        A face that was not looked at in this picture has its track's last answer. Raises GalleryError if the gallery
        can no longer be read.
        """
        snapshot = self._gallery.snapshot()
        if not self._clock.advance(stamp_ns) or snapshot.revision != self._revision:
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
        return due[:_LOOKS_PER_PICTURE]
