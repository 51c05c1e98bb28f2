# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLO-FastestV2: three anchors to a cell of strides 16 and 32 that share their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.layouts.grids import cells
from face_detect_ros.detectors.onnx.layouts.layout import (
    Layout,
    Match,
    Proposals,
    Trial,
    adds_up_to_one,
    is_score,
    only,
)
from face_detect_ros.zoo.published import coco

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_STRIDES = (16, 32)
_ANCHORS = 3
_BEFORE_CLASSES = _ANCHORS * 5

_COCO_ANCHORS = (12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87)
"""Widths and heights in pixels of an input of 352 x 352, as published for COCO."""


class YoloFastestV2(Layout):
    """As its own tool exports it, without a batch axis."""

    name = "yolo_fastestv2"
    outputs = (
        "(N, 15 + C), N cells of strides 16 and 32: 3 raw boxes, 3 objectnesses, C scores (YOLO-FastestV2)"
    )
    usual: ClassVar = {"fit": "stretch", "color": "bgr"}
    batched = False

    def find(self, trial: Trial) -> Match | None:
        values = only(trial)
        if values is None or values.ndim != 2 or len(values) != len(cells(trial.size, _STRIDES)):
            return None
        columns = values.shape[1] - _BEFORE_CLASSES
        return Match((next(iter(trial.outputs)),), columns) if columns >= 1 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]]
        return {} if is_score(rows) and adds_up_to_one(rows[:, _BEFORE_CLASSES:]) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = arrays[0]
        of = cells(size, _STRIDES)
        anchors = _anchors(described, rows.shape[1] - _BEFORE_CLASSES)

        def boxes(chosen: np.ndarray) -> np.ndarray:
            row, anchor = chosen // _ANCHORS, chosen % _ANCHORS
            raw = rows[row, : 4 * _ANCHORS].reshape(len(row), _ANCHORS, 4)[np.arange(len(row)), anchor]
            stride = of.strides[row, None]
            center = (2 * raw[:, :2] - 0.5) * stride + of.corners[row]
            level = (of.strides[row] == _STRIDES[1]).astype(int)
            sides = (2 * raw[:, 2:]) ** 2 * anchors[level, anchor]
            return box_geometry.from_center_size(np.concatenate([center, sides], axis=1))

        return Proposals(
            np.repeat(rows[:, _BEFORE_CLASSES:], _ANCHORS, axis=0),
            boxes,
            objectness=rows[:, 4 * _ANCHORS : _BEFORE_CLASSES].reshape(-1),
        )


def _anchors(described: OnnxFormat, classes: int) -> np.ndarray:
    """(2, 3, 2) float32 widths and heights in pixels, by level."""
    anchors = described.anchors
    if not anchors:
        if classes != len(coco.CLASSES):
            raise ConfigError(
                "YOLO-FastestV2's anchors are not in the file, and those of COCO are for 80 classes; write the 12 "
                "numbers of its .data file as 'anchors' into the metadata"
            )
        anchors = _COCO_ANCHORS
    return np.array(anchors, np.float32).reshape(len(_STRIDES), _ANCHORS, 2)
