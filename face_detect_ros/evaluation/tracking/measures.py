# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""HOTA, CLEAR MOT and identity measures, written from their papers and equal to TrackEval's.

- HOTA: Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021.
- CLEAR MOT: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008.
- Identity: Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016.

Each measure is counted per sequence; counts of several sequences add up to those of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np

from face_detect_ros.evaluation.tracking.comparison import ROUNDING, Comparison, best_pairs

_OVERLAPS = np.arange(0.05, 0.99, 0.05)  # HOTA is the mean over these
_FOUND = 0.5  # overlap from which CLEAR and identity measures count a box as found
_KEPT = 1000.0  # CLEAR keeps the pairs of the frame before, if they still overlap, before all others


def _per_overlap() -> np.ndarray:
    return np.zeros(len(_OVERLAPS))


@dataclass
class Counts:
    """What adds up over sequences.

    Attributes:
        found, missed, false: (19,) boxes, per overlap of HOTA.
        association: (19,) sum of the association accuracy of every found box.
        clear_found, clear_missed, clear_false: Boxes at an overlap of 0.5.
        switches: Changes of the track that follows a labeled thing.
        identity_found: Boxes that the best one-to-one assignment of tracks to labels explains.
        label_boxes, track_boxes: All of them.
    """

    found: np.ndarray = field(default_factory=_per_overlap)
    missed: np.ndarray = field(default_factory=_per_overlap)
    false: np.ndarray = field(default_factory=_per_overlap)
    association: np.ndarray = field(default_factory=_per_overlap)
    clear_found: int = 0
    clear_missed: int = 0
    clear_false: int = 0
    switches: int = 0
    identity_found: int = 0
    label_boxes: int = 0
    track_boxes: int = 0

    def figures(self) -> dict[str, float]:
        """HOTA, DetA, AssA, MOTA and IDF1 in percent; FP, FN and IDSW as counts."""
        detection = self.found / np.maximum(1, self.found + self.missed + self.false)
        association = self.association / np.maximum(1, self.found)
        errors = self.clear_missed + self.clear_false + self.switches
        return {
            "HOTA": 100 * float(np.sqrt(detection * association).mean()),
            "DetA": 100 * float(detection.mean()),
            "AssA": 100 * float(association.mean()),
            "MOTA": 100 * (1 - errors / max(1, self.label_boxes)),
            "IDF1": 100 * 2 * self.identity_found / max(1, self.label_boxes + self.track_boxes),
            "FP": self.clear_false,
            "FN": self.clear_missed,
            "IDSW": self.switches,
        }


def count(comparison: Comparison) -> Counts:
    """Count every measure in one sequence."""
    counts = Counts(label_boxes=comparison.label_boxes, track_boxes=comparison.track_boxes)
    _count_hota(comparison, counts)
    _count_clear(comparison, counts)
    _count_identity(comparison, counts)
    return counts


def total(counts: Iterable[Counts]) -> Counts:
    """Add up the counts of several sequences."""
    result = Counts()
    for one in counts:
        for item in fields(Counts):
            setattr(result, item.name, getattr(result, item.name) + getattr(one, item.name))
    return result


def _count_hota(comparison: Comparison, counts: Counts) -> None:
    shape = (comparison.labels, comparison.tracks)
    together = np.zeros(shape)
    for labels, tracks, overlap in _frames(comparison):
        either = overlap.sum(axis=0)[None, :] + overlap.sum(axis=1)[:, None] - overlap
        shared = np.divide(overlap, either, out=np.zeros_like(overlap), where=either > ROUNDING)
        together[np.ix_(labels, tracks)] += shared
    lengths = _lengths(comparison.label_ids, shape[0])[:, None] + _lengths(comparison.track_ids, shape[1])
    alike = together / np.maximum(lengths - together, ROUNDING)
    pairs, overlaps = [np.empty(0, np.int64)], [np.empty(0)]
    for labels, tracks, overlap in _frames(comparison):
        rows, columns = best_pairs(alike[np.ix_(labels, tracks)] * overlap)
        pairs.append(labels[rows] * shape[1] + tracks[columns])
        overlaps.append(overlap[rows, columns])
    pair, overlap = np.concatenate(pairs), np.concatenate(overlaps)
    for index, least in enumerate(_OVERLAPS):
        frames = np.bincount(pair[overlap >= least - ROUNDING], minlength=shape[0] * shape[1]).reshape(shape)
        counts.found[index] = frames.sum()
        counts.association[index] = (frames * frames / np.maximum(1, lengths - frames)).sum()
    counts.missed = counts.label_boxes - counts.found
    counts.false = counts.track_boxes - counts.found


def _count_clear(comparison: Comparison, counts: Counts) -> None:
    before = np.full(comparison.labels, -1)  # the track in the previous frame
    latest = np.full(comparison.labels, -1)  # the latest track ever
    for labels, tracks, overlap in _frames(comparison):
        worth = _KEPT * (before[labels][:, None] == tracks[None, :]) + overlap
        worth[overlap < _FOUND - ROUNDING] = 0
        rows, columns = best_pairs(worth)
        real = worth[rows, columns] > ROUNDING
        found, by = labels[rows[real]], tracks[columns[real]]
        counts.switches += int(((latest[found] >= 0) & (latest[found] != by)).sum())
        counts.clear_found += len(found)
        before[:] = -1
        before[found] = latest[found] = by
    counts.clear_missed = counts.label_boxes - counts.clear_found
    counts.clear_false = counts.track_boxes - counts.clear_found


def _count_identity(comparison: Comparison, counts: Counts) -> None:
    together = np.zeros((comparison.labels, comparison.tracks))
    for labels, tracks, overlap in _frames(comparison):
        rows, columns = np.nonzero(overlap >= _FOUND)
        together[labels[rows], tracks[columns]] += 1
    rows, columns = best_pairs(together)
    counts.identity_found = int(together[rows, columns].sum())


def _frames(comparison: Comparison) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frames with labels and tracks."""
    frames = zip(comparison.label_ids, comparison.track_ids, comparison.overlaps, strict=True)
    return (frame for frame in frames if frame[2].size)


def _lengths(ids: list[np.ndarray], number: int) -> np.ndarray:
    """(number,) in how many frames each is."""
    return np.bincount(np.concatenate([np.empty(0, np.int64), *ids]), minlength=number)
