# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOX in the two ways that its own tool exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.detectors.onnx.layouts.grids import (
    USUAL_STRIDES,
    cells,
    ways_of_boxes,
)
from face_detect_ros.detectors.onnx.layouts.layout import Match, Proposals, Trial, is_score
from face_detect_ros.detectors.onnx.layouts.yolo_objectness import WithObjectness

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_OBJECTNESS, _CLASSES = 4, 5
_LARGEST_OFFSET = 4.0  # cells, in the median: what YOLOX gives relative to its cells


class YoloxDecoded(WithObjectness):
    """YOLOX exported with `--decode_in_inference`."""

    name = "yolox_decoded"
    outputs = "(B, N, 5 + C): YOLOX with boxes in pixels"
    usual: ClassVar = {"box": "center", "fit": "top_left", "color": "bgr", "largest": 255}

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].astype(np.float32)
        if not is_score(rows[:, _OBJECTNESS:]) or (rows[:, _OBJECTNESS] == 1).all():
            return None
        ways = ways_of_boxes(rows[:, :4], trial.size, cells(trial.size))
        return {} if ways == [{"box": "center", "unit": "pixels"}] else None

    def _fits(self, count: int, trial: Trial) -> bool:
        return count == len(cells(trial.size, USUAL_STRIDES))


class Yolox(YoloxDecoded):
    """YOLOX as its own tool exports it."""

    name = "yolox"
    outputs = (
        "(B, N, 5 + C): YOLOX as it is exported by default, boxes relative to the cells of strides 8, 16, 32"
    )

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0].astype(np.float32)
        if not is_score(rows[:, _OBJECTNESS:]) or (rows[:, _OBJECTNESS] == 1).all():
            return None
        offset = float(np.median(np.abs(rows[:, :2])))
        of = cells(trial.size)
        distance = float(np.median(np.abs(rows[:, :2] - of.corners) / of.strides[:, None]))
        return {} if offset < _LARGEST_OFFSET and distance > 3 * offset else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows, of = arrays[0], cells(size)

        def boxes(chosen: np.ndarray) -> np.ndarray:
            stride = of.strides[chosen, None]
            center = rows[chosen, :2] * stride + of.corners[chosen]
            with np.errstate(over="ignore"):  # what is not an object may be of any size
                sides = np.exp(rows[chosen, 2:4].astype(np.float32)) * stride
            return box_geometry.from_center_size(np.concatenate([center, sides], axis=1))

        return Proposals(rows[:, _CLASSES:], boxes, objectness=rows[:, _OBJECTNESS])
