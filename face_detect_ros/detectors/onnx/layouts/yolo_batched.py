# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections of all images in one table: YOLOv7 and YOLOv9 with non-maximum suppression inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from face_detect_ros.detectors.onnx.layouts.grids import to_pixels, ways_of_boxes
from face_detect_ros.detectors.onnx.layouts.layout import Layout, Match, Proposals, Trial, is_score, is_whole

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat


class Batched(Layout):
    """YOLOv7's and YOLOv9's own export with `--end2end` for ONNX Runtime."""

    name = "yolo_batched"
    outputs = (
        "(N, 7): image, left, top, right, bottom in pixels, class, score (YOLOv7, YOLOv9 with --end2end)"
    )
    usual: ClassVar = {"overlapping": False, "box": "corners"}
    batched = False
    dense = False

    def find(self, trial: Trial) -> Match | None:
        ((name, values), *others) = trial.outputs.items()
        return Match((name,), None) if not others and values.ndim == 2 and values.shape[1] == 7 else None

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        rows = trial.outputs[match.names[0]]
        fits = is_score(rows[:, 6]) and is_whole(rows[:, 5]) and not rows[:, 0].any()
        ways = ways_of_boxes(rows[:, 1:5], trial.size)
        return {} if fits and (not len(rows) or {"box": "corners", "unit": "pixels"} in ways) else None

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        rows = arrays[0]
        return Proposals(
            rows[:, 6],
            lambda chosen: to_pixels(rows[chosen, 1:5], described.box, described.unit, size),
            class_ids=rows[:, 5],
        )
