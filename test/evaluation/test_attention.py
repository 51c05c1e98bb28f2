# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Heat maps measured: cases worked by hand, and the packaged model on the astronaut."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app
from face_detect_ros.cli.evaluate.attention import print_table
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.evaluation import attention
from face_detect_ros.evaluation.attention import (
    REMOVED,
    area_under,
    energy_inside,
    evaluate_attention,
    points_inside,
)
from face_detect_ros.evaluation.coco_annotations import read_annotations


def peak(row: int, column: int) -> np.ndarray:
    heat = np.zeros((6, 8), np.float32)
    heat[row, column] = 1
    return heat


@pytest.mark.parametrize(
    ("box", "inside"),
    {
        "in the middle": ((2, 1, 7, 6), True),
        "its own pixel": ((4, 3, 5, 4), True),
        "a part of its pixel": ((4.4, 3.2, 4.6, 3.4), True),
        "left of it": ((0, 0, 4, 6), False),
        "above it": ((0, 0, 8, 3), False),
    }.values(),
)
def test_pointing_game(box: tuple[float, ...], inside: bool) -> None:
    assert points_inside(peak(3, 4), np.array(box)) is inside


@pytest.mark.parametrize(
    ("box", "expected"),
    {
        "everything": ((0, 0, 8, 6), 1.0),
        "half": ((0, 0, 4, 6), 0.5),
        "beyond the image": ((4, -9, 99, 99), 0.5),
        "a quarter of a pixel": ((1.5, 1.5, 2, 2), 0.25 / 48),
        "nothing": ((3, 3, 3, 5), 0.0),
    }.values(),
)
def test_energy_inside(box: tuple[float, ...], expected: float) -> None:
    assert energy_inside(np.ones((6, 8), np.float32), np.array(box)) == pytest.approx(expected)


def test_area_under_the_scores() -> None:
    assert area_under([0.8] * len(REMOVED)) == pytest.approx(1)
    assert area_under([0.8] + [0.0] * (len(REMOVED) - 1)) == pytest.approx(REMOVED[1] / 2)
    assert area_under([0.5] + [0.9] * (len(REMOVED) - 1)) == pytest.approx(1)  # never above its start
    assert area_under([0.0] * len(REMOVED)) == 0


class RedFinder:
    """Sees a fixed box in which the score is how red it is; its map is the red inside it, or what `blind` says."""

    labels = ("thing", "unlabeled")
    device = "test"
    times = StageTimes()
    box = np.array([20, 10, 40, 30], np.float32)

    def __init__(self, blind: bool = False) -> None:
        self.blind = blind

    def detect(self, images: list[np.ndarray], options: DetectOptions) -> list[Detections]:
        found = []
        for image in images:
            score = float((image[10:30, 20:40, 0] > 200).mean())
            keep = score >= options.score_threshold
            found.append(Detections(self.box[None], [score], [0]) if keep else Detections.empty())
        return found

    def attention(self, image: np.ndarray, box: np.ndarray, class_id: int | None = None) -> np.ndarray:
        heat = (image[..., 0] > 200).astype(np.float32)
        return 1 - heat if self.blind else heat

    def warmup(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def red(tmp_path: Path) -> tuple[Path, Path]:
    """One image with a red square, labeled; a crowd beside it, and a class that the model lacks."""
    image = np.full((60, 80, 3), 90, np.uint8)
    image[10:30, 20:40] = (255, 0, 0)
    cv2.imwrite(str(tmp_path / "red.png"), image[..., ::-1])
    boxes = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 10, 20, 20]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 80, 60], "iscrowd": 1},
        {"id": 3, "image_id": 1, "category_id": 2, "bbox": [20, 10, 20, 20]},
    ]
    names = [{"id": 1, "name": "Thing"}, {"id": 2, "name": "other"}]
    content = {"images": [{"id": 1, "file_name": "red.png"}], "annotations": boxes, "categories": names}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    return tmp_path / "labels.json", tmp_path


def test_a_map_that_is_right_and_one_that_is_wrong(red: tuple[Path, Path]) -> None:
    labeled = read_annotations(*red)
    right = evaluate_attention(RedFinder(), labeled, DetectOptions(score_threshold=0.3))
    assert right["detections"] == {"Thing": 1}
    assert right["pointing_game"] == right["energy_inside"] == {"Thing": 1.0}
    assert right["deletion"]["Thing"] < 0.06
    assert right["baselines"]["box_center"]["pointing_game"] == {"Thing": 1.0}
    assert right["baselines"]["random"]["deletion"]["Thing"] > 0.2
    wrong = evaluate_attention(RedFinder(blind=True), labeled, DetectOptions(score_threshold=0.3))
    assert wrong["pointing_game"] == wrong["energy_inside"] == {"Thing": 0.0}
    assert wrong["deletion"]["Thing"] > 0.75
    assert wrong["baselines"] == right["baselines"]


def test_nothing_found_and_nothing_known(red: tuple[Path, Path]) -> None:
    labeled = read_annotations(*red)
    finder = RedFinder()
    finder.box = np.array([60, 40, 70, 50], np.float32)
    with pytest.raises(ConfigError, match="found none of its boxes"):
        evaluate_attention(finder, labeled, DetectOptions())
    stranger = RedFinder()
    stranger.labels = ("cat",)
    with pytest.raises(ConfigError, match="none of its classes"):
        evaluate_attention(stranger, labeled, DetectOptions())


def run(folder: Path, *arguments: str) -> Result:
    paths = ("--images", folder, "--annotations", folder / "labels.json")
    return CliRunner().invoke(app, ["evaluate", "attention", *map(str, paths), *arguments])


def test_the_packaged_model_on_the_astronaut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(attention, "REMOVED", REMOVED[::2])  # half of the networks' calls
    cv2.imwrite(str(tmp_path / "astronaut.png"), astronaut()[..., ::-1])
    boxes = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 12, 450, 498]},
        {"id": 2, "image_id": 1, "category_id": 2, "bbox": [175, 75, 95, 110]},
    ]
    names = [{"id": 1, "name": "person"}, {"id": 2, "name": "face"}]
    content = {
        "images": [{"id": 1, "file_name": "astronaut.png"}],
        "annotations": boxes,
        "categories": names,
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    result = run(tmp_path, "--device", "cpu", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["detections"] == {"person": 1, "face": 1}
    for name in ("person", "face"):
        assert figures["pointing_game"][name] == 1
        assert figures["energy_inside"][name] > 0.5
        assert figures["deletion"][name] < figures["baselines"]["random"]["deletion"][name] - 0.1


def test_a_table_for_people(red: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    figures = evaluate_attention(RedFinder(), read_annotations(*red), DetectOptions(score_threshold=0.3))
    print_table({**figures, "model": "red", "device": "test"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "red on test: 1 images"
    assert lines[2].startswith("Thing: 1 detections")
    assert lines[3].split()[:4] == ["heat", "map", "1.000", "1.000"]
    assert [line.split("  ")[1] for line in lines[4:]] == ["box center", "random"]


def test_a_model_without_heat_maps(red: tuple[Path, Path]) -> None:
    pytest.importorskip("onnxruntime")
    from helpers.objects import write_onnx

    model = write_onnx(red[1] / "model.onnx")
    result = run(red[1], "--model", model)
    assert result.exit_code == 2
    assert "has no heat maps" in result.stderr
