# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Boxes in one output and scores in the other: this package's own export, PP-YOLOE, YOLO-NAS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import to_pixels
from face_detect_ros.detectors.onnx.layouts.layout import (
    Layout,
    Match,
    Proposals,
    Trial,
    is_score,
)

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat


def pairs(trial: Trial) -> list[Match]:
    """The ways to take two outputs for boxes (B, N, 4) and scores (B, N, C); two ways where both have 4 columns."""
    if len(trial.outputs) != 2:
        return []
    first, second = trial.outputs
    found = []
    for boxes, scores in ((first, second), (second, first)):
        one, other = trial.outputs[boxes], trial.outputs[scores]
        if one.ndim == other.ndim == 3 and one.shape[2] == 4 and one.shape[:2] == other.shape[:2]:
            found.append(Match((boxes, scores), other.shape[2]))
    return found


class BoxesScores(Layout):
    """What `models export` writes, and what others write in the same way."""

    name = "boxes_scores"
    outputs = (
        "boxes (B, N, 4): left, top, right, bottom in pixels; scores (B, N, C), as `models export` writes"
    )
    usual: ClassVar = {"box": "corners"}

    def find(self, trial: Trial) -> Match | None:
        found = pairs(trial)
        if len(found) > 1:
            found = [match for match in found if is_score(trial.outputs[match.names[1]])]
        if len(found) > 1:  # boxes in fractions are in [0, 1] as well
            found = [match for match in found if match.names == ("boxes", "scores")]
        return found[0] if len(found) == 1 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        """Never: neither what pixels should be nor whether boxes overlap can be told."""
        return None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        boxes, scores = arrays
        return Proposals(scores, lambda chosen: to_pixels(boxes[chosen], described.box, described.unit, size))
