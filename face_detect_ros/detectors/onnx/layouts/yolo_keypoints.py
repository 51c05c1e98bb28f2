# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLO's pose exports: keypoints behind the scores. How many there are, their metadata `kpt_shape` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.objects.detector import Details
from face_detect_ros.detectors.onnx.layouts.grids import cells_of, to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import (
    Layout,
    Match,
    Proposals,
    Trial,
    UnclearError,
    is_score,
    is_whole,
    only,
)

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_BOX = 4
_END2END = 6


def _details(values: np.ndarray, points: tuple[int, int]) -> Details:
    """values: (K, points * numbers) of each keypoint x, y in pixels of the input and, where there is one, a score."""
    found = values.astype(np.float32).reshape(-1, *points)
    if points[1] == 2:
        found = np.concatenate([found, np.ones((*found.shape[:2], 1), np.float32)], axis=2)
    return Details(keypoints=found)


class ColumnsWithKeypoints(Layout):
    """A column for each cell, as YOLOv8-pose and YOLO11-pose have it."""

    name = "yolo_keypoints"
    outputs = "(B, 4 + C + K * n, N): of each cell the box, C scores, K keypoints of n numbers (kpt_shape)"
    keypoints = True

    def find(self, trial: Trial) -> Match | None:
        values, numbers = only(trial), int(np.prod(trial.points))
        if values is None or values.ndim != 3 or len(values) != 1 or not numbers:
            return None
        columns = values.shape[1] - _BOX - numbers
        fits = columns >= 1 and cells_of(values.shape[2], trial.size) is not None
        return Match(tuple(trial.outputs), columns) if fits else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].T
        if not is_score(rows[:, _BOX : _BOX + (match.columns or 0)]):
            return None
        ways = ways_of_boxes(rows[:, :_BOX], trial.size, cells_of(len(rows), trial.size))
        if len(ways) > 1:
            raise UnclearError("the trial does not show whether its boxes are corners or centers and sizes")
        return {**ways[0], "points": trial.points} if ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows, points = arrays[0].T, described.points
        first = rows.shape[1] - points[0] * points[1]
        return Proposals(
            rows[:, _BOX:first],
            lambda chosen: to_pixels(rows[chosen, :_BOX], described.box, described.unit, size),
            details=lambda chosen: _details(rows[chosen, first:], points),
        )


class End2EndWithKeypoints(Layout):
    """One detection a row, as YOLO26-pose and exports with `nms=True` have it."""

    name = "yolo_end2end_keypoints"
    outputs = "(B, N, 6 + K * n): corners, score, class, K keypoints of n numbers (kpt_shape)"
    usual: ClassVar = {"overlapping": False, "box": "corners"}
    dense = False
    keypoints = True

    def find(self, trial: Trial) -> Match | None:
        values, numbers = only(trial), int(np.prod(trial.points))
        if values is None or values.ndim != 3 or not numbers or values.shape[2] != _END2END + numbers:
            return None
        return Match(tuple(trial.outputs), None)

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].astype(np.float32)
        if not (is_score(rows[:, 4]) and is_whole(rows[:, 5])):
            return None
        rows, told = rows[rows[:, 4] > 0], {"points": trial.points}
        if not len(rows):
            return told if trial.suppressed else None
        return (
            told if {"box": "corners", "unit": "pixels"} in ways_of_boxes(rows[:, :4], trial.size) else None
        )

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        (rows,) = arrays
        return Proposals(
            rows[:, 4],
            lambda chosen: to_pixels(rows[chosen, :4], described.box, described.unit, size),
            class_ids=rows[:, 5],
            details=lambda chosen: _details(rows[chosen, _END2END:], described.points),
        )
