# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the metadata of a LibreYOLO export says: `model_family`, `task`, `model_size`, `letterbox_pad`.

LibreYOLO (MIT) exports many families whose outputs look alike, or have each other's names; the family decides how they
are read and how pixels are prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.format import IMAGENET_MEAN, IMAGENET_STD, OnnxFormat, usual

_KEY = "model_family"
_VERSION = "libreyolo_version"

_BGR = {"color": "bgr", "mean": IMAGENET_MEAN[::-1], "std": IMAGENET_STD[::-1]}
_NORMALIZED = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
_TOP_LEFT = {"fit": "top_left", "rounding": "down"}

_FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "yolo9": ("yolo", {**_TOP_LEFT, "box": "corners", "filter": "plain_bilinear"}),
    "yolox": ("yolox_decoded", {**_TOP_LEFT, "filter": "bilinear"}),
    "yolonas": ("boxes_scores", {"filter": "bilinear", "longest": 636}),
    "rtmdet": ("yolo_rows", {**_TOP_LEFT, **_BGR, "box": "corners", "filter": "bilinear"}),
    "picodet": (
        "yolo_rows",
        {**_NORMALIZED, "box": "corners", "fit": "stretch", "filter": "plain_bilinear"},
    ),
    "ppyoloe": ("boxes_scores", {**_NORMALIZED, "fit": "stretch", "filter": "plain_bilinear"}),
    "dfine": ("detr", {}),
    "deim": ("detr", {}),
    "deimv2": ("detr", {}),
    "ec": ("detr", _NORMALIZED),
    "rtdetr": ("detr", {"filter": "plain_bilinear"}),
    "rtdetrv2": ("detr", {"filter": "plain_bilinear"}),
    "rtdetrv4": ("detr", {}),
}

_DINO_SIZES = ("s", "m", "l", "x")
"""Of DEIMv2: those whose backbone is a DINOv3, which takes normalized pixels."""


def described(metadata: Mapping[str, str], file: Path) -> OnnxFormat | None:
    """How a LibreYOLO export is to be read; None for a file of another origin.

    Raises:
        ConfigError: The family is not known here.
    """
    if _KEY not in metadata or _VERSION not in metadata:
        return None
    family = metadata[_KEY]
    if family not in _FAMILIES:
        raise ConfigError(
            f"{file}: is a LibreYOLO export of the family '{family}', which is not known here; known are: "
            f"{', '.join(_FAMILIES)}"
        )
    layout, changes = _FAMILIES[family]
    if metadata.get("nms", "").lower() == "true":
        layout = "yolo_end2end"
    if family == "deimv2" and metadata.get("model_size") in _DINO_SIZES:
        changes = {**changes, **_NORMALIZED}
    if family == "yolo9" and metadata.get("letterbox_pad") == "center":
        changes = {**changes, "fit": "letterbox"}
    return replace(usual(layout), **changes)
