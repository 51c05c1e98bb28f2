# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ONNX files that people have: what they find, or why they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import SHARED
from skimage.data import astronaut

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.objects.detector import NetworkDetector

pytest.importorskip("onnxruntime")
FIELD = SHARED.parent / "cases" / "field"
pytestmark = pytest.mark.skipif(not FIELD.is_dir(), reason="needs ../shared/cases/field")

ASTRONAUT = (10, 12, 370, 510)


def open_(file: Path) -> NetworkDetector:
    detector = catalogue.create(f"onnx:{file}", task="objects", device="cpu")
    assert isinstance(detector, NetworkDetector)
    return detector


@pytest.mark.parametrize(
    ("name", "layout", "overlap"),
    [
        ("yolov5n_quant_320.onnx", "yolo_objectness", 0.9),
        ("yolo-fastestv2.onnx", "yolo_fastestv2", 0.9),
        ("FastestDet.onnx", "fastestdet", 0.85),
        ("nanodet_m.onnx", "nanodet_levels", 0.4),
    ],
)
def test_a_person_is_found(name: str, layout: str, overlap: float) -> None:
    detector = open_(FIELD / name)
    assert detector.network.format.layout == layout
    found = detector.detect([astronaut()], DetectOptions(score_threshold=0.4))[0]
    assert detector.labels[found.class_ids[0]] == "person"
    assert box_geometry.iou(found.boxes[:1], [ASTRONAUT])[0, 0] > overlap


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bubbliiiing_said_yolox.onnx", r"scores go from -.* not from 0 to 1"),
        ("rfb320_said.onnx", "within 2 px of the upper left corner"),
        ("version-RFB-320.onnx", "nothing names its 1 class;"),
        ("scrfd_500m_kps.onnx", r"out0 \(1, 12800, 1\)"),
        ("retinaface_mobile025.onnx", r"592 \(1, 16800, 10\)"),
        ("blazeface.onnx", r"classificators \(1, 896, 1\) for an input of 128x128"),
        ("mobilefacenet_128.onnx", r"output0 \(1, 128\)"),
        ("yunet_n_dynamic.onnx", "YuNet: give it to the face detector, as yunet:"),
    ],
)
def test_the_reason_is_told(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        open_(FIELD / name)


def test_an_ssd_finds_faces_once_its_class_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "faces.onnx").symlink_to(FIELD / "version-RFB-320.onnx")
    (tmp_path / "faces.txt").write_text("face\n")
    detector = open_(tmp_path / "faces.onnx")
    assert detector.network.format.layout == "ssd"
    found = detector.detect([astronaut()], DetectOptions(score_threshold=0.7, iou_threshold=0.3))[0]
    assert len(found) == 1
    assert box_geometry.iou(found.boxes, [(175, 70, 275, 200)])[0, 0] > 0.5
