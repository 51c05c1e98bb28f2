# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tracks beside labels, frame by frame, as every measure needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from face_detect_ros.evaluation.tracking.sequences import Labels

ROUNDING = np.finfo(np.float64).eps
_FOUND = 0.5  # overlap from which a box has found a label


@dataclass(frozen=True)
class Comparison:
    """One sequence's labels and tracks.

    Attributes:
        label_ids: (G,) int64 per frame, numbered from 0 without gaps over the sequence.
        track_ids: (K,) int64 per frame, likewise.
        overlaps: (G, K) float64 per frame, IoU.
        labels: Number of different labeled things.
        tracks: Number of different tracks.
    """

    label_ids: list[np.ndarray]
    track_ids: list[np.ndarray]
    overlaps: list[np.ndarray]
    labels: int
    tracks: int

    @property
    def label_boxes(self) -> int:
        return sum(map(len, self.label_ids))

    @property
    def track_boxes(self) -> int:
        return sum(map(len, self.track_ids))


def compare(labels: Iterable[Labels], tracks: Iterable[tuple[np.ndarray, np.ndarray]]) -> Comparison:
    """Pair tracks with labels. Boxes that found something ignored are left out, as MOTChallenge does.

    Args:
        labels: For each frame.
        tracks: (K,) ids and (K, 4) xyxy boxes for each frame.
    """
    label_ids, track_ids, overlaps = [], [], []
    for truth, (ids, boxes) in zip(labels, tracks, strict=True):
        overlap = box_overlap(truth.boxes, boxes)
        if truth.ignored.any():
            rows, columns = best_pairs(np.where(overlap >= _FOUND - ROUNDING, overlap, 0.0))
            kept = np.ones(len(ids), bool)
            kept[columns[truth.ignored[rows] & (overlap[rows, columns] >= _FOUND - ROUNDING)]] = False
            ids, overlap = ids[kept], overlap[:, kept]
        label_ids.append(truth.ids[truth.counted])
        track_ids.append(ids)
        overlaps.append(overlap[truth.counted])
    labels_numbered, label_count = _numbered(label_ids)
    tracks_numbered, track_count = _numbered(track_ids)
    return Comparison(labels_numbered, tracks_numbered, overlaps, label_count, track_count)


def best_pairs(worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pairs of (G, K) `worth`, each row and column once, whose sum is greatest."""
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return rows, columns


def box_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) float64 IoU. In double precision: a measure must not depend on the last bit of a single."""
    a, b = np.asarray(a, np.float64).reshape(-1, 4), np.asarray(b, np.float64).reshape(-1, 4)
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(sides, 0, None).prod(axis=2)
    areas_a, areas_b = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b))
    union = areas_a[:, None] + areas_b - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > ROUNDING)


def _numbered(ids: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
    if not ids:
        return [], 0
    known, numbers = np.unique(np.concatenate(ids), return_inverse=True)
    edges = np.cumsum([len(frame) for frame in ids])[:-1]
    return np.split(numbers.reshape(-1), edges), len(known)
