# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a training writes about its best model."""

import json

import cv2
import numpy as np

from face_detect_ros.evaluation.coco import Found
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations, CocoBox, CocoImage
from face_detect_ros.training import best


def test_names_of_classes_may_have_slashes(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((40, 60, 3), 90, np.uint8))
    label = CocoBox(0, 0, (5.0, 5.0, 20.0, 20.0), 400.0, False)
    held_back = CocoAnnotations(tmp_path / "a.json", (CocoImage(path, 60, 40),), ("car/van",), (label,))
    best.write(tmp_path, 3, held_back, Found(np.empty((0, 7)), (0,), 1.0), {"AP": 0.0})
    assert [file.name for file in (tmp_path / "worst").iterdir()] == ["01_a.png_missed_car_van.jpg"]
    record = json.loads((tmp_path / "best.json").read_text())
    assert (record["epoch"], record["AP"]) == (3, 0.0)
    assert record["confusion"] == [{"labeled": "car/van", "found": None, "count": 1}]
