# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLO's segmentation exports: coefficients behind the scores, and prototypes of masks in a second output."""

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
)

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_BOX = 4
_END2END = 6
_STRIDE = 4  # of prototypes


def _with_prototypes(trial: Trial) -> tuple[str, str, int] | None:
    """Names of the output with rows and of the one with prototypes, and how many prototypes there are."""
    height, width = trial.size
    rows = [name for name, values in trial.outputs.items() if values.ndim == 3]
    maps = [
        name
        for name, values in trial.outputs.items()
        if values.ndim == 4 and values.shape[2:] == (height // _STRIDE, width // _STRIDE)
    ]
    if len(trial.outputs) != 2 or len(rows) != 1 or len(maps) != 1:
        return None
    return rows[0], maps[0], trial.outputs[maps[0]].shape[1]


class ColumnsWithMasks(Layout):
    """A column for each cell, as YOLOv8-seg and YOLO11-seg have it."""

    name = "yolo_masks"
    outputs = "(B, 4 + C + M, N): of each cell the box, C scores, M coefficients; prototypes (B, M, h, w)"
    masks = True

    def find(self, trial: Trial) -> Match | None:
        found = _with_prototypes(trial)
        if found is None:
            return None
        rows, maps, count = found
        values = trial.outputs[rows]
        columns = values.shape[1] - _BOX - count
        if len(values) != 1 or columns < 1 or cells_of(values.shape[2], trial.size) is None:
            return None
        return Match((rows, maps), columns)

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].T
        if not is_score(rows[:, _BOX : _BOX + (match.columns or 0)]):
            return None
        ways = ways_of_boxes(rows[:, :_BOX], trial.size, cells_of(len(rows), trial.size))
        if len(ways) > 1:
            raise UnclearError("the trial does not show whether its boxes are corners or centers and sizes")
        return dict(ways[0]) if ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows, maps = arrays[0].T, arrays[1]
        return Proposals(
            rows[:, _BOX : -len(maps)],
            lambda chosen: to_pixels(rows[chosen, :_BOX], described.box, described.unit, size),
            details=lambda chosen: Details(
                maps.astype(np.float32), rows[chosen, -len(maps) :].astype(np.float32)
            ),
        )


class End2EndWithMasks(Layout):
    """One detection a row, as YOLO26-seg and exports with `nms=True` have it."""

    name = "yolo_end2end_masks"
    outputs = "(B, N, 6 + M): corners, score, class, M coefficients; prototypes (B, M, h, w)"
    usual: ClassVar = {"overlapping": False, "box": "corners"}
    dense = False
    masks = True

    def find(self, trial: Trial) -> Match | None:
        found = _with_prototypes(trial)
        if found is None or trial.outputs[found[0]].shape[2] != _END2END + found[2]:
            return None
        return Match(found[:2], None)

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].astype(np.float32)
        if not (is_score(rows[:, 4]) and is_whole(rows[:, 5])):
            return None
        rows = rows[rows[:, 4] > 0]
        if not len(rows):
            return {} if trial.suppressed else None
        return {} if {"box": "corners", "unit": "pixels"} in ways_of_boxes(rows[:, :4], trial.size) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows, maps = arrays
        return Proposals(
            rows[:, 4],
            lambda chosen: to_pixels(rows[chosen, :4], described.box, described.unit, size),
            class_ids=rows[:, 5],
            details=lambda chosen: Details(
                maps.astype(np.float32), rows[chosen, _END2END:].astype(np.float32)
            ),
        )
