# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Segmentation and pose exports: each by a small file whose masks are where the image is blue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from helpers.onnx_masks import BOX, POSE, blueness, columns, made
from helpers.onnx_models import NAMES, SIDE, Graph, picture, write
from onnx import TensorProto, helper

BLUE = (0, 0, 255)
OPTIONS = DetectOptions(score_threshold=0.6, iou_threshold=0.5)


def found_in(case: str, folder: Path, images: list[np.ndarray]) -> tuple[Any, list[Detections]]:
    detector = catalogue.create(f"onnx:{made(case, folder / 'm.onnx')}", task="objects", device="cpu")
    assert detector.network.format.layout == case
    return detector, detector.detect(images, OPTIONS)


def blue(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    return picture(height, width, BLUE, box)


@pytest.mark.parametrize("case", ["yolo_masks", "yolo_end2end_masks", "rf_detr_masks"])
def test_a_mask_is_what_is_blue_inside_the_box(tmp_path: Path, case: str) -> None:
    image = blue(64, 64, (16, 32, 32, 44))  # 4 rows of the box are black
    if case == "rf_detr_masks":
        image = np.clip(image.astype(int) + 120, 0, 255).astype(np.uint8)  # above ImageNet's mean
    detector, (found, again) = found_in(case, tmp_path, [image, image])
    assert detector.has_masks
    assert not detector.has_keypoints
    index = int(np.flatnonzero([tuple(np.round(box)) == BOX for box in found.boxes])[0])
    (left, top), mask = found.masks.of(index)
    assert (left, top, *mask.shape) == (16, 32, 16, 16)
    if case != "rf_detr_masks":  # whose pixels are normalized
        assert mask[1:10, 1:-1].all()  # corners are rounded
        assert not mask[14:].any()
    np.testing.assert_array_equal(again.masks.of(index)[1], mask)


def test_masks_lie_over_an_image_of_another_size(tmp_path: Path) -> None:
    # 200 x 100 lies at (0, 16) of the input, reduced by 3.125
    _, (found,) = found_in("yolo_masks", tmp_path, [blue(100, 200, (50, 0, 100, 50))])
    instances = found.masks.instances()
    assert instances.shape == (100, 200)
    assert instances.dtype == np.uint16
    assert set(np.unique(instances)) <= {0, *range(1, len(found) + 1)}
    inside = instances[8:42, 58:92]
    assert (inside > 0).all()
    outside = instances.copy()
    outside[:58, 42:108] = 0
    assert not outside.any()


@pytest.mark.parametrize("case", ["yolo_keypoints", "yolo_end2end_keypoints"])
def test_keypoints_are_in_pixels_of_the_image(tmp_path: Path, case: str) -> None:
    double = blue(128, 128, (32, 64, 64, 96))
    detector, (found, none) = found_in(case, tmp_path, [double, np.zeros((64, 64, 3), np.uint8)])
    assert detector.has_keypoints
    index = int(np.flatnonzero([tuple(np.round(box)) == (32, 64, 64, 96) for box in found.boxes])[0])
    np.testing.assert_allclose(found.keypoints[index], [[48, 80, 0.8], [32, 64, 0.1]], atol=1e-4)
    assert found.masks is None
    if case == "yolo_keypoints":
        assert len(none) == 0
        assert none.keypoints.shape == (0, 2, 3)


def test_prototypes_are_not_taken_for_a_feature_map(tmp_path: Path) -> None:
    """Without metadata, a file with masks is no detector of three more classes."""
    graph, ones = Graph(), np.ones((1, 84), np.float32)
    outputs = {"output0": columns(graph, 0 * ones, 0 * ones, ones), "output1": blueness(graph)}
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, SIDE, SIDE])
    file = write(tmp_path / "m.onnx", graph, [images], outputs, NAMES, whole=())
    assert catalogue.create(f"onnx:{file}", task="objects", device="cpu").has_masks


def test_a_pose_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    graph = Graph()
    outputs = {"output0": columns(graph, np.ones((4, 84), np.float32))}
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, SIDE, SIDE])
    file = write(tmp_path / "m.onnx", graph, [images], outputs, {**POSE, "kpt_shape": "[17, 3]"}, whole=())
    with pytest.raises(ConfigError, match="cannot tell how its outputs"):
        catalogue.create(f"onnx:{file}", task="objects", device="cpu")
