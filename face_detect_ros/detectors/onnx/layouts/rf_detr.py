# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""RF-DETR's own export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from face_detect_ros.detectors.objects.detector import Details
from face_detect_ros.detectors.onnx.layouts.detr import RF_DETR, SET, Detr
from face_detect_ros.detectors.onnx.layouts.layout import Match, Proposals, Trial

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

_MASKS = "masks"


class RfDetr(Detr):
    """RF-DETR's own export. 91 columns are COCO's numbers of categories; else the last column is nothing."""

    name = "rf_detr"
    outputs = "dets (B, Q, 4): center and size in parts of the image; labels (B, Q, C), logits (RF-DETR)"
    usual: ClassVar = {
        **SET,
        "filter": "plain_bilinear",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }

    def find(self, trial: Trial) -> Match | None:
        pairs = self._pairs(trial)
        if len(pairs) != 1 or set(trial.outputs) != RF_DETR or pairs[0].names[1] != "dets":
            return None
        return pairs[0]


class RfDetrWithMasks(RfDetr):
    """The same of RF-DETR Seg: a map of logits for each query."""

    name = "rf_detr_masks"
    outputs = "dets (B, Q, 4), labels (B, Q, C) as of rf_detr; masks (B, Q, h, w), logits"
    masks = True

    def find(self, trial: Trial) -> Match | None:
        others = {name: values for name, values in trial.outputs.items() if name != _MASKS}
        match = super().find(replace(trial, outputs=others))
        maps = trial.outputs.get(_MASKS)
        if match is None or maps is None or maps.ndim != 4:
            return None
        if maps.shape[:2] != trial.outputs[match.names[0]].shape[:2]:
            return None
        return Match((*match.names, _MASKS), match.columns)

    def agrees(self, trial: Trial, match: Match) -> dict[str, object] | None:
        return super().agrees(trial, Match(match.names[:2], match.columns))

    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        proposals = super().read(arrays[:2], described, size)
        return replace(proposals, details=lambda chosen: Details(arrays[2][chosen].astype(np.float32)))
