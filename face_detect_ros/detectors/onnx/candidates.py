# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From what a network proposes to the candidates that suppression chooses from."""

from __future__ import annotations

import numpy as np

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.label_choice import (
    EVERY_LABEL_BELOW,
    MOST_CANDIDATES,
    MOST_LABELED_CANDIDATES,
)
from face_detect_ros.detectors.objects.detector import Candidates
from face_detect_ros.detectors.onnx.layouts.layout import Proposals


def candidates(
    proposals: Proposals, options: DetectOptions, *, overlapping: bool, columns: np.ndarray | None = None
) -> Candidates:
    """The proposals that score at least `options.score_threshold` and are of a wanted class.

    Args:
        proposals: Of one image.
        options: What to keep.
        overlapping: Several boxes may show one thing: each counts as `label_choice` says, and the best are kept. If
            False, each counts for each of its classes, and as many as there are boxes are kept.
        columns: Columns of the scores, or class ids of the network, whose class has a name; None for all of them.

    Raises:
        DetectorError: The network gave numbers that are not finite.
    """
    if proposals.class_ids is not None:
        return _single(proposals, proposals.class_ids, options, columns)
    scores, rows = proposals.scores, None
    if proposals.objectness is not None:
        _check_finite(proposals.objectness)
        # no score is above its objectness
        rows = np.flatnonzero(proposals.objectness >= options.score_threshold)
        scores = scores[rows] * proposals.objectness[rows, None]
    if columns is not None:
        scores = scores[:, columns]
    best = scores.max(axis=1, initial=0)
    _check_finite(best)  # a maximum is not finite where anything in it is not a number
    near = np.flatnonzero(best >= options.score_threshold)
    scores, best, rows = scores[near], best[near], near if rows is None else rows[near]
    if not overlapping:
        index, class_ids = np.nonzero((scores >= options.score_threshold) & (scores > 0))
        most = len(proposals.scores)
    elif options.score_threshold < EVERY_LABEL_BELOW:
        index, class_ids = np.nonzero(scores >= options.score_threshold)
        most = MOST_LABELED_CANDIDATES
    else:
        class_ids = scores.argmax(axis=1) if len(scores) else np.empty(0, np.int64)
        return _best(proposals, rows, best, class_ids, options, MOST_CANDIDATES)
    return _best(proposals, rows[index], scores[index, class_ids], class_ids, options, most)


def _single(
    proposals: Proposals, class_ids: np.ndarray, options: DetectOptions, columns: np.ndarray | None
) -> Candidates:
    """Each row has one class; rows with a score of 0 are padding."""
    scores = proposals.scores
    _check_finite(scores)
    rows = np.flatnonzero((scores >= options.score_threshold) & (scores > 0))
    class_ids = class_ids[rows].astype(np.int64)
    if columns is not None:
        named = np.isin(class_ids, columns)
        rows, class_ids = rows[named], np.searchsorted(columns, class_ids[named])
    return _best(proposals, rows, scores[rows], class_ids, options, None)


def _best(
    proposals: Proposals,
    rows: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    options: DetectOptions,
    most: int | None,
) -> Candidates:
    """Those of wanted classes, at most `most`, best first if that many are left out."""
    if options.class_ids:
        wanted = np.isin(class_ids, options.class_ids)
        rows, scores, class_ids = rows[wanted], scores[wanted], class_ids[wanted]
    if most is not None and len(scores) > most:
        best = np.argsort(-scores, kind="stable")[:most]
        rows, scores, class_ids = rows[best], scores[best], class_ids[best]
    boxes = proposals.boxes(rows)
    _check_finite(boxes)
    details = proposals.details
    return Candidates(
        boxes.astype(np.float32),
        np.clip(scores.astype(np.float32), 0, 1),
        class_ids.astype(np.int32),
        None if details is None else lambda index: details(rows[index]),
    )


def _check_finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise DetectorError("the ONNX model gave numbers that are not finite; its file may be damaged")
