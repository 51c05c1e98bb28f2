# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The own exports of RT-DETR, D-FINE, DEIM and DEIMv2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score, is_whole

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat


class RtDetr(Layout):
    """What RT-DETR, D-FINE, DEIM and DEIMv2 export themselves."""

    name = "rt_detr"
    outputs = (
        "labels (B, N), boxes (B, N, 4) corners in pixels, scores (B, N), often with a second input "
        "orig_target_sizes (RT-DETR, D-FINE, DEIM, DEIMv2)"
    )
    usual: ClassVar = {
        "overlapping": False,
        "box": "corners",
        "fit": "stretch",
        "filter": "bilinear",
        "multiple": 1,
    }
    dense = False

    def find(self, trial: Trial) -> Match | None:
        boxes = [name for name, values in trial.outputs.items() if values.ndim == 3 and values.shape[2] == 4]
        if len(boxes) != 1 or len(trial.outputs) != 3:
            return None
        flat = [name for name in trial.outputs if name != boxes[0]]
        if any(trial.outputs[name].shape != trial.outputs[boxes[0]].shape[:2] for name in flat):
            return None
        labels = [name for name in flat if trial.outputs[name].dtype.kind in "iu"]
        if len(labels) != 1:
            labels = [name for name in flat if name == "labels"]
        # the same three, told by no second input, may number classes from 1 or hold boxes of another kind
        if len(labels) != 1 or not (trial.sized or set(trial.outputs) == {"labels", "boxes", "scores"}):
            return None
        (scores,) = (name for name in flat if name != labels[0])
        return Match((labels[0], boxes[0], scores), None)

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        labels, boxes, scores = (trial.outputs[name][0] for name in match.names)
        if not (is_score(scores) and is_whole(labels)):
            return None
        found = boxes[scores > 0]
        ways = [way for way in ways_of_boxes(found, trial.size) if way["box"] == "corners"]
        if not len(found):
            return {}
        return {"unit": ways[0]["unit"]} if len(ways) == 1 else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        labels, boxes, scores = arrays
        return Proposals(
            scores,
            lambda chosen: to_pixels(boxes[chosen], described.box, described.unit, size),
            class_ids=labels,
        )
