# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Queries with logits and boxes in parts of the image: the DETR family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

SET = {"overlapping": False, "box": "center", "unit": "fractions", "fit": "stretch", "multiple": 1}
RF_DETR = {"dets", "labels"}
_LARGEST_LOGIT = 60


class Detr(Layout):
    """Exports of transformers' models, and of LibreYOLO's."""

    name = "detr"
    outputs = "logits (B, Q, C), pred_boxes (B, Q, 4): center x, y, width, height in parts of the image"
    usual: ClassVar = {**SET, "filter": "bilinear"}

    def find(self, trial: Trial) -> Match | None:
        pairs = self._pairs(trial)
        return pairs[0] if len(pairs) == 1 and set(trial.outputs) != RF_DETR else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        logits, boxes = (trial.outputs[name][0] for name in match.names)
        ways = ways_of_boxes(boxes, trial.size)
        return {} if not is_score(logits) and {"box": "center", "unit": "fractions"} in ways else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        logits, boxes = arrays
        logits = logits.astype(np.float32)
        if described.activation == "softmax":
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            scores = powers[:, :-1] / powers.sum(axis=1, keepdims=True)
            # one class for each query
            scores = np.where(scores == scores.max(axis=1, keepdims=True), scores, 0)
        else:
            scores = 1 / (1 + np.exp(-np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT)))
        return Proposals(scores, lambda chosen: to_pixels(boxes[chosen], described.box, described.unit, size))

    def _pairs(self, trial: Trial) -> list[Match]:
        """Every way to take the outputs for logits and boxes."""
        found = []
        for name, boxes in trial.outputs.items():
            for other, logits in trial.outputs.items():
                fits = boxes.ndim == logits.ndim == 3 and boxes.shape[2] == 4 and name != other
                if fits and boxes.shape[:2] == logits.shape[:2] and len(trial.outputs) == 2:
                    found.append(Match((other, name), logits.shape[2]))
        if len(found) > 1:  # 4 columns each: boxes are in [0, 1], logits are not
            found = [match for match in found if not is_score(trial.outputs[match.names[0]])]
        return found
