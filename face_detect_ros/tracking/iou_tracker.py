"""Gives each face or object the same number in every picture, by the overlap of boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.stamps import StampClock

_VELOCITY_GAIN = 0.5  # of each new measurement; the rest is what was known
_SHORTEST_STEP_S = 1 / 60  # over less, the detector's jitter would look like speed
_LONGEST_PREDICTION_S = 0.5  # nobody keeps a velocity for longer


@dataclass(frozen=True)
class TrackerOptions:
    """What counts as the same thing.

    iou_threshold: least overlap of a track's predicted box with a detection, above 0 and up to 1.
    search_margin: boxes that found no partner so are tried once more, enlarged on each side by this part of their
        width and height; for slow pictures and fast movement. 0 or more; 0 switches it off.
    max_age_s: a track that nothing was matched to for longer ends.

    Raises ConfigError for a value outside its range.
    """

    iou_threshold: float = 0.3
    search_margin: float = 0.3
    max_age_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.iou_threshold <= 1.0:
            raise ConfigError(f"iou_threshold is {self.iou_threshold}; give a number above 0 and up to 1")
        for name in ("search_margin", "max_age_s"):
            value = getattr(self, name)
            if not (0.0 <= value < float("inf")):
                raise ConfigError(f"{name} is {value}; give a number of at least 0")


class IouTracker:
    """Matches detections to tracks of their class, the largest overlap first; deterministic.

    A track is expected to move on at its recent velocity. Every detection without a track starts one. A number is
    given once in the life of an instance, `reset` and jumps of time included; instances number independently of each
    other. One thread at a time may use an instance.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self._options = options or TrackerOptions()
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget every track."""
        self._clock = StampClock()
        self._ids = np.empty(0, np.int64)
        self._class_ids = np.empty(0, np.int32)
        self._boxes = np.empty((0, 4), np.float32)  # xyxy px, where last seen
        self._velocities = np.empty((0, 2), np.float64)  # of the centers, px/s
        self._seen_s = np.empty(0, np.float64)
        self._seen_before = np.empty(0, bool)  # in more than one picture, so that there is a velocity

    def update(self, detections: Detections, stamp_ns: int) -> Detections:
        """The same detections, in the same order, with track_ids.

        stamp_ns: of their picture. One that lies before the last one (a bag that starts again) is a reset.
        """
        self._advance(stamp_ns)
        predicted = self._predict()
        rows, columns = self._match(predicted, detections)
        ids = np.zeros(len(detections), np.int64)
        ids[columns] = self._ids[rows]
        self._see(rows, detections.boxes[columns])
        new = np.setdiff1d(np.arange(len(detections)), columns)
        ids[new] = self._next_id + np.arange(len(new))
        self._next_id += len(new)
        self._start(ids[new], detections.select(new))
        return replace(detections, track_ids=ids)

    def _advance(self, stamp_ns: int) -> None:
        if not self._clock.advance(stamp_ns):
            self.reset()
            self._clock.advance(stamp_ns)
        # a little more, so that a track of exactly that age does not hang on the last bit
        self._keep(self._clock.now_s - self._seen_s <= self._options.max_age_s + 1e-6)

    def _keep(self, alive: np.ndarray) -> None:
        if not alive.all():
            self._ids, self._class_ids, self._boxes = (
                self._ids[alive],
                self._class_ids[alive],
                self._boxes[alive],
            )
            self._velocities, self._seen_s = self._velocities[alive], self._seen_s[alive]
            self._seen_before = self._seen_before[alive]

    def _predict(self) -> np.ndarray:
        """(T, 4) float32 xyxy: where the tracks should be now."""
        elapsed_s = np.minimum(self._clock.now_s - self._seen_s, _LONGEST_PREDICTION_S)
        shift = self._velocities * elapsed_s[:, None]
        moved: np.ndarray = (self._boxes + np.tile(shift, 2)).astype(np.float32)
        return moved

    def _match(self, predicted: np.ndarray, detections: Detections) -> tuple[np.ndarray, np.ndarray]:
        """Indices of tracks and of their detections, (M,) each."""
        same_class = self._class_ids[:, None] == detections.class_ids[None, :]
        pairs = _greedy(box_geometry.iou(predicted, detections.boxes) * same_class, self._options)
        if self._options.search_margin:
            rows = np.setdiff1d(np.arange(len(predicted)), [row for row, _ in pairs])
            columns = np.setdiff1d(np.arange(len(detections)), [column for _, column in pairs])
            if len(rows) and len(columns):
                overlap = box_geometry.iou(
                    _enlarged(predicted[rows], self._options.search_margin),
                    _enlarged(detections.boxes[columns], self._options.search_margin),
                )
                more = _greedy(overlap * same_class[np.ix_(rows, columns)], self._options)
                pairs += [(int(rows[row]), int(columns[column])) for row, column in more]
        matched = np.array(pairs, np.int64).reshape(-1, 2)
        return matched[:, 0], matched[:, 1]

    def _see(self, rows: np.ndarray, boxes: np.ndarray) -> None:
        """The tracks `rows` are now at `boxes`."""
        elapsed_s = np.maximum(self._clock.now_s - self._seen_s[rows], _SHORTEST_STEP_S)
        moved = (boxes[:, :2] + boxes[:, 2:] - self._boxes[rows, :2] - self._boxes[rows, 2:]) / 2.0
        gain = np.where(self._seen_before[rows], _VELOCITY_GAIN, 1.0)[:, None]
        self._velocities[rows] += gain * (moved / elapsed_s[:, None] - self._velocities[rows])
        self._boxes[rows] = boxes
        self._seen_s[rows] = self._clock.now_s
        self._seen_before[rows] = True

    def _start(self, ids: np.ndarray, detections: Detections) -> None:
        count = len(detections)
        if not count:
            return
        self._ids = np.concatenate([self._ids, ids])
        self._class_ids = np.concatenate([self._class_ids, detections.class_ids])
        self._boxes = np.concatenate([self._boxes, detections.boxes])
        self._velocities = np.concatenate([self._velocities, np.zeros((count, 2))])
        self._seen_s = np.concatenate([self._seen_s, np.full(count, self._clock.now_s)])
        self._seen_before = np.concatenate([self._seen_before, np.zeros(count, bool)])


def _greedy(overlap: np.ndarray, options: TrackerOptions) -> list[tuple[int, int]]:
    """(row, column) pairs of (T, N) `overlap`, the largest first, each row and column once; ties: the first row."""
    candidates = np.argwhere(overlap >= options.iou_threshold)
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
