# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""LibreYOLO's exports: the family in the metadata decides, and everything that looks alike is read as its family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from helpers.onnx_models import NAMES, picture, save

GREEN = (0, 255, 0)
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
BGR = {"color": "bgr", "mean": (0.406, 0.456, 0.485), "std": (0.225, 0.224, 0.229)}


def export(path: Path, made: str, family: str, **more: str) -> Path:
    metadata = {
        **NAMES,
        "libreyolo_version": "1.6.0",
        "model_family": family,
        "task": "detect",
        "imgsz": "64",
        **more,
    }
    return save(path / f"{family}.onnx", made, metadata=metadata)


def open_(file: Path) -> Detector:
    return catalogue.create(f"onnx:{file}", task="objects", device="cpu")


FAMILIES: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "yolo9": ("yolo corners", {}, {"box": "corners", "fit": "top_left", "filter": "plain_bilinear"}),
    "yolo9 center": ("yolo corners", {"letterbox_pad": "center"}, {"box": "corners", "fit": "letterbox"}),
    "yolo9 with nms": ("yolo_end2end", {"nms": "true"}, {"layout": "yolo_end2end", "fit": "top_left"}),
    "yolox": ("yolox_decoded", {}, {"layout": "yolox_decoded", "color": "bgr", "largest": 255}),
    "yolonas": ("swapped", {}, {"layout": "boxes_scores", "longest": 636, "fit": "letterbox"}),
    "rtmdet": ("yolo_rows corners", {}, {"box": "corners", "fit": "top_left", **BGR}),
    "picodet": ("yolo_rows corners", {}, {"box": "corners", "fit": "stretch", **IMAGENET}),
    "ppyoloe": ("boxes_scores", {}, {"fit": "stretch", **IMAGENET}),
    "dfine": ("detr", {}, {"layout": "detr", "filter": "bilinear", "mean": (0, 0, 0)}),
    "deim": ("detr", {}, {"layout": "detr", "mean": (0, 0, 0)}),
    "deimv2": ("detr", {"model_size": "atto"}, {"layout": "detr", "mean": (0, 0, 0)}),
    "deimv2 with DINOv3": ("detr", {"model_size": "s"}, IMAGENET),
    "ec": ("detr", {}, IMAGENET),
    "rtdetr": ("detr", {}, {"filter": "plain_bilinear", "mean": (0, 0, 0)}),
    "rtdetrv2": ("detr", {}, {"filter": "plain_bilinear"}),
    "rtdetrv4": ("detr", {}, {"filter": "bilinear"}),
}


@pytest.mark.parametrize("case", FAMILIES)
def test_the_family_decides(tmp_path: Path, case: str) -> None:
    made, more, fields = FAMILIES[case]
    detector = open_(export(tmp_path, made, case.split()[0], **more))
    format = detector.network.format
    assert {name: getattr(format, name) for name in fields} == fields
    assert format.rounding == ("down" if format.fit == "top_left" or "center" in case else "nearest")
    assert detector.labels == ("red", "green", "blue")
    if ("mean" in fields and any(fields["mean"])) or fields.get("largest") == 255:
        return  # the colors of that file are other numbers
    found = detector.detect([picture(64, 64, GREEN, (16, 32, 32, 48))], DetectOptions(score_threshold=0.6))[0]
    assert {detector.labels[index] for index in found.class_ids} == {"green"}
    boxes = [tuple(np.round(box).astype(int).tolist()) for box in found.boxes]
    assert any(np.abs(np.subtract(box, (16, 32, 32, 48))).max() <= 1 for box in boxes)


def test_images_lie_in_the_input_as_that_library_puts_them(tmp_path: Path) -> None:
    network = open_(export(tmp_path, "yolo corners", "yolo9")).network
    assert network.place(100, 151).resized == (42, 64)  # 42.4 rounded down
    assert network.place(66, 100).resized == (42, 64)
    network = open_(export(tmp_path, "yolo corners", "yolo9", letterbox_pad="center")).network
    assert (network.place(66, 100).offset, network.place(66, 100).resized) == ((11, 0), (42, 64))


@pytest.mark.parametrize(
    ("family", "more", "error", "reason"),
    [
        ("vitpose", {}, ConfigError, "family 'vitpose', which is not known here; known are: yolo9, yolox"),
        ("yolo9", {"task": "classify"}, WeightsError, "its task is 'classify'"),
        ("ppyoloe", {}, ConfigError, "names the layout 'boxes_scores', which needs"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, family: str, more: dict[str, str], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        open_(export(tmp_path, "yolo corners", family, **more))
