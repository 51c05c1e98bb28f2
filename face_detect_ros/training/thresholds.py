# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One score threshold for all classes: the scores of each class are moved until it suits them.

Classes differ in how sure a network is of them when it is right. Users set one threshold, so the biases of the
network's class scores are moved: at the default threshold every class has the precision it should have. The order
of the detections of a class, and so its average precision, stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.evaluation.coco import Found, boxes_that_count
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.evaluation.matching import Matches, PrecisionRecall, match
from face_detect_ros.zoo.formats import safetensors_file

_IOU = 0.5
_HIGHEST = 0.99  # of a threshold: beyond, logits grow without end


def curves(annotations: CocoAnnotations, found: Found) -> dict[str, PrecisionRecall]:
    """Precision and recall of each class over the scores, in the images that are labeled for it.

    Args:
        annotations: Labels.
        found: Detections in their images.

    Returns:
        By class name.
    """
    return {
        annotations.categories[category]: _curve(annotations, found, category)
        for category in found.categories
    }


def lowest_for(curve: PrecisionRecall, precision: float) -> float | None:
    """The lowest score from which on the precision is that high.

    Images are few, so it must be higher by one standard error of the share of right ones among the detections.

    Args:
        curve: Of one class.
        precision: Least precision, in [0, 1].

    Returns:
        The score; None where no score has that precision.
    """
    right = curve.recall * curve.labels
    detections = np.maximum(right / np.maximum(curve.precision, 1e-9), 1)
    error = np.sqrt(curve.precision * (1 - curve.precision) / detections)
    enough = np.flatnonzero(curve.precision - error >= precision)
    return float(curve.scores[enough[-1]]) if len(enough) else None


def choose(curve: PrecisionRecall, precision: float | None) -> float | None:
    """The score threshold of a class.

    Args:
        curve: Of the class.
        precision: To reach; None: the threshold of the best F1.

    Returns:
        The lowest threshold with that precision, or else that of the best F1; None for a class that is not labeled or
        was never found.
    """
    lowest = None if precision is None else lowest_for(curve, precision)
    chosen = curve.best_f1()[1] if lowest is None else lowest
    return None if math.isnan(chosen) else chosen


def move_scores(weights: Path, thresholds: Mapping[str, float], to: float) -> None:
    """Rewrite a file of this package so that each class scores `to` where it scored its threshold.

    Args:
        weights: A YOLOv9.
        thresholds: Scores above 0 by class name; classes that are not named stay as they are.
        to: Score in (0, 1).

    Raises WeightsError for another file, OutputError.
    """
    description, tensors = safetensors_file.read(weights)
    for row, name in enumerate(description.classes):
        if name in thresholds:
            for key, value in tensors.items():
                if ".classes." in key and key.endswith(".2.bias"):
                    value[row] += _logit(to) - _logit(min(thresholds[name], _HIGHEST))
    safetensors_file.write(weights, description, tensors, overwrite=True)


def table(curves: Mapping[str, PrecisionRecall], scores: Sequence[float]) -> list[dict[str, float]]:
    """Rows {score_threshold, and of each class CLASS_precision and CLASS_recall}."""
    rows = []
    for score in scores:
        row = {"score_threshold": score}
        for name, curve in curves.items():
            row[f"{name}_precision"], row[f"{name}_recall"] = curve.at(score)
        rows.append(row)
    return rows


def _curve(annotations: CocoAnnotations, found: Found, category: int) -> PrecisionRecall:
    labels: dict[int, list[tuple[float, ...]]] = {}
    for box in boxes_that_count(annotations):
        if box.category == category:
            labels.setdefault(box.image, []).append((*box.xywh, box.crowd))
    rows = found.rows[found.rows[:, 6] == category]
    return PrecisionRecall.of(
        [_matched(rows[rows[:, 0] == n], labels.get(n, [])) for n in range(len(annotations.images))]
    )


def _matched(rows: np.ndarray, labels: Sequence[tuple[float, ...]]) -> Matches:
    labeled = np.array(labels, np.float64).reshape(-1, 5)
    return match(
        _xyxy(rows[:, 1:5]),
        rows[:, 5],
        _xyxy(labeled[:, :4]),
        crowd=labeled[:, 4] > 0,
        min_label_px=0,
        iou_threshold=_IOU,
    )


def _xyxy(xywh: np.ndarray) -> np.ndarray:
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def _logit(score: float) -> float:
    return math.log(score / (1 - score))
