# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Boxes, objectness and class scores in one output: YOLOv5, v6 and v7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import (
    cells_of,
    has_anchors,
    to_pixels,
    ways_of_boxes,
)
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score
from face_detect_ros.zoo.published import coco

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_OBJECTNESS, _CLASSES = 4, 5
_LARGEST_OFFSET = 4.0  # cells, in the median: what YOLOX gives relative to its cells


class WithObjectness(Layout):
    """YOLOv5, v6 and v7."""

    name = "yolo_objectness"
    outputs = "(B, N, 5 + C): of each box center and size in pixels, objectness, C scores (YOLOv5, v6, v7)"
    usual: ClassVar = {"box": "center"}

    def find(self, trial: Trial) -> Match | None:
        for name, values in trial.outputs.items():
            others = [other for other in trial.outputs if other != name]
            if values.ndim != 3 or not trial.ignores(others):
                continue
            columns = values.shape[2] - _CLASSES
            # where nothing names the classes, 80 is COCO's number of them
            if columns == (trial.label_count or len(coco.CLASSES)) and self._fits(values.shape[1], trial):
                return Match((name,), columns)
        return None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0]
        if not is_score(rows[:, _OBJECTNESS:]):
            return None
        anchors = has_anchors(len(rows), trial.size)
        # v6 has no objectness, but writes it
        if not anchors and not (rows[:, _OBJECTNESS] == 1).all():
            return None
        of = None if anchors else cells_of(len(rows), trial.size)
        ways = ways_of_boxes(rows[:, :4], trial.size, of)
        return {} if {"box": "center", "unit": "pixels"} in ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = arrays[0]
        return Proposals(
            rows[:, _CLASSES:],
            lambda chosen: to_pixels(rows[chosen, :4], described.box, described.unit, size),
            objectness=rows[:, _OBJECTNESS],
        )

    def _fits(self, count: int, trial: Trial) -> bool:
        return has_anchors(count, trial.size) or cells_of(count, trial.size) is not None
