# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""NanoDet: scores and distributions over distances of every cell, in one output or two for each level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import Cells, cells
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_BINS = 8  # of the distance to each side of a box: 0 to 7 strides
_SIDES = 4
_STRIDES = (8, 16, 32)
_PLUS_STRIDES = (8, 16, 32, 64)

_BGR = {  # as trained on COCO
    "color": "bgr",
    "mean": (103.53 / 255, 116.28 / 255, 123.675 / 255),
    "std": (57.375 / 255, 57.12 / 255, 58.395 / 255),
}


class NanoDet(Layout):
    """NanoDet-Plus, and NanoDet from 0.4 on."""

    name = "nanodet"
    outputs = (
        "(B, N, C + 32): of each cell C scores and the logits of 8 distances to each side (NanoDet, -Plus)"
    )
    usual: ClassVar = {**_BGR, "fit": "stretch"}

    def find(self, trial: Trial) -> Match | None:
        ((name, values), *others) = trial.outputs.items()
        if others or values.ndim != 3 or self._strides(values.shape[1], trial.size) is None:
            return None
        columns = values.shape[2] - _SIDES * _BINS
        return Match((name,), columns) if columns >= 1 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        columns = match.columns or 0
        rows = trial.outputs[match.names[0]][0]
        return {} if is_score(rows[:, :columns]) and not is_score(rows[:, columns:]) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = arrays[0]
        columns = rows.shape[1] - _SIDES * _BINS
        strides = self._strides(len(rows), size) or _STRIDES
        of = cells(size, strides)
        # Plus measures from the corner of a cell
        points = of.corners if strides == _PLUS_STRIDES else of.centers
        return _proposals(rows[:, :columns], rows[:, columns:], points, of)

    def _strides(self, count: int, size: tuple[int, int]) -> tuple[int, ...] | None:
        for strides in (_STRIDES, _PLUS_STRIDES):
            if count == len(cells(size, strides)):
                return strides
        return None


class NanoDetLevels(Layout):
    """NanoDet before 0.4."""

    name = "nanodet_levels"
    outputs = (
        "of each of 3 levels scores (B, n, C) and the logits of distances (B, n, 32) (NanoDet before 0.4)"
    )
    usual: ClassVar = {**_BGR, "fit": "letterbox", "fill": 0}

    def find(self, trial: Trial) -> Match | None:
        if len(trial.outputs) != 2 * len(_STRIDES):
            return None
        scores, distances = [], []
        columns = 0
        for stride in _STRIDES:
            count = len(cells(trial.size, (stride,)))
            level = [
                name
                for name, values in trial.outputs.items()
                if values.ndim == 3 and values.shape[1] == count
            ]
            level.sort(key=lambda name: not is_score(trial.outputs[name]))
            if len(level) != 2 or trial.outputs[level[1]].shape[2] != _SIDES * _BINS:
                return None
            scores.append(level[0])
            distances.append(level[1])
            if columns not in (0, trial.outputs[level[0]].shape[2]):
                return None
            columns = trial.outputs[level[0]].shape[2]
        return Match((*scores, *distances), columns)

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        half = len(_STRIDES)
        scores, distances = match.names[:half], match.names[half:]
        fits = all(is_score(trial.outputs[name]) for name in scores)
        return {} if fits and not any(is_score(trial.outputs[name]) for name in distances) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        half = len(_STRIDES)
        of = cells(size, _STRIDES)
        points = of.centers - 0.5  # of the pixels in a cell
        return _proposals(np.concatenate(arrays[:half]), np.concatenate(arrays[half:]), points, of)


def _proposals(scores: np.ndarray, distances: np.ndarray, points: np.ndarray, of: Cells) -> Proposals:
    """scores: (N, C). distances: (N, 32) logits. points: (N, 2) xy that distances count from."""

    def boxes(chosen: np.ndarray) -> np.ndarray:
        logits = distances[chosen].reshape(-1, _SIDES, _BINS).astype(np.float32)
        powers = np.exp(logits - logits.max(axis=2, keepdims=True))
        sides = powers @ np.arange(_BINS, dtype=np.float32) / powers.sum(axis=2)
        sides *= of.strides[chosen, None]
        return np.concatenate([points[chosen] - sides[:, :2], points[chosen] + sides[:, 2:]], axis=1)

    return Proposals(scores, boxes)
