# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The `motion` tracker: predicted motion, two score thresholds, camera motion, lost tracks found again.

Written from the ideas of these papers:

- two thresholds, weak detections continue tracks: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every
  Detection Box", ECCV 2022;
- a second chance at the last observation, because predictions drift: Cao et al., "Observation-Centric SORT", CVPR 2023;
- a second chance with enlarged boxes: Yang et al., "Hard to Track Objects with Irregular Motions and Similar
  Appearances? Make It Easier by Buffering the Matching Space", WACV 2023;
- heights must agree: Yang et al., "Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking", AAAI 2024.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.tracking import box_filter
from face_detect_ros.tracking.association import enlarged, greedy, overlap
from face_detect_ros.tracking.options import LONGEST_GAP_S, TrackerOptions
from face_detect_ros.tracking.protocol import NO_TRACK

_OVERLAP = 0.3  # least IoU of a track with a detection
_WEAK_OVERLAP = 0.4  # of a track with a weak detection
_WEAKEST = 0.1  # lower scores are noise
_MARGIN = 0.4  # by which boxes are enlarged for the second chance
_CAMERA_TRACKS = 3  # fewer do not tell the camera's motion from their own
_UNCONFIRMED_MISSES = 1  # in a row; a false detection seldom comes in every second image
_SURE_AFTER_S = 0.25  # a thing seen twice over this time is confirmed, however few images it took


@dataclass
class _Tracks:
    """T tracks, one row each; boxes are center and size in pixels of the newest image."""

    ids: np.ndarray  # (T,) int64
    class_ids: np.ndarray  # (T,) int32
    state: np.ndarray  # (T, 5, 4), see box_filter; at the time of the newest image
    observed: np.ndarray  # (T, 4) latest detection
    seen_s: np.ndarray  # (T,) float64
    started_s: np.ndarray  # (T,) float64
    seen_image: np.ndarray  # (T,) int64
    hits: np.ndarray  # (T,) int64
    confirmed: np.ndarray  # (T,) bool

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def none(cls) -> _Tracks:
        number, whole = np.empty(0), np.empty(0, np.int64)
        return cls(
            ids=whole,
            class_ids=np.empty(0, np.int32),
            state=np.empty((0, 5, 4)),
            observed=np.empty((0, 4)),
            seen_s=number,
            started_s=number,
            seen_image=whole,
            hits=whole,
            confirmed=np.empty(0, bool),
        )

    def select(self, index: np.ndarray) -> _Tracks:
        return _Tracks(**{item.name: getattr(self, item.name)[index] for item in fields(self)})

    def joined(self, others: _Tracks) -> _Tracks:
        pairs = {item.name: (getattr(self, item.name), getattr(others, item.name)) for item in fields(self)}
        return _Tracks(**{name: np.concatenate(pair) for name, pair in pairs.items()})


