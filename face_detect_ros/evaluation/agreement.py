# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether two detectors find the same in the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.images.reading import read_image

SAME_IOU = 0.95
"""Overlap from which two boxes mean the same."""


def evaluate_agreement(
    detector: Detector,
    reference: Detector,
    paths: Sequence[Path],
    options: DetectOptions,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Run two detectors over the same images and count where they agree.

    Args:
        detector: The one in question.
        reference: The one it is compared with.
        paths: Image files.
        options: For both detectors.
        advance: Called after each image.

    Returns:
        Ready for JSON. `images`; `reference`: detections of the reference; `missed` and `extra`: detections of one
        of the two only; `identical`: boxes that are equal to the last digit; `largest_score_difference` of
        detections that both made, null if there are none.

    Raises:
        SourceError: An image cannot be read.
        DetectorError: A detector failed.
    """
    counts = Counter(dict.fromkeys(("reference", "missed", "extra", "identical"), 0))
    differences: list[float] = []
    for path in paths:
        image = read_image(path)
        (ours,), (theirs,) = (one.detect([image], options) for one in (detector, reference))
        pairs = _pairs(ours, theirs)
        counts["reference"] += len(theirs)
        counts["missed"] += len(theirs) - len(pairs)
        counts["extra"] += len(ours) - len(pairs)
        counts["identical"] += sum(np.array_equal(ours.boxes[i], theirs.boxes[j]) for i, j in pairs)
        differences += [abs(float(ours.scores[i] - theirs.scores[j])) for i, j in pairs]
        advance()
    return {
        "images": len(paths),
        **counts,
        "largest_score_difference": max(differences, default=None),
    }


def _pairs(ours: Detections, theirs: Detections) -> list[tuple[int, int]]:
    """Indices of what is the same in both, each used once."""
    overlap = box_geometry.iou(ours.boxes, theirs.boxes)
    pairs = []
    while overlap.size and overlap.max() >= SAME_IOU:
        i, j = np.unravel_index(overlap.argmax(), overlap.shape)
        pairs.append((int(i), int(j)))
        overlap[i, :] = overlap[:, j] = 0.0
    return pairs
