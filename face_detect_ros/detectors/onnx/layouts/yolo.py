# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Boxes and class scores of every cell in one output: YOLOv8 and later, YOLOv9, RTMDet, PicoDet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import cells_of, to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import (
    Layout,
    Match,
    Proposals,
    Trial,
    UnclearError,
    is_score,
)
from face_detect_ros.zoo.published import coco

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_BOX = 4


class Rows(Layout):
    """A row for each cell."""

    name = "yolo_rows"
    outputs = "(B, N, 4 + C): of each cell the box, in pixels, and C scores"

    def find(self, trial: Trial) -> Match | None:
        for name, values in trial.outputs.items():
            rows = self._rows(values)
            others = [other for other in trial.outputs if other != name]
            if rows is None or trial.points[0] or not trial.ignores(others):
                continue
            columns = rows.shape[1] - _BOX
            if self._fits(columns, trial) and cells_of(len(rows), trial.size) is not None:
                return Match((name,), columns)
        return None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = self._rows(trial.outputs[match.names[0]])
        if rows is None or not is_score(rows[:, _BOX:]):
            return None
        of = cells_of(len(rows), trial.size)
        ways = ways_of_boxes(rows[:, :_BOX], trial.size, of)
        if len(ways) > 1:
            raise UnclearError("the trial does not show whether its boxes are corners or centers and sizes")
        return dict(ways[0]) if ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = self._of_image(arrays[0])
        return Proposals(
            rows[:, _BOX:],
            lambda chosen: to_pixels(rows[chosen, :_BOX], described.box, described.unit, size),
        )

    def _rows(self, values: np.ndarray) -> np.ndarray | None:
        """(N, 4 + C) of the trial's image; None for arrays of another shape."""
        return self._of_image(values[0]) if values.ndim == 3 and len(values) == 1 else None

    def _of_image(self, values: np.ndarray) -> np.ndarray:
        return values

    def _fits(self, columns: int, trial: Trial) -> bool:
        # rows may hold objectness as well; where nothing names the classes, 80 is COCO's number of them
        return columns == (trial.label_count or len(coco.CLASSES))


class Columns(Rows):
    """A column for each cell."""

    name = "yolo"
    outputs = "(B, 4 + C, N): of each cell the box, in pixels, and C scores (YOLOv8 and later, YOLOv9)"

    def _of_image(self, values: np.ndarray) -> np.ndarray:
        return values.T

    def _fits(self, columns: int, trial: Trial) -> bool:
        return columns >= 1
