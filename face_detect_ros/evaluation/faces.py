# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Precision, recall and average precision of a face detector on labeled images."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.evaluation.labels import LabeledImage
from face_detect_ros.evaluation.matching import Matches, PrecisionRecall, f1, match, shorter_side
from face_detect_ros.evaluation.mistakes import Mistakes
from face_detect_ros.images.reading import read_image

LOWEST_SCORE = 0.05
"""Detectors are asked for everything from here on, to draw the whole curve."""

_AT_ONCE = 8  # images given to the detector together: a GPU gains by it, memory stays small
_SIZE_STEPS_PX = (12, 24, 48, 96)
_SIZES_FROM_PX = (12, 24, 40)
_CURVE_POINTS = 60
_CLEAR_EYES_PX = 8  # nearer eyes are labeled to a pixel at best


@dataclass(frozen=True)
class FaceEvaluationOptions:
    """What counts as found.

    Attributes:
        iou_threshold: Overlap from which a detection has found a label.
        min_face_px: Labels whose shorter side is below this do not count.

    Raises:
        ConfigError: A value is out of range.
    """

    iou_threshold: float = 0.5
    min_face_px: int = 12

    def __post_init__(self) -> None:
        if not 0.0 < self.iou_threshold <= 1.0:
            raise ConfigError(f"the IoU is {self.iou_threshold}; give a number above 0 and up to 1")
        if self.min_face_px < 0:
            raise ConfigError(f"the smallest face is {self.min_face_px} px; give 0 or more")


def evaluate_faces(
    detector: Detector,
    labeled: Sequence[LabeledImage],
    detect_options: DetectOptions,
    options: FaceEvaluationOptions,
    advance: Callable[[], None] = lambda: None,
    on_mistakes: Callable[[Mistakes], None] = lambda _: None,
) -> dict[str, Any]:
    """Run a face detector over labeled images and compare.

    Args:
        detector: Any face detector. It runs once, with the lowest useful threshold.
        labeled: Images with labels.
        detect_options: Its score threshold is where precision and recall are read off.
        options: What counts as found.
        advance: Called for each image.
        on_mistakes: Called with the mistakes in each image, at the score threshold.

    Returns:
        Ready for JSON; null where a figure does not exist. Of the completely labeled images: `images`, `faces` that
        count, `precision`, `recall`, `f1`, `ap`, `best_f1` ({f1, score_threshold, precision, recall}),
        `false_alarms` (detections from the threshold on that are not a face), `recall_from` ([{from_px, faces,
        recall}]). `labeled`: {images, faces,
        recall, recall_by_size: [{from_px, to_px, faces, recall}]} of all labeled images; sizes are the shorter side
        of a face. `eye_error`: median distance of the eyes from their labels, as a share of the distance between
        the eyes, of found faces whose labeled eyes are at least 8 px apart; `eyes`: the number of these faces.
        `ms_per_image`: mean time of the detector. `curve`: [{score, precision, recall}], a few dozen points.

    Raises:
        SourceError: An image cannot be read.
        DetectorError: The detector failed.
    """
    asked = replace(detect_options, score_threshold=min(LOWEST_SCORE, detect_options.score_threshold))
    matches: list[Matches] = []
    errors: list[float] = []
    spent_s = 0.0
    for start in range(0, len(labeled), _AT_ONCE):
        some = labeled[start : start + _AT_ONCE]
        images = [read_image(each.path) for each in some]
        started_s = time.perf_counter()
        found = detector.detect(images, asked)
        spent_s += time.perf_counter() - started_s
        for each, faces in zip(some, found, strict=True):
            matches.append(
                match(
                    faces.boxes,
                    faces.scores,
                    each.boxes,
                    crowd=each.crowd,
                    min_label_px=options.min_face_px,
                    iou_threshold=options.iou_threshold,
                )
            )
            errors += _eye_errors(matches[-1], each, faces, detect_options.score_threshold)
            on_mistakes(_mistakes(len(matches) - 1, each, faces, matches[-1], detect_options.score_threshold))
            advance()
    complete = [m for m, each in zip(matches, labeled, strict=True) if each.complete]
    return {
        **_summary(complete, detect_options.score_threshold),
        "false_alarms": sum(
            int((m.wrong & (m.scores >= detect_options.score_threshold)).sum()) for m in complete
        ),
        "recall_from": _recall_from(
            complete, [each for each in labeled if each.complete], detect_options.score_threshold
        ),
        "eye_error": round(float(np.median(errors)), 4) if errors else None,
        "eyes": len(errors),
        "labeled": _recall(matches, labeled, detect_options.score_threshold, options.min_face_px),
        "score_threshold": detect_options.score_threshold,
        "min_size_px": detect_options.min_size_px,
        "iou_threshold": options.iou_threshold,
        "min_face_px": options.min_face_px,
        "ms_per_image": round(spent_s / len(labeled) * 1e3, 2) if labeled else None,
    }


