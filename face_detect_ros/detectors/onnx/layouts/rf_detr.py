# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""RF-DETR's own export."""

from __future__ import annotations

from typing import ClassVar

from face_detect_ros.detectors.onnx.layouts.detr import RF_DETR, SET, Detr
from face_detect_ros.detectors.onnx.layouts.layout import Match, Trial


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