class MotionTracker:
    """Follows things by their motion; the default tracker. Deterministic. See `Tracker`.

    A track without a detection for `max_age_s` is lost. A lost track is continued by a detection where it is expected,
    if no other track claims that detection.

    Args:
        options: Ages and confirmation.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self._options = options or TrackerOptions()
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget every track. Ids are not used again."""
        self._clock = StampClock()
        self._tracks = _Tracks.none()

    def update(
        self,
        detections: Detections,
        stamp_ns: int,
        *,
        score_threshold: float = 0.0,
        arrival_s: float | None = None,
    ) -> Detections:
        """See `Tracker.update`."""
        before_s = self._clock.now_s
        if not self._clock.advance(stamp_ns, arrival_s):
            self._tracks = _Tracks.none()
        elif self._clock.now_s > before_s:
            box_filter.advance(self._tracks.state, self._clock.now_s - before_s)
        active = self._end_old()
        boxes = _center_size(detections.boxes)
        strong = detections.scores >= score_threshold
        rows, columns = self._match(detections, boxes, strong, active)
        self._see(rows, boxes[columns])
        ids = np.full(len(detections), NO_TRACK, np.int64)
        followed = self._tracks.ids[rows]
        ids[columns] = np.where(self._tracks.confirmed[rows], followed, -followed)
        strong[columns] = False
        new = np.flatnonzero(strong)
        if len(new):
            started = self._start(boxes[new], detections.class_ids[new])
            ids[new] = started if self._options.min_hits <= 1 else -started
        return replace(detections, track_ids=ids)

    def rename(self, track_id: int, earlier_id: int) -> None:
        """See `Tracker.rename`."""
        mine = self._tracks.ids == abs(track_id)
        if mine.any() and earlier_id != abs(track_id):
            self._tracks.confirmed[mine] = True
            self._tracks.ids[mine] = earlier_id
            self._tracks = self._tracks.select(mine | (self._tracks.ids != earlier_id))

    def _end_old(self) -> np.ndarray:
        """Drop the tracks that have ended. (T,) bool: which of the rest are not lost."""
        options, tracks = self._options, self._tracks
        # a little less, so that a track of exactly that age does not depend on the last bit
        age_s = self._clock.now_s - tracks.seen_s - 1e-6
        missed = self._clock.images - tracks.seen_image - 1
        few = missed <= options.max_age_images
        active = (age_s <= options.max_age_s) | few
        alive = (active | (age_s <= options.lost_age_s)) & (
            age_s <= max(LONGEST_GAP_S, options.max_age_s, options.lost_age_s)
        )
        alive &= tracks.confirmed | (missed <= _UNCONFIRMED_MISSES)
        if alive.all():
            return active
        self._tracks = tracks.select(alive)
        remaining: np.ndarray = active[alive]
        return remaining

    def _match(
        self, detections: Detections, boxes: np.ndarray, strong: np.ndarray, active: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows of tracks and indices of their detections, (M,) each."""
        tracks = self._tracks
        found = detections.boxes.astype(np.float64)
        allowed = tracks.class_ids[:, None] == detections.class_ids
        expected = self._expected()
        iou, height = overlap(_corners(expected), found)
        shift = self._camera_shift(expected, boxes, np.where(allowed & strong, iou, 0.0))
        if shift is not None:
            tracks.state[:, 0, :2] += shift
            tracks.observed[:, :2] += shift
            expected[:, :2] += shift
            iou, height = overlap(_corners(expected), found)
        followed = allowed & (active & tracks.confirmed)[:, None]
        close = iou * height
        # a band of worth for each stage: pairs of an earlier stage are made before any of a later one
        weak = ~strong & (detections.scores >= _WEAKEST)
        worth = np.where(followed & weak & (iou >= _WEAK_OVERLAP), 1 + close, 0.0)
        worth = np.where(followed & strong & (iou >= _OVERLAP), 2 + close, worth)
        rows, columns = greedy(worth)
        free_row, free_column = np.ones(len(tracks), bool), strong.copy()
        free_row[rows], free_column[columns] = False, False
        free_rows, free_columns = np.flatnonzero(free_row), np.flatnonzero(free_column)
        if not (len(free_rows) and len(free_columns)):
            return rows, columns
        rest = np.ix_(free_rows, free_columns)
        iou, close, followed, allowed = iou[rest], close[rest], followed[rest], allowed[rest]
        unconfirmed = ~tracks.confirmed[free_rows, None]
        worth = np.where(allowed & (iou >= _OVERLAP), np.where(unconfirmed, 1 + close, close), 0.0)
        again = self._second_chance(expected[free_rows], tracks.observed[free_rows], found[free_columns])
        worth = np.where(followed, np.where(again >= _OVERLAP, 2 + again, 0.0), worth)
        more_rows, more_columns = greedy(worth)
        return (
            np.concatenate([rows, free_rows[more_rows]]),
            np.concatenate([columns, free_columns[more_columns]]),
        )

    def _expected(self) -> np.ndarray:
        """(T, 4) where the tracks are in this image."""
        expected = self._tracks.state[:, 0].copy()
        if self._clock.late:
            expected += (self._clock.image_s - self._clock.now_s) * self._tracks.state[:, 1]
        return expected

    def _camera_shift(self, expected: np.ndarray, boxes: np.ndarray, iou: np.ndarray) -> np.ndarray | None:
        """(2,) px by which everything moved unexpectedly, because the camera did; None if that is not certain."""
        tracks = self._tracks
        if len(tracks) < _CAMERA_TRACKS or len(boxes) < _CAMERA_TRACKS or self._clock.late:
            return None
        columns = iou.argmax(axis=1)
        rows = np.arange(len(tracks))
        sure = (
            (iou[rows, columns] >= _OVERLAP)
            & (iou.argmax(axis=0)[columns] == rows)
            & tracks.confirmed
            & (tracks.seen_image == self._clock.images - 1)
        )
        if sure.sum() < _CAMERA_TRACKS:
            return None
        moved: np.ndarray = np.median(boxes[columns[sure], :2] - expected[sure, :2], axis=0)
        return moved

    def _second_chance(self, expected: np.ndarray, observed: np.ndarray, found: np.ndarray) -> np.ndarray:
        """(T, N) overlap with the latest observation, or of enlarged boxes."""
        still, _ = overlap(_corners(observed), found)
        moving, _ = overlap(enlarged(_corners(expected), _MARGIN), enlarged(found, _MARGIN))
        best: np.ndarray = np.maximum(still, moving)
        return best

    def _see(self, rows: np.ndarray, boxes: np.ndarray) -> None:
        """The tracks `rows` are at `boxes` in this image."""
        tracks, image_s = self._tracks, self._clock.image_s
        if self._clock.late:  # tells nothing new about a track that was seen since
            newer = image_s > tracks.seen_s[rows]
            rows, boxes = rows[newer], boxes[newer]
            boxes = boxes + (self._clock.now_s - image_s) * tracks.state[rows, 1]
        tracks.state[rows] = box_filter.correct(tracks.state[rows], boxes)
        tracks.observed[rows] = boxes
        tracks.seen_s[rows] = image_s
        tracks.seen_image[rows] = self._clock.images
        tracks.hits[rows] += 1
        long_enough = image_s - tracks.started_s[rows] >= _SURE_AFTER_S
        tracks.confirmed[rows] |= (tracks.hits[rows] >= self._options.min_hits) | long_enough

    def _start(self, boxes: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """Start a track for each detection; their ids, (N,)."""
        count = len(boxes)
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        self._tracks = self._tracks.joined(
            _Tracks(
                ids=ids,
                class_ids=class_ids,
                state=box_filter.start(boxes),
                observed=boxes,
                seen_s=np.full(count, self._clock.image_s),
                started_s=np.full(count, self._clock.image_s),
                seen_image=np.full(count, self._clock.images),
                hits=np.ones(count, np.int64),
                confirmed=np.full(count, self._options.min_hits <= 1),
            )
        )
        return ids


def _center_size(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) float64 center and size of xyxy boxes."""
    boxes = boxes.astype(np.float64)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def _corners(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy of center and size."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
