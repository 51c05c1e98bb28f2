# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""MMDeploy's exports of MMDetection and MMYOLO models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat


class MmDeploy(Layout):
    """What MMDeploy exports of any MMDetection or MMYOLO model."""

    name = "mmdeploy"
    outputs = "dets (B, N, 5): left, top, right, bottom in pixels, score; labels (B, N) (MMDeploy)"
    usual: ClassVar = {
        "overlapping": False,
        "box": "corners",
        "fit": "top_left",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }
    dense = False

    def find(self, trial: Trial) -> Match | None:
        dets = [name for name, values in trial.outputs.items() if values.ndim == 3 and values.shape[2] == 5]
        if len(dets) != 1 or len(trial.outputs) != 2:
            return None
        (labels,) = (name for name in trial.outputs if name != dets[0])
        values = trial.outputs[labels]
        fits = values.dtype.kind in "iu" and values.shape == trial.outputs[dets[0]].shape[:2]
        return Match((dets[0], labels), None) if fits else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]][0]
        if not is_score(rows[:, 4]):
            return None
        found = rows[rows[:, 4] > 0]
        ways = ways_of_boxes(found[:, :4], trial.size)
        return {} if not len(found) or {"box": "corners", "unit": "pixels"} in ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows, labels = arrays
        return Proposals(
            rows[:, 4],
            lambda chosen: to_pixels(rows[chosen, :4], described.box, described.unit, size),
            class_ids=labels,
        )
