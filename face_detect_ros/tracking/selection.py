# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Following one thing among many: chosen by its track, its class, its name, or a point in the image."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.tracking.options import TrackerOptions

_REMEMBERED_IMAGES = 60  # a click may be about an image that was shown a moment ago
_MOST_GROWN = 2.0  # area of the box that may be the lost thing again, and its inverse
_FARTHEST = 1.0  # distance between the centers, in diagonals of the lost box


@dataclass(frozen=True)
class _Seen:
    """One image: what a point in it can mean."""

    stamp_ns: int
    size: tuple[int, int]  # width, height
    detections: Detections
    labels: tuple[str, ...]
    tracks: np.ndarray  # (N,) int64 of the detections, by their latest ids; 0 for none
    newest_track: int  # so far, whether or not it is in the image


@dataclass
class _Target:
    """What is followed."""

    track: int
    label: str
    box: np.ndarray  # (4,) as last seen
    name: str | None
    seen_s: float
    newest_track: int  # when it was last seen: later tracks may be the same thing again


class Selection:
    """Follows one track of a stream. `wish` and `point` may be called from any thread, `update` from one.

    A lost target is kept for `lost_age_s`. It is found again if its track comes back, if somebody with its name does,
    or if a new track of its class begins near the place where it was lost. After that, a target that was chosen by
    class or name is chosen anew.

    Args:
        lost_age_s: How long a lost target is waited for, in seconds.
    """

    def __init__(self, lost_age_s: float = TrackerOptions.lost_age_s) -> None:
        self._lost_age_s = lost_age_s
        self._lock = threading.RLock()
        self._clock = StampClock()
        self._wish = ""
        self._target: _Target | None = None
        self._point: tuple[float, float, int] | None = None
        self._seen: deque[_Seen] = deque(maxlen=_REMEMBERED_IMAGES)
        self._present = False
        self._newest_track = 0

    @property
    def status(self) -> str:
        """What is followed, for people; empty if nothing is."""
        with self._lock:
            if self._target is None:
                return f"waiting for {self._wish}" if self._wish else ""
            who = self._target.name or self._target.label
            return f"#{self._target.track} {who}{'' if self._present else ' (lost)'}"

    @property
    def track(self) -> int | None:
        """Id of what is followed, also while it is lost; None if nothing is.

        0 while the next image has to tell what was pointed at, and while a track that was asked for is not found.
        """
        with self._lock:
            if self._target is not None and self._point is None:
                return self._target.track
            return 0 if self._point is not None or _is_number(self._wish) else None

    def wish(self, text: str) -> None:
        """Follow something else from the next image on.

        Args:
            text: A track (`#17` or `17`), a class or the name of a person; empty for nothing. Among several of a class
                or name the largest is taken.
        """
        with self._lock:
            if text != self._wish:
                self._wish, self._target, self._point = text, None, None

    def point(self, x: float, y: float, stamp_ns: int = 0) -> None:
        """Follow what is at a point from the next image on; nothing, if nothing is there.

        Args:
            x: In pixels of the image.
            y: In pixels of the image.
            stamp_ns: Of the image that was pointed at; 0 for the newest.
        """
        with self._lock:
            self._point = (x, y, stamp_ns)

    def update(
        self,
        detections: Detections,
        labels: tuple[str, ...],
        names: Sequence[str | None] | None,
        stamp_ns: int,
        arrival_s: float | None = None,
        *,
        size: tuple[int, int],
        renamed: Mapping[int, int] = MappingProxyType({}),
    ) -> int | None:
        """Take in the next image.

        Args:
            detections: With track_ids.
            labels: Class names.
            names: (N,) who each is, None for unknown; None where nobody is looked for.
            stamp_ns: Its stamp, 0 if it has none.
            arrival_s: When it arrived, in seconds of a monotonic clock, if known.
            size: Its width and height in pixels.
            renamed: Tracks that have got the id of an earlier thing: that id by the one they had.

        Returns:
            Index of the detection that is followed; None if it is not in the image, or nothing is followed.
        """
        with self._lock:
            if not self._clock.advance(stamp_ns, arrival_s):
                self._target = None  # another recording: its tracks are others
                self._seen.clear()
            if self._target is not None:
                self._target.box = box_geometry.resized(self._target.box[None], self._seen[-1].size, size)[0]
            self._rename(renamed)
            tracks = _tracks(detections)
            self._newest_track = max(self._newest_track, int(tracks.max(initial=0)))
            self._seen.append(_Seen(stamp_ns, size, detections, labels, tracks, self._newest_track))
            if self._point is not None:
                (x, y, pointed_ns), self._point = self._point, None
                self._choose_at(x, y, pointed_ns)
            names = [None] * len(detections) if names is None else names
            index = self._find(detections, labels, names, tracks)
            if index is None and self._target is None and self._wish:
                index = self._choose(detections, labels, names, tracks)
            self._present = index is not None
            if index is not None:
                name = names[index] or (self._target.name if self._target is not None else None)
                self._target = _Target(
                    int(tracks[index]),
                    labels[detections.class_ids[index]],
                    detections.boxes[index],
                    name,
                    self._clock.now_s,
                    self._newest_track,
                )
            return index

    def _rename(self, renamed: Mapping[int, int]) -> None:
        """What was chosen or may be clicked on by the id that it had is meant by the one that it has."""
        if self._target is not None:
            self._target.track = renamed.get(self._target.track, self._target.track)
        for seen in self._seen if renamed else ():
            seen.tracks[:] = [renamed.get(track, track) for track in seen.tracks.tolist()]

    def _find(
        self,
        detections: Detections,
        labels: tuple[str, ...],
        names: Sequence[str | None],
        tracks: np.ndarray,
    ) -> int | None:
        """The target in this image; forgets it if it was lost for too long."""
        target = self._target
        if target is None:
            return None
        same = np.flatnonzero(tracks == target.track)
        if len(same):
            return int(same[0])
        if self._clock.now_s - target.seen_s > self._lost_age_s:
            self._target = None
            return None
        if target.name is not None and target.name in names:
            return list(names).index(target.name)
        return self._again(target, detections, labels, names, tracks)

    def _again(
        self,
        target: _Target,
        detections: Detections,
        labels: tuple[str, ...],
        names: Sequence[str | None],
        tracks: np.ndarray,
    ) -> int | None:
        """A track that began after the target was lost, near that place; the nearest of several."""
        width, height = np.maximum(target.box[2:] - target.box[:2], 1)
        center = (target.box[:2] + target.box[2:]) / 2
        best: tuple[float, int] | None = None
        for index, box in enumerate(detections.boxes):
            other = names[index] is not None and target.name is not None  # both known, and not the same
            if (
                tracks[index] <= target.newest_track
                or labels[detections.class_ids[index]] != target.label
                or other
            ):
                continue
            sides = np.maximum(box[2:] - box[:2], 1)
            grown = float(sides.prod() / (width * height))
            distance = float(np.hypot(*((box[:2] + box[2:]) / 2 - center)) / np.hypot(width, height))
            fits = 1 / _MOST_GROWN <= grown <= _MOST_GROWN and distance <= _FARTHEST
            if fits and (best is None or distance < best[0]):
                best = (distance, index)
        return None if best is None else best[1]

    def _choose(
        self,
        detections: Detections,
        labels: tuple[str, ...],
        names: Sequence[str | None],
        tracks: np.ndarray,
    ) -> int | None:
        """What the wish means in this image."""
        if _is_number(self._wish) and self._wish not in labels:
            mine = tracks == int(self._wish.removeprefix("#"))
        else:
            wishes = {self._wish.casefold(), *(part.strip().casefold() for part in self._wish.split(","))}
            mine = np.array(
                [
                    not wishes.isdisjoint({labels[class_id].casefold(), (name or "").casefold()} - {""})
                    for class_id, name in zip(detections.class_ids, names, strict=True)
                ],
                bool,
            )
        mine &= tracks > 0
        return _largest(detections, mine)

    def _choose_at(self, x: float, y: float, stamp_ns: int) -> None:
        """Follow the smallest box around a point."""
        stamped = (each for each in reversed(self._seen) if stamp_ns and each.stamp_ns == stamp_ns)
        seen = next(stamped, self._seen[-1])
        boxes, tracks = seen.detections.boxes, seen.tracks
        inside = (
            (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3]) & (tracks > 0)
        )
        self._wish, self._target = "", None
        if not inside.any():
            return
        index = int(np.where(inside, _areas(boxes), np.inf).argmin())
        self._target = _Target(
            int(tracks[index]),
            seen.labels[seen.detections.class_ids[index]],
            box_geometry.resized(boxes[[index]], seen.size, self._seen[-1].size)[0],
            None,
            self._clock.now_s,
            seen.newest_track,
        )


def _is_number(wish: str) -> bool:
    """Whether a wish is a track: `#17` or `17`."""
    number = wish.removeprefix("#")
    return number.isascii() and number.isdigit()


def _tracks(detections: Detections) -> np.ndarray:
    """(N,) int64: the track of each detection, confirmed or not; 0 for none."""
    ids = detections.track_ids
    tracks: np.ndarray = np.zeros(len(detections), np.int64) if ids is None else np.abs(ids)
    return tracks


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas


def _largest(detections: Detections, mine: np.ndarray) -> int | None:
    if not mine.any():
        return None
    return int(np.where(mine, _areas(detections.boxes), -1.0).argmax())
