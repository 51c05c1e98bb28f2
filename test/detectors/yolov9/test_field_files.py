# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 files that people have: the boxes that their own program finds."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from helpers.paths import SHARED

from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue

FIELD = SHARED.parent / "cases" / "field"
IMAGES = SHARED / "coco_robot" / "images"


@pytest.mark.skipif(
    not (FIELD.is_dir() and IMAGES.is_dir()), reason="needs ../shared/cases/field and coco_robot"
)
def test_a_file_of_ultralytics_finds_what_ultralytics_finds() -> None:
    told = json.loads((FIELD / "ultralytics_yolov9t_ball.json").read_text())["pictures"]
    file = FIELD / "ultralytics_yolov9t_ball.pt"
    detector = catalogue.create(f"yolov9:{file}", task="objects", device="cpu", precision="float32")
    assert detector.labels == ("ball",)
    options = DetectOptions(score_threshold=0.05, iou_threshold=0.7, max_detections=300)
    for name in list(told)[:6]:
        found = detector.detect([cv2.imread(str(IMAGES / name))[..., ::-1].copy()], options)[0]
        expected = sorted(told[name], key=lambda each: -each["score"])
        assert len(found) == len(expected)
        np.testing.assert_allclose(found.boxes, [each["box"] for each in expected], atol=1)
        np.testing.assert_allclose(found.scores, [each["score"] for each in expected], atol=0.01)
