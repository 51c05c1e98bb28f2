# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Score thresholds by class, and scores that are moved so that one threshold suits all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from face_detect_ros.evaluation.coco import Found
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations, CocoBox, CocoImage
from face_detect_ros.evaluation.matching import PrecisionRecall
from face_detect_ros.training import thresholds
from face_detect_ros.training.learners.start import Architecture, for_detection, new_network
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights


def curve(right: list[bool], labels: int = 100) -> PrecisionRecall:
    """Detections with the scores 0.99, 0.98, ..., right or wrong."""
    hits, count = np.cumsum(right), np.arange(1, len(right) + 1)
    return PrecisionRecall(1 - count / 100, hits / count, hits / labels, labels)


@pytest.mark.parametrize(
    ("right", "precision", "expected"),
    [
        ([True] * 20, 0.85, 0.80),
        ([True] * 20 + [False] * 20, 0.85, 0.79),
        ([True] * 19 + [False] * 20, 0.85, 0.80),
        ([False] * 20, 0.85, None),
        ([], 0.85, None),
    ],
    ids=["all right", "one wrong one of 21", "one wrong one of 20", "all wrong", "none found"],
)
def test_the_lowest_score_with_a_precision(
    right: list[bool], precision: float, expected: float | None
) -> None:
    lowest = thresholds.lowest_for(curve(right), precision)
    assert lowest == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("precision", [None, 0.99])
def test_without_such_a_score_f1_decides(precision: float | None) -> None:
    found = curve([False, True, True, True, False], labels=4)
    assert thresholds.choose(found, precision) == pytest.approx(0.96)


def test_a_class_that_was_not_found_has_no_threshold() -> None:
    assert thresholds.choose(curve([]), 0.85) is None


def test_curves_are_of_each_class_and_leave_out_what_is_not_labeled() -> None:
    images = (CocoImage(Path("a"), 64, 64), CocoImage(Path("b"), 64, 64, frozenset({1})))
    boxes = (CocoBox(0, 0, (0, 0, 10, 10), 100, False), CocoBox(0, 1, (20, 20, 10, 10), 100, False))
    annotations = CocoAnnotations(Path("labels.json"), images, ("cup", "face"), boxes)
    rows = [[0, 0, 0, 10, 10, 0.9, 0], [1, 0, 0, 10, 10, 0.8, 0], [0, 20, 20, 10, 10, 0.7, 1]]
    curves = thresholds.curves(annotations, Found(np.array(rows, float), (0, 1), 1.0))
    (row,) = thresholds.table(curves, (0.5,))
    assert row == {
        "score_threshold": 0.5, "cup_precision": 0.5, "cup_recall": 1.0, "face_precision": 1.0, "face_recall": 1.0
    }  # fmt: skip


def test_what_scored_the_threshold_scores_the_wanted_value(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    network = for_detection(new_network(Architecture("t", True, True, False), 2, seed=1))
    yolov9_weights.save(file, network, ("cup", "face"), input_size=64, overlap_factor=0.5)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = network(image).scores[0]
        score = float(before[7, 1])
        thresholds.move_scores(file, {"face": score}, 0.25)
        loaded = yolov9_weights.load(file, attention=True)
        after = loaded.model(image).scores[0]
    assert float(after[7, 1]) == pytest.approx(0.25, abs=1e-5)
    torch.testing.assert_close(after[:, 0], before[:, 0])
    moved = after[:, 1].logit() - before[:, 1].logit()
    torch.testing.assert_close(moved, moved[7].expand_as(moved), atol=1e-4, rtol=0)
    assert loaded.overlap_factor == 0.5
