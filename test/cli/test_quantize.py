# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`models quantize`: a file in int8, with AP before and after."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import onnx_models
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue

pytest.importorskip("onnxruntime.quantization")
onnx = pytest.importorskip("onnx")

RED = onnx_models.picture(64, 64, (255, 40, 0), (32, 32, 64, 64))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model, images, and their annotations."""
    onnx_models.save(tmp_path / "colors.onnx", "yolo", metadata=onnx_models.NAMES, convolution=True)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "red.png"), RED[..., ::-1])
    content = {
        "images": [{"id": 1, "file_name": "red.png", "width": 64, "height": 64}],
        "categories": [{"id": 1, "name": "red"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [32, 32, 32, 32], "area": 1024, "iscrowd": 0}
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return tmp_path


def _quantize(folder: Path, *arguments: str | Path, model: str = "colors.onnx") -> tuple[int, str]:
    asked = ["models", "quantize", f"onnx:{folder / model}", folder / "int8.onnx", *arguments]
    done = CliRunner().invoke(app, [str(each) for each in asked])
    return done.exit_code, done.output


def test_the_file_is_in_int8_and_finds_the_same(folder: Path) -> None:
    labeled = ("--images", folder / "images", "--annotations", folder / "instances.json")

    code, output = _quantize(folder, *labeled)

    assert code == 0, output
    assert "1 convolutions in int8" in output
    precisions = re.search(r"AP: (\d\.\d+) before, (\d\.\d+) after", output)
    assert precisions is not None, output
    assert float(precisions[1]) == pytest.approx(float(precisions[2]), abs=0.02)
    assert float(precisions[1]) > 0
    graph = onnx.load(str(folder / "int8.onnx")).graph
    assert "DequantizeLinear" in {node.op_type for node in graph.node}
    options = DetectOptions(score_threshold=0.5)
    found = []
    for name in ("colors.onnx", "int8.onnx"):
        detector = catalogue.create(f"onnx:{folder / name}", task="objects", device="cpu")
        found += detector.detect([RED], options)
        detector.close()
    assert np.array_equal(found[0].boxes, found[1].boxes)
    assert np.abs(found[0].scores - found[1].scores).max() < 0.01

    code, output = _quantize(folder, *labeled)
    assert code == 1
    assert "exists already" in output


def test_without_annotations_ap_is_not_measured(folder: Path) -> None:
    code, output = _quantize(folder, "--images", folder / "images")
    assert code == 0, output
    assert "AP: not measured" in output


def test_a_folder_without_images(folder: Path) -> None:
    (folder / "empty").mkdir()
    code, output = _quantize(folder, "--images", folder / "empty")
    assert code == 2
    assert "no images" in output
    assert not (folder / "int8.onnx").exists()


def test_a_model_without_convolutions(folder: Path) -> None:
    onnx_models.save(folder / "plain.onnx", "yolo", metadata=onnx_models.NAMES)
    code, output = _quantize(folder, "--images", folder / "images", model="plain.onnx")
    assert code == 1
    assert "no convolutions" in output


def test_a_model_in_two_files(folder: Path) -> None:
    apart = onnx_models.in_two_files(folder / "colors.onnx")
    code, output = _quantize(folder, "--images", folder / "images", model=str(apart.relative_to(folder)))
    assert code == 1
    assert "keeps its weights in a second file" in " ".join(output.split())
