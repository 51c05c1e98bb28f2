# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""RT-DETR as Ultralytics exports it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import cells_of, to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

SET = {"overlapping": False, "box": "center", "unit": "fractions", "fit": "stretch", "multiple": 1}
_RF_DETR = {"dets", "labels"}
_LARGEST_LOGIT = 60


class UltralyticsRtDetr(Layout):
    """RT-DETR as Ultralytics exports it."""

    name = "rt_detr_rows"
    outputs = "(B, Q, 4 + C): center and size in parts of the image, C scores (RT-DETR of Ultralytics)"
    usual: ClassVar = {**SET, "filter": "plain_bilinear"}

    def find(self, trial: Trial) -> Match | None:
        ((name, values), *others) = trial.outputs.items()
        if others or values.ndim != 3 or cells_of(values.shape[1], trial.size) is not None:
            return None
        columns = values.shape[2] - 4
        return Match((name,), columns) if columns >= 1 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0]
        ways = ways_of_boxes(rows[:, :4], trial.size)
        return {} if is_score(rows[:, 4:]) and {"box": "center", "unit": "fractions"} in ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = arrays[0]
        return Proposals(
            rows[:, 4:], lambda chosen: to_pixels(rows[chosen, :4], described.box, described.unit, size)
        )
