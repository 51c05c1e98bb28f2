# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two detectors on the same images: what both find, what only one finds."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.evaluation.agreement import evaluate_agreement

A, NEARLY_A, B = (10, 10, 110, 110), (10, 10, 110, 112), (200, 10, 300, 110)


class Scripted:
    labels = ("face",)
    device = "cpu"
    times = StageTimes()

    def __init__(self, *found: list[tuple[tuple[int, ...], float]]) -> None:
        self._found = list(found)

    def detect(self, images, options):
        found = self._found.pop(0)
        return [Detections([box for box, _ in found], [score for _, score in found], [0] * len(found))]

    def warmup(self) -> None: ...

    def close(self) -> None: ...


def test_figures_worked_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    cv2.imwrite(str(path), np.zeros((20, 20, 3), np.uint8))
    ours = Scripted([], [(A, 0.9), (B, 0.8)], [(NEARLY_A, 0.5), (A, 0.7)], [(A, 0.5)])
    theirs = Scripted([], [(B, 0.75), (A, 0.9)], [(A, 0.6)], [(B, 0.5)])
    steps: list[int] = []
    figures = evaluate_agreement(ours, theirs, [path] * 4, DetectOptions(), lambda: steps.append(1))
    assert figures.pop("largest_score_difference") == pytest.approx(0.1)
    assert figures == {"images": 4, "reference": 4, "missed": 1, "extra": 2, "identical": 3}
    assert len(steps) == 4
    nothing = evaluate_agreement(Scripted(), Scripted(), [], DetectOptions())
    assert nothing["largest_score_difference"] is None


def run(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", "agreement", *map(str, arguments)])


def test_command(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), astronaut()[20:220, 120:320, ::-1])
    cv2.imwrite(str(tmp_path / "none.png"), astronaut()[300:400, 20:160, ::-1])
    result = run("--images", tmp_path, "--precision", "float32", "--json")
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures.pop("largest_score_difference") < 1e-4
    expected = {"images": 2, "reference": 1, "missed": 0, "extra": 0, "identical": 1}
    assert figures | expected == figures
    assert (figures["model"], figures["reference_model"]) == ("mmod", "dlib_cnn")


@pytest.mark.parametrize(
    "arguments",
    [["--reference", "none"], ["--model", "none"], ["--min-size-px", "-1"], ["--images", "/none"]],
)
def test_bad_arguments(tmp_path: Path, arguments: list[str]) -> None:
    assert run("--images", tmp_path, *arguments).exit_code in (1, 2)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    result = run("--images", tmp_path)
    assert result.exit_code == 2
    assert "no images in this folder" in result.stderr
