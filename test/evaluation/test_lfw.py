# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Verification: thresholds and rates worked by hand, lists of pairs, the face in the middle, the command."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import SHARED
from skimage.data import astronaut
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.evaluation.lfw import ImageEmbedder, evaluate_pairs
from face_detect_ros.evaluation.pairs import read_pairs
from face_detect_ros.evaluation.verification import (
    FALSE_ACCEPT_RATES,
    accuracy_by_fold,
    area_under_curve,
    best_threshold,
    rates_at,
    true_accept_rate,
    verification_figures,
    wilson,
)
from face_detect_ros.faces.align import face_chips
from face_detect_ros.faces.embedders.catalogue import CATALOGUE
from face_detect_ros.faces.points import eye_corners


@pytest.mark.parametrize(
    ("same", "different", "threshold"),
    [
        pytest.param([0.2, 0.4], [0.6, 0.8], 0.5, id="apart"),
        pytest.param([0.2, 0.4, 0.7], [0.6, 0.8, 0.9], 0.5, id="the lower of two as good ones"),
        pytest.param([0.2, 0.4, 0.7, 0.7], [0.6, 0.8, 0.9], 0.75, id="mixed"),
        pytest.param([0.5], [0.5], 0.0, id="equal"),
        pytest.param([0.9], [0.1], -0.4, id="the wrong way round"),
    ],
)
def test_best_threshold(same: list[float], different: list[float], threshold: float) -> None:
    distances = np.array(same + different)
    matched = np.array([True] * len(same) + [False] * len(different))
    found = best_threshold(distances, matched)
    right = ((distances < found) == matched).mean()
    assert right == max(((distances < t) == matched).mean() for t in np.linspace(-1, 2, 301))
    if threshold > 0:
        assert found == pytest.approx(threshold)


def test_each_fold_is_judged_by_the_others() -> None:
    # alone, fold 1 would choose 0.75 and be all right; the others say 0.5
    distances = np.array([0.4, 0.6, 0.7, 0.8, 0.4, 0.6])
    same = np.array([True, False] * 3)
    accuracies, thresholds = accuracy_by_fold(distances, same, np.array([0, 0, 1, 1, 2, 2]))
    assert thresholds[1] == pytest.approx(0.5)
    assert accuracies.tolist() == [1.0, 0.5, 1.0]


def test_true_accept_rate() -> None:
    same = np.linspace(0.0, 0.99, 100)
    others = np.linspace(0.5, 1.5, 1000)
    distances = np.concatenate([same, others])
    matched = np.arange(1100) < 100
    for rate in (1e-3, 1e-2, 1e-1):
        tar, threshold = true_accept_rate(distances, matched, rate)
        assert (others < threshold).sum() == round(rate * 1000)
        assert tar == (same < threshold).mean()
    # too few to see 1 in 1000: none may be accepted
    tar, threshold = true_accept_rate(
        np.array([0.1, 0.5, 0.4, 0.9]), np.array([True, True, False, False]), 1e-3
    )
    assert (tar, threshold) == (0.5, 0.4)


def test_area_under_curve() -> None:
    distances, same = np.array([0.1, 0.5, 0.4, 0.5]), np.array([True, True, False, False])
    # of 4 comparisons: 0.1 wins both, 0.5 loses one and ties one
    assert area_under_curve(distances, same) == pytest.approx(2.5 / 4)
    assert area_under_curve(np.array([0.1, 0.9]), np.array([True, False])) == 1.0


