# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The `iou` tracker: simple, greedy association by the overlap of boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.stamps import StampClock
from face_detect_ros.tracking.options import LONGEST_GAP_S, TrackerOptions
from face_detect_ros.tracking.protocol import NO_TRACK

_VELOCITY_GAIN = 0.5  # weight of each new measurement
_SHORTEST_STEP_S = 1 / 60  # over less, the detector's jitter would look like speed
_LONGEST_PREDICTION_S = 0.5  # nobody keeps a velocity for longer


class IouTracker:
    """Matches detections to tracks of their class, the largest overlap first; deterministic.

    A track is expected to move on at its recent velocity. Lost tracks are not found again. See `Tracker`.

    Args:
        options: Ages and confirmation.
        iou_threshold: Least overlap of a track's predicted box with a detection, above 0 and up to 1.
        search_margin: Unmatched boxes are tried again, enlarged on each side by this part of their width and
            height; for slow images and fast movement. 0 or more; 0 switches it off.

    Raises:
        ConfigError: A value is out of range.
    """

    def __init__(
        self,
        options: TrackerOptions | None = None,
        *,
        iou_threshold: float = 0.3,
        search_margin: float = 0.3,
    ) -> None:
        if not 0.0 < iou_threshold <= 1.0:
            raise ConfigError(f"iou_threshold is {iou_threshold}; give a number above 0 and up to 1")
        if not 0.0 <= search_margin < float("inf"):
            raise ConfigError(f"search_margin is {search_margin}; give a number of at least 0")
        self._options = options or TrackerOptions()
        self._iou_threshold = iou_threshold
        self._search_margin = search_margin
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget every track. Ids are not used again."""
        self._clock = StampClock()
        self._forget()

    def _forget(self) -> None:
        self._ids = np.empty(0, np.int64)
        self._class_ids = np.empty(0, np.int32)
        self._boxes = np.empty((0, 4), np.float32)  # xyxy px, where last seen
        self._velocities = np.empty((0, 2), np.float64)  # of the centers, px/s
        self._seen_s = np.empty(0, np.float64)
        self._seen_image = np.empty(0, np.int64)
        self._hits = np.empty(0, np.int64)

    def update(
        self,
        detections: Detections,
        stamp_ns: int,
        *,
        score_threshold: float = 0.0,
        arrival_s: float | None = None,
    ) -> Detections:
        """See `Tracker.update`."""
        if not self._clock.advance(stamp_ns, arrival_s):
            self._forget()
        self._end_old()
        sure = detections.scores >= score_threshold
        rows, columns = self._match(detections, sure)
        ids = np.full(len(detections), NO_TRACK, np.int64)
        self._see(rows, detections.boxes[columns])
        confirmed = self._hits[rows] >= self._options.min_hits
        ids[columns] = np.where(confirmed, self._ids[rows], -self._ids[rows])
        started = np.setdiff1d(np.flatnonzero(sure), columns)
        new = self._start(detections.select(started))
        ids[started] = new if self._options.min_hits <= 1 else -new
        return replace(detections, track_ids=ids)

    def rename(self, track_id: int, earlier_id: int) -> None:
        """See `Tracker.rename`."""
        mine = self._ids == abs(track_id)
        if mine.any() and earlier_id != abs(track_id):
            self._hits[mine] = np.maximum(self._hits[mine], self._options.min_hits)
            self._ids[mine] = earlier_id
            self._keep(mine | (self._ids != earlier_id))

    def _end_old(self) -> None:
        age_s = self._clock.now_s - self._seen_s
        missed = self._clock.images - self._seen_image - 1
        # a little more, so that a track of exactly that age does not depend on the last bit
        young = (age_s <= self._options.max_age_s + 1e-6) | (missed <= self._options.max_age_images)
        alive = young & (age_s <= max(LONGEST_GAP_S, self._options.max_age_s))
        if not alive.all():
            self._keep(alive)

    def _keep(self, rows: np.ndarray) -> None:
        self._ids, self._class_ids, self._boxes = self._ids[rows], self._class_ids[rows], self._boxes[rows]
        self._velocities, self._seen_s = self._velocities[rows], self._seen_s[rows]
        self._seen_image, self._hits = self._seen_image[rows], self._hits[rows]

    def _predict(self) -> np.ndarray:
        """(T, 4) float32 xyxy: where the tracks should be in this image."""
        elapsed_s = np.minimum(self._clock.image_s - self._seen_s, _LONGEST_PREDICTION_S)
        shift = self._velocities * elapsed_s[:, None]
        moved: np.ndarray = (self._boxes + np.tile(shift, 2)).astype(np.float32)
        return moved

    def _match(self, detections: Detections, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices of tracks and of their detections, (M,) each."""
        predicted = self._predict()
        same_class = self._class_ids[:, None] == detections.class_ids[None, :]
        rows = np.arange(len(predicted))
        pairs: list[tuple[int, int]] = []
        for candidates in (np.flatnonzero(sure), np.flatnonzero(~sure)):
            # enlarged only after everything that matches as it is
            for margin in (0.0, self._search_margin) if self._search_margin else (0.0,):
                rows = np.setdiff1d(np.arange(len(predicted)), [row for row, _ in pairs])
                columns = np.setdiff1d(candidates, [column for _, column in pairs])
                if not (len(rows) and len(columns)):
                    continue
                overlap = box_geometry.iou(
                    _enlarged(predicted[rows], margin), _enlarged(detections.boxes[columns], margin)
                )
                found = _greedy(overlap * same_class[np.ix_(rows, columns)], self._iou_threshold)
                pairs += [(int(rows[row]), int(columns[column])) for row, column in found]
        matched = np.array(pairs, np.int64).reshape(-1, 2)
        return matched[:, 0], matched[:, 1]

    def _see(self, rows: np.ndarray, boxes: np.ndarray) -> None:
        """The tracks `rows` are at `boxes` in this image."""
        newer = self._clock.image_s > self._seen_s[rows]  # a late image tells nothing new
        rows, boxes = rows[newer], boxes[newer]
        elapsed_s = np.maximum(self._clock.image_s - self._seen_s[rows], _SHORTEST_STEP_S)
        moved = (boxes[:, :2] + boxes[:, 2:] - self._boxes[rows, :2] - self._boxes[rows, 2:]) / 2.0
        gain = np.where(self._hits[rows] > 1, _VELOCITY_GAIN, 1.0)[:, None]
        self._velocities[rows] += gain * (moved / elapsed_s[:, None] - self._velocities[rows])
        self._boxes[rows] = boxes
        self._seen_s[rows] = self._clock.image_s
        self._seen_image[rows] = self._clock.images
        self._hits[rows] += 1

    def _start(self, detections: Detections) -> np.ndarray:
        """Start a track for each of the detections; their ids, (N,)."""
        count = len(detections)
        ids = self._next_id + np.arange(count)
        self._next_id += count
        if count:
            self._ids = np.concatenate([self._ids, ids])
            self._class_ids = np.concatenate([self._class_ids, detections.class_ids])
            self._boxes = np.concatenate([self._boxes, detections.boxes])
            self._velocities = np.concatenate([self._velocities, np.zeros((count, 2))])
            self._seen_s = np.concatenate([self._seen_s, np.full(count, self._clock.image_s)])
            self._seen_image = np.concatenate([self._seen_image, np.full(count, self._clock.images)])
            self._hits = np.concatenate([self._hits, np.ones(count, np.int64)])
        return ids


def _greedy(overlap: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """(row, column) pairs of (T, N) `overlap`, the largest first, each row and column once; ties: the first row."""
    candidates = np.argwhere(overlap >= threshold)
    order = np.argsort(-overlap[candidates[:, 0], candidates[:, 1]], kind="stable")
    rows: set[int] = set()
    columns: set[int] = set()
    pairs = []
    for row, column in candidates[order].tolist():
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            pairs.append((row, column))
    return pairs


def _enlarged(boxes: np.ndarray, margin: float) -> np.ndarray:
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] - margin * sides, boxes[:, 2:] + margin * sides], axis=1)
