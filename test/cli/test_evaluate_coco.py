# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate coco` as people and scripts run it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import SHARED
from skimage.data import astronaut, chelsea
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app

pytest.importorskip("pycocotools")
pytest.importorskip("onnxruntime")

YOLOX = SHARED / "weights" / "yolox_nano.onnx"
needs_yolox = pytest.mark.skipif(not YOLOX.is_file(), reason="needs ../shared/data/weights/yolox_nano.onnx")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", "coco", *map(str, arguments)])


@pytest.fixture
def labeled(tmp_path: Path) -> tuple[object, ...]:
    """The astronaut, a person, and Chelsea, a cat."""
    for name, image in {"person.png": astronaut(), "cat.png": chelsea()}.items():
        cv2.imwrite(str(tmp_path / name), image[..., ::-1])
    content = {
        "images": [{"id": 1, "file_name": "person.png"}, {"id": 2, "file_name": "cat.png"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 12, 360, 498]},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [0, 0, 451, 300]},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "Cat"}, {"id": 3, "name": "robot"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    return ("--images", tmp_path, "--annotations", tmp_path / "labels.json")


@needs_yolox
def test_json(labeled: tuple[object, ...]) -> None:
    result = run(*labeled, "--model", f"onnx:{YOLOX}", "--device", "cpu", "--batch", 2, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    figures = json.loads(result.stdout)
    assert list(figures["per_class"]) == ["person", "Cat"]
    assert (
        figures["per_class"]["Cat"]["AP50"]
        == figures["per_class"]["person"]["AP50"]
        == figures["AP50"]
        == 1.0
    )
    assert figures["AP"] > 0.7
    assert figures["left_out"] == ["robot"]
    assert (figures["images"], figures["boxes"]) == (2, 2)
    assert figures["images_per_s"] > 0
    assert figures["device"].startswith("cpu (")


@needs_yolox
def test_table(labeled: tuple[object, ...]) -> None:
    result = run(*labeled, "--model", f"onnx:{YOLOX}", "--device", "cpu", "--limit", 1)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["left_out", "robot"] in rows
    assert ["AP50", "1.0"] in rows
    assert ["class", "boxes", "AP", "AP50"] in rows
    assert next(row for row in rows if row[:1] == ["person"])[1::2] == ["1", "1.000"]
    assert ["Cat", "0", "-", "-"] in rows


@needs_yolox
def test_mistakes(labeled: tuple[object, ...], tmp_path: Path) -> None:
    content = json.loads(Path(str(labeled[3])).read_text())
    content["annotations"].append({"id": 3, "image_id": 1, "category_id": 2, "bbox": [400, 400, 60, 60]})
    Path(str(labeled[3])).write_text(json.dumps(content))
    worst = tmp_path / "worst"
    result = run(*labeled, "--model", f"onnx:{YOLOX}", "--device", "cpu", "--worst", worst, "--json")
    assert result.exit_code == 0, result.stderr
    confusion = json.loads(result.stdout)["confusion"]
    assert {"labeled": "person", "found": "person", "count": 1} in confusion
    assert {"labeled": "Cat", "found": None, "count": 1} in confusion
    (saved,) = worst.iterdir()
    assert saved.name == "01_1_mistakes_person.png"
    assert (cv2.imread(str(saved)) != astronaut()[..., ::-1]).any()
    table = run(*labeled, "--model", f"onnx:{YOLOX}", "--device", "cpu")
    assert "Cat, -, 1" in table.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "none"], "model 'none' is not known"),
        (["--model", "mmod"], "is for task 'faces'"),
        (["--model", "onnx:"], "needs its file"),
        (["--model", "onnx:x", "--score-threshold", "2"], "score_threshold is 2"),
        (["--model", "onnx:x", "--precision", "float16"], "precision 'float16'"),
        (["--model", "onnx:x", "--images", "/nowhere"], "images of labels.json that are not there"),
        (["--model", "onnx:x", "--annotations", "/nowhere.json"], "/nowhere.json"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_arguments(labeled: tuple[object, ...], arguments: list[str], said: str) -> None:
    result = run(*labeled, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_what_cannot_be_read(labeled: tuple[object, ...]) -> None:
    missing = run(*labeled, "--model", "onnx:/nowhere.onnx")
    assert missing.exit_code == 1
    assert "/nowhere.onnx: no such file" in missing.stderr


@needs_yolox
def test_an_image_that_cannot_be_read(labeled: tuple[object, ...]) -> None:
    folder = Path(str(labeled[1]))
    (folder / "cat.png").write_bytes(b"no image")
    result = run(*labeled, "--model", f"onnx:{YOLOX}", "--device", "cpu")
    assert result.exit_code == 1
    assert "cat.png" in result.stderr


@needs_yolox
@pytest.mark.skipif(not (SHARED / "coco_robot").is_dir(), reason="needs ../shared/data/coco_robot")
def test_photos() -> None:
    folder = SHARED / "coco_robot"
    result = run(
        *("--images", folder / "images", "--annotations", folder / "instances_dev.json"),
        *("--model", f"onnx:{YOLOX}", "--device", "cpu", "--limit", 20, "--json"),
    )
    figures = json.loads(result.stdout)
    assert figures["images"] == 20
    assert figures["left_out"] == ["face"]
    assert figures["per_class"]["person"]["AP50"] > 0.5
    assert np.isfinite(figures["AP"])
