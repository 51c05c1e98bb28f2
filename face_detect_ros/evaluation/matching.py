# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Matching detections with labels: which are right, and precision and recall."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from face_detect_ros.core import boxes as box_geometry


@dataclass(frozen=True, eq=False)
class Matches:
    """How the detections and labels of one image go together.

    Attributes:
        scores: (D,) of its detections, best first.
        right: (D,) bool; found a label that counts.
        wrong: (D,) bool; found nothing. A detection that is neither right nor wrong found a label that does not
            count.
        found_at: (L,) score of the detection that found each label; NaN if none did.
        counts: (L,) bool; labels that count.
        found_by: (L,) int; index of that detection among the boxes given, -1 if there is none.
    """

    scores: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    found_at: np.ndarray
    counts: np.ndarray
    found_by: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def match(
    boxes: np.ndarray,
    scores: np.ndarray,
    labels: np.ndarray,
    *,
    crowd: np.ndarray,
    min_label_px: float,
    iou_threshold: float,
) -> Matches:
    """Give each detection, best score first, the free label that it overlaps most, as COCO's evaluation does.

    A crowd, or a label whose shorter side is below `min_label_px`, does not count: a detection that finds nothing
    else is neither right nor wrong, and neither is a detection that is itself smaller than that and finds nothing.
    A crowd may be found many times; a detection finds it by the share of its own area that lies inside.

    Args:
        boxes: (D, 4) xyxy.
        scores: (D,).
        labels: (L, 4) xyxy.
        crowd: (L,) bool.
        iou_threshold: Overlap from which a detection has found a label.
        min_label_px: Smallest side of a label that counts, in pixels.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    boxes, scores = box_geometry.as_boxes(boxes)[order], np.asarray(scores)[order]
    labels, crowd = box_geometry.as_boxes(labels), np.asarray(crowd, bool)
    counts = ~crowd & (shorter_side(labels) >= min_label_px)
    overlap = box_geometry.iou(boxes, labels)
    if crowd.any():
        overlap[:, crowd] = part_inside(boxes, labels[crowd])
    right = np.zeros(len(boxes), bool)
    wrong = shorter_side(boxes) >= min_label_px
    found_at = np.full(len(labels), np.nan)
    found_by = np.full(len(labels), -1)
    for index in range(len(boxes)):
        near = (overlap[index] >= iou_threshold) & (np.isnan(found_at) | crowd)
        if not near.any():
            continue
        wrong[index] = False
        candidates = near & counts if (near & counts).any() else near
        label = int(np.where(candidates, overlap[index], -1.0).argmax())
        right[index] = counts[label]
        found_at[label], found_by[label] = scores[index], order[index]
    return Matches(scores, right, wrong, found_at, counts, found_by)


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision and recall at every score, from the highest to the lowest.

    Attributes:
        scores: (K,) strictly falling.
        precision, recall: (K,) when everything at or above that score is kept.
        labels: How many labels count.
    """

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    labels: int

    @classmethod
    def of(cls, matches: list[Matches]) -> PrecisionRecall:
        """The curve over several images."""
        scores = np.concatenate([m.scores for m in matches] or [np.empty(0)])
        right = np.concatenate([m.right for m in matches] or [np.empty(0, bool)])
        wrong = np.concatenate([m.wrong for m in matches] or [np.empty(0, bool)])
        labels = int(sum(m.counts.sum() for m in matches))
        judged = right | wrong
        scores, right = scores[judged], right[judged]
        order = np.argsort(-scores, kind="stable")
        scores, right = scores[order], right[order]
        hits, kept = np.cumsum(right), np.arange(1, len(right) + 1)
        # equal scores are kept or dropped together
        last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
        recall = hits[last] / labels if labels else np.full(len(last), np.nan)
        return cls(scores[last], hits[last] / kept[last], recall, labels)

    def at(self, score: float) -> tuple[float, float]:
        """(precision, recall) when everything at or above `score` is kept; precision is NaN if that is nothing."""
        kept = int((self.scores >= score).sum())
        if not kept:
            return float("nan"), 0.0 if self.labels else float("nan")
        return float(self.precision[kept - 1]), float(self.recall[kept - 1])

    def average_precision(self) -> float:
        """Area under the curve, with each precision raised to the best one at the same or a higher recall (VOC
        2010).

        What no detection reaches counts as 0. NaN without labels.
        """
        if not self.labels:
            return float("nan")
        best = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float((np.diff(self.recall, prepend=0.0) * best).sum())

    def best_f1(self) -> tuple[float, float]:
        """(f1, score): the highest harmonic mean of precision and recall, and the score threshold for it; NaN
        without labels.
        """
        if not len(self.scores) or not self.labels:
            return float("nan"), float("nan")
        values = f1(self.precision, self.recall)
        best = int(values.argmax())
        return float(values[best]), float(self.scores[best])


def f1(precision: np.ndarray | float, recall: np.ndarray | float) -> np.ndarray:
    """Harmonic mean; 0 where both are 0."""
    precision, recall = np.asarray(precision, np.float64), np.asarray(recall, np.float64)
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total != 0)


def shorter_side(boxes: np.ndarray) -> np.ndarray:
    """(N,) float32 pixels of (N, 4) xyxy boxes."""
    boxes = box_geometry.as_boxes(boxes)
    sides: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
    return sides


def part_inside(boxes: np.ndarray, crowds: np.ndarray) -> np.ndarray:
    """The part of each box's area that lies inside each crowd.

    Args:
        boxes: (D, 4) xyxy.
        crowds: (C, 4) xyxy.

    Returns:
        (D, C), 0 to 1.
    """
    top_left = np.maximum(boxes[:, None, :2], crowds[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    own = np.broadcast_to(box_geometry.area(boxes)[:, None], shared.shape)
    return np.divide(shared, own, out=np.zeros_like(shared), where=own > 0)
