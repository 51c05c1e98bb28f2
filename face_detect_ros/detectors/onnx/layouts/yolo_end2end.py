# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections one a row: YOLOv10, YOLO26, and exports with non-maximum suppression inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score, is_whole

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat


class End2End(Layout):
    """YOLOv10, YOLO26, and what Ultralytics exports with `nms=True`."""

    name = "yolo_end2end"
    outputs = (
        "(B, N, 6): left, top, right, bottom in pixels, score, class (YOLOv10, YOLO26; suppression inside)"
    )
    usual: ClassVar = {"overlapping": False, "box": "corners"}
    dense = False

    def find(self, trial: Trial) -> Match | None:
        for name, values in trial.outputs.items():
            others = [other for other in trial.outputs if other != name]
            if values.ndim == 3 and values.shape[2] == 6 and trial.ignores(others):
                return Match((name,), None)
        return None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].astype(np.float32)
        if not (is_score(rows[:, 4]) and is_whole(rows[:, 5])):
            return None
        rows = rows[rows[:, 4] > 0]
        if not len(rows):  # nothing found, as the file says of itself it may be
            return {} if trial.suppressed else None
        return {} if {"box": "corners", "unit": "pixels"} in ways_of_boxes(rows[:, :4], trial.size) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = arrays[0]
        return Proposals(
            rows[:, 4],
            lambda chosen: to_pixels(rows[chosen, :4], described.box, described.unit, size),
            class_ids=rows[:, 5],
        )