def test_a_list_of_one_fold_is_dealt_out() -> None:
    same = np.arange(40) < 20
    distances = np.where(same, 0.3, 0.9) + np.linspace(0, 0.1, 40)
    figures = verification_figures(distances, same, np.zeros(40, int))
    assert (figures["accuracy"], figures["accuracy_std"], figures["tar_at_far_1e-3"], figures["auc"]) == (
        1,
        0,
        1,
        1,
    )
    assert figures["pairs"] == 40
    assert [point["far_at_most"] for point in figures["roc"]] == list(FALSE_ACCEPT_RATES)
    assert figures["tar_at_far_1e-3_interval"] == [pytest.approx(0.8389, abs=1e-4), 1.0]


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    {
        "none of many": (0, 900, 0.0, 0.00425),
        "all of many": (900, 900, 0.99575, 1.0),
        "most": (45, 50, 0.7864, 0.9565),  # a textbook's
        "half of few": (1, 2, 0.0945, 0.9055),
        "nothing seen": (0, 0, 0.0, 1.0),
    }.values(),
)
def test_wilson_intervals(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_rates_at_a_threshold() -> None:
    distances, same = np.array([0.1, 0.3, 0.6, 0.2, 0.8, 0.9, 0.9]), np.array([True] * 3 + [False] * 4)
    rates = rates_at(0.5, distances, same)
    assert (rates["tar"], rates["far"]) == (0.6667, 0.25)
    assert rates["tar_interval"][0] < rates["tar"] < rates["tar_interval"][1]
    assert rates_at(0.5, distances[:3], same[:3])["far"] is None


def people(folder: Path, names: tuple[str, ...] = ("Ada", "Bob", "Cy"), count: int = 3) -> Path:
    """An image of the astronaut's face per person and number, each a little different."""
    for index, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            image = astronaut()[index : 250 + index, 98 + number : 348 + number]
            cv2.imwrite(str(folder / name / f"{name}_{number:04d}.jpg"), image[..., ::-1])
    return folder


LIST = "2 2\nAda\t1\t2\nBob 1 3\nAda 1 Bob 2\nBob 1 Cy 1\nCy 1 2\nCy 2 3\nAda 1 Cy 1\nAda 3 Bob 3\n"
ONE_FOLD = "2\nAda 1 2\nBob 1 2\nAda 1 Bob 2\nAda 2 Bob 1\n"


def test_pairs(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(LIST)
    pairs = read_pairs(tmp_path / "pairs.txt", people(tmp_path))
    assert len(pairs) == 8
    assert pairs.same.tolist() == [True, True, False, False] * 2
    assert pairs.folds.tolist() == [0] * 4 + [1] * 4
    assert len(pairs.images) == len(set(pairs.images)) == 9
    names = [
        (pairs.images[a].stem, pairs.images[b].stem) for a, b in zip(pairs.first, pairs.second, strict=True)
    ]
    assert names[0] == ("Ada_0001", "Ada_0002")
    assert names[3] == ("Bob_0001", "Cy_0001")


def test_pairs_of_one_fold(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(ONE_FOLD)
    assert read_pairs(tmp_path / "pairs.txt", people(tmp_path)).folds.tolist() == [0] * 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "first line"),
        ("many\n", "first line"),
        ("0 5\n", "first line"),
        ("2 2\nAda 1 2\n", "announces 2 x 2 x 2 = 8"),
        ("1\nAda 1 2\nAda 1 Bob 2\n", "too few"),
        (ONE_FOLD.replace("Bob 1 2", "Bob 1 Cy 2"), "is not 'name i j'"),
        (ONE_FOLD.replace("Ada 2 Bob 1", "Ada 2 1"), "is not 'name i name j'"),
        (ONE_FOLD.replace("Ada 1 2", "Ada 1 x"), "is not 'name i j'"),
        (ONE_FOLD.replace("Ada 2 Bob 1", "Ada 2 Zoe 2"), r"1 of the 5 images.*Zoe_0002\.jpg"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "pairs.txt").write_text(content)
    with pytest.raises(ConfigError, match=said):
        read_pairs(tmp_path / "pairs.txt", people(tmp_path))


UPRIGHT = [(0.8, 0.3), (0.6, 0.3), (0.2, 0.3), (0.4, 0.3), (0.5, 0.6)]  # landmarks as parts of a box


class Scripted:
    """A detector that finds the same face in every image, and an embedder that remembers what it was given."""

    def __init__(self, *boxes: tuple[float, ...]) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)
        self.batches: list[np.ndarray] = []

    def detect(self, images, options):
        count = len(self.boxes)
        sides = self.boxes[:, None, 2:] - self.boxes[:, None, :2]
        points = self.boxes[:, None, :2] + sides * np.array(UPRIGHT)
        return [Detections(self.boxes, np.linspace(0.9, 0.5, count), np.zeros(count), landmarks=points)]

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return face_chips(image, eye_corners(image, faces))

    def embed(self, chips: np.ndarray) -> np.ndarray:
        self.batches.append(chips)
        return chips.reshape(len(chips), -1)[:, :128].astype(np.float32)


@pytest.mark.parametrize(
    ("boxes", "middle_x", "fallbacks"),
    [
        pytest.param(
            [(0, 0, 60, 60), (60, 60, 160, 160), (100, 100, 200, 200)], 110, 0, id="the best in the middle"
        ),
        pytest.param([(0, 0, 60, 60)], 125, 1, id="none in the middle"),
        pytest.param([], 125, 1, id="none"),
    ],
)
def test_the_face_in_the_middle(
    tmp_path: Path, boxes: list[tuple[float, ...]], middle_x: int, fallbacks: int
) -> None:
    # brighter to the right, so that a chip shows where it was cut
    image = np.broadcast_to(np.arange(250, dtype=np.uint8)[None, :, None], (250, 250, 3))
    cv2.imwrite(str(tmp_path / "a.png"), image)
    script = Scripted(*boxes)
    pictures = ImageEmbedder(script, DetectOptions(), script)
    assert pictures.embed((tmp_path / "a.png",)).shape == (1, 128)
    assert pictures.fallbacks == fallbacks
    assert abs(float(script.batches[0][0, 75, 75, 0]) - middle_x) < 12


def test_each_image_is_embedded_once_in_batches(tmp_path: Path) -> None:
    folder = people(tmp_path, tuple(f"P{i}" for i in range(20)), count=2)
    lines = [f"P{i} 1 2" for i in range(20)] + [f"P{i} 1 P{(i + 1) % 20} 1" for i in range(20)]
    (tmp_path / "pairs.txt").write_text("\n".join(["1 20", *lines]))
    script = Scripted((70, 70, 180, 180))
    steps = []
    figures = evaluate_pairs(
        read_pairs(tmp_path / "pairs.txt", folder),
        ImageEmbedder(script, DetectOptions(), script),
        lambda: steps.append(1),
    )
    assert [len(batch) for batch in script.batches] == [32, 8]
    assert len(steps) == figures["images"] == 40
    assert figures["pairs"] == 40
    assert figures["fallbacks"] == 0


def run(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", "lfw", *map(str, arguments)])


def test_command(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(ONE_FOLD)
    folder = people(tmp_path, count=2)
    result = run("--images", folder, "--pairs", tmp_path / "pairs.txt", "--embedder", "dlib", "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    figures = json.loads(result.stdout)
    assert figures["pairs"] == 4
    assert {"accuracy", "tar_at_far_1e-3", "accuracy_std", "roc", "auc", "fallbacks"} <= set(figures)
    assert figures["own_threshold"]["accept_distance"] == CATALOGUE["dlib"].match.accept_distance
    assert figures["fallbacks"] == 0


def test_command_with_bad_arguments(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(ONE_FOLD)
    folder = people(tmp_path)
    assert run("--images", folder, "--pairs", tmp_path / "none.txt").exit_code == 2
    assert run("--images", tmp_path / "none", "--pairs", tmp_path / "pairs.txt").exit_code == 2
    assert run("--images", folder, "--pairs", tmp_path / "pairs.txt", "--embedder", "none").exit_code == 2
    assert run("--images", folder, "--pairs", tmp_path / "pairs.txt", "--detector", "none").exit_code == 2
    (folder / "Ada" / "Ada_0001.jpg").write_bytes(b"damaged")
    broken = run("--images", folder, "--pairs", tmp_path / "pairs.txt", "--embedder", "dlib")
    assert broken.exit_code == 1
    assert "Ada_0001.jpg" in broken.stderr


@pytest.mark.skipif(not (SHARED / "lfw").is_dir(), reason="needs ../shared/data/lfw")
def test_some_pairs_of_lfw(tmp_path: Path) -> None:
    lines = (SHARED / "lfw" / "pairs_dev.txt").read_text().splitlines()[1:]
    chosen = [*lines[:6], *lines[300:306]]
    (tmp_path / "pairs.txt").write_text("\n".join(["1 6", *chosen]))
    result = run(
        "--images",
        SHARED / "lfw" / "images",
        "--pairs",
        tmp_path / "pairs.txt",
        "--embedder",
        "dlib",
        "--json",
    )
    figures = json.loads(result.stdout)
    assert figures["pairs"] == 12
    assert figures["accuracy_at_0.6"] >= 0.9
