# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""FastestDet: one feature map at stride 16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.detectors.onnx.layouts.layout import (
    Layout,
    Match,
    Proposals,
    Trial,
    adds_up_to_one,
    is_score,
    only,
)

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_STRIDE = 16
_BEFORE_CLASSES = 5


class FastestDet(Layout):
    """Objectness, box and classes of each cell."""

    name = "fastestdet"
    outputs = "(B, 5 + C, h, w) at stride 16: objectness, raw box, C scores of a softmax (FastestDet)"
    usual: ClassVar = {"fit": "stretch", "color": "bgr"}

    def find(self, trial: Trial) -> Match | None:
        values = only(trial)
        sides = (trial.size[0] // _STRIDE, trial.size[1] // _STRIDE)
        if values is None or values.ndim != 4 or values.shape[2:] != sides:
            return None
        columns = values.shape[1] - _BEFORE_CLASSES
        return Match((next(iter(trial.outputs)),), columns) if columns >= 1 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        values = trial.outputs[match.names[0]][0]
        classes = values[_BEFORE_CLASSES:]
        return {} if is_score(values[0]) and adds_up_to_one(classes.reshape(len(classes), -1).T) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        values = arrays[0]
        height, width = values.shape[1:]
        rows = values.reshape(len(values), -1).T.astype(np.float32)

        def boxes(chosen: np.ndarray) -> np.ndarray:
            cell = np.stack([chosen % width, chosen // width], axis=1)
            center = (cell + np.tanh(rows[chosen, 1:3])) * (size[1] / width, size[0] / height)
            sides = np.array([size[1], size[0]]) / (1 + np.exp(-rows[chosen, 3:5]))
            return box_geometry.from_center_size(np.concatenate([center, sides], axis=1))

        # the product of both with the powers that its author gives them
        scores, objectness = rows[:, _BEFORE_CLASSES:].clip(0) ** 0.4, rows[:, 0].clip(0) ** 0.6
        return Proposals(scores, boxes, objectness=objectness)
