# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SSD with decoded boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.boxes_scores import pairs
from face_detect_ros.detectors.onnx.layouts.grids import cells_of, to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import (
    Layout,
    Match,
    Proposals,
    Trial,
    adds_up_to_one,
)

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat


class Ssd(Layout):
    """SSD with decoded boxes, as pytorch-ssd and Ultra-Light-Fast-Generic-Face-Detector export it."""

    name = "ssd"
    outputs = (
        "boxes (B, N, 4): corners in parts of the image; scores (B, N, 1 + C), softmax with background first "
        "(SSD as pytorch-ssd and Ultra-Light face detectors export it)"
    )
    usual: ClassVar = {
        "box": "corners",
        "unit": "fractions",
        "fit": "stretch",
        "mean": (127 / 255,) * 3,
        "std": (128 / 255,) * 3,
    }

    def find(self, trial: Trial) -> Match | None:
        found = [match for match in pairs(trial) if adds_up_to_one(trial.outputs[match.names[1]])]
        return Match(found[0].names, (found[0].columns or 0) - 1) if len(found) == 1 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        boxes, scores = (trial.outputs[name][0] for name in match.names)
        if cells_of(len(boxes), trial.size):
            return None
        # most of what is seen is background: in the first column, not in the last
        if scores[:, 0].mean() <= scores[:, -1].mean():
            return None
        ways = [way for way in ways_of_boxes(boxes, trial.size) if way["box"] == "corners"]
        return dict(ways[0]) if len(ways) == 1 else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        boxes, scores = arrays
        return Proposals(
            scores[:, 1:], lambda chosen: to_pixels(boxes[chosen], described.box, described.unit, size)
        )