def _mistakes(
    number: int, each: LabeledImage, found: Detections, matched: Matches, score_threshold: float
) -> Mistakes:
    """Missed faces and, where every face is labeled, what is no face."""
    order = np.argsort(-found.scores, kind="stable")
    false = matched.wrong & (matched.scores >= score_threshold) & each.complete
    missed = matched.counts & ~(matched.found_at >= score_threshold)
    return Mistakes(
        number,
        (),
        np.concatenate([found.boxes[order][false], each.boxes[missed]]).astype(np.float64),
        np.concatenate([matched.scores[false], np.zeros(int(missed.sum()))]),
        ((None, "face"),) * int(false.sum()) + (("face", None),) * int(missed.sum()),
    )


def _curve(curve: PrecisionRecall) -> list[dict[str, float]]:
    """Points of the curve, a few dozen of them, from the highest score on."""
    chosen = np.unique(np.linspace(0, len(curve.scores) - 1, _CURVE_POINTS).round().astype(int))
    if not len(curve.scores) or not curve.labels:
        return []
    return [
        {
            "score": round(float(curve.scores[index]), 4),
            "precision": round(float(curve.precision[index]), 4),
            "recall": round(float(curve.recall[index]), 4),
        }
        for index in chosen
    ]


def _summary(matches: list[Matches], score_threshold: float) -> dict[str, Any]:
    curve = PrecisionRecall.of(matches)
    precision, recall = curve.at(score_threshold)
    best, score = curve.best_f1()
    best_precision, best_recall = curve.at(score)
    return {
        "images": len(matches),
        "faces": curve.labels,
        "precision": _figure(precision),
        "recall": _figure(recall),
        "f1": _figure(float(f1(precision, recall))),
        "ap": _figure(curve.average_precision()),
        "best_f1": {
            "f1": _figure(best),
            "score_threshold": _figure(score),
            "precision": _figure(best_precision),
            "recall": _figure(best_recall),
        },
        "curve": _curve(curve),
    }


def _recall_from(
    matches: list[Matches], labeled: Sequence[LabeledImage], score_threshold: float
) -> list[dict[str, Any]]:
    sizes = np.concatenate([np.empty(0)] + [shorter_side(each.boxes) for each in labeled])
    counts = np.concatenate([np.empty(0, bool)] + [m.counts for m in matches])
    found = np.concatenate([np.empty(0)] + [m.found_at for m in matches]) >= score_threshold
    rows = []
    for low in _SIZES_FROM_PX:
        inside = counts & (sizes >= low)
        rows.append({"from_px": low, "faces": int(inside.sum()), "recall": _share(found, inside)})
    return rows


def _eye_errors(
    matched: Matches, each: LabeledImage, found: Detections, score_threshold: float
) -> list[float]:
    """Of each found face whose eyes are labeled: how far its eyes are off, as part of their distance."""
    if found.landmarks is None or each.eyes is None:
        return []
    points = found.landmarks.astype(np.float64)
    if found.landmark_set == "eye_corners":
        eyes = np.stack([points[:, 2:4].mean(axis=1), points[:, 0:2].mean(axis=1)], axis=1)
    else:
        eyes = points[:, :2]
    apart = np.linalg.norm(each.eyes[:, 0] - each.eyes[:, 1], axis=1)
    measured = np.flatnonzero((matched.found_at >= score_threshold) & (apart >= _CLEAR_EYES_PX))
    off = np.linalg.norm(eyes[matched.found_by[measured]] - each.eyes[measured], axis=2).mean(axis=1)
    return (off / apart[measured]).tolist()


def _recall(
    matches: list[Matches], labeled: Sequence[LabeledImage], score_threshold: float, min_face_px: int
) -> dict[str, Any]:
    sizes = np.concatenate([np.empty(0)] + [shorter_side(each.boxes) for each in labeled])
    counts = np.concatenate([np.empty(0, bool)] + [m.counts for m in matches])
    # NaN, a label that nothing found, is not at or above anything
    found = np.concatenate([np.empty(0)] + [m.found_at for m in matches]) >= score_threshold
    steps: list[float] = [min_face_px, *(step for step in _SIZE_STEPS_PX if step > min_face_px), math.inf]
    bins = []
    for low, high in itertools.pairwise(steps):
        inside = counts & (sizes >= low) & (sizes < high)
        bins.append(
            {
                "from_px": low,
                "to_px": None if math.isinf(high) else high,
                "faces": int(inside.sum()),
                "recall": _share(found, inside),
            }
        )
    return {
        "images": len(matches),
        "faces": int(counts.sum()),
        "recall": _share(found, counts),
        "recall_by_size": bins,
    }


def _share(found: np.ndarray, among: np.ndarray) -> float | None:
    return round(float(found[among].mean()), 4) if among.any() else None


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
