# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Precision, recall and AP: cases worked by hand, label files, the command."""

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
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.evaluation.faces import LOWEST_SCORE, FaceEvaluationOptions, evaluate_faces
from face_detect_ros.evaluation.labels import LabeledImage, read_labels
from face_detect_ros.evaluation.matching import Matches, PrecisionRecall, match

FACE = (179, 83, 267, 171)  # of astronaut()


def square(x: float, side: float = 20) -> tuple[float, float, float, float]:
    return (x, 0, x + side, side)


def matched(
    boxes: list[tuple[float, ...]],
    scores: list[float],
    labels: list[tuple[float, ...]],
    crowd: list[bool] | None = None,
    min_label_px: float = 0,
) -> Matches:
    return match(
        np.array(boxes).reshape(-1, 4),
        np.array(scores),
        np.array(labels).reshape(-1, 4),
        crowd=np.array(crowd or [False] * len(labels), bool),
        min_label_px=min_label_px,
        iou_threshold=0.5,
    )


def outcome(matches: Matches) -> str:
    """A letter for each detection, best first: Right, Wrong, or - for neither."""
    letters = zip(matches.right.tolist(), matches.wrong.tolist(), strict=True)
    return "".join("R" if right else "W" if wrong else "-" for right, wrong in letters)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param(matched([], [], []), "", id="nothing at all"),
        pytest.param(matched([], [], [square(0)]), "", id="nothing found"),
        pytest.param(matched([square(0)], [0.9], []), "W", id="nothing to find"),
        pytest.param(matched([square(1)], [0.9], [square(0)]), "R", id="found"),
        pytest.param(matched([square(8)], [0.9], [square(0)]), "W", id="too far off"),
        pytest.param(matched([square(0), square(1)], [0.8, 0.9], [square(0)]), "RW", id="found twice"),
        pytest.param(
            matched([square(2), square(0)], [0.9, 0.8], [square(0), square(5)]), "RR", id="the nearer label"
        ),
        pytest.param(
            matched([square(0, 8)], [0.9], [square(0, 8)], min_label_px=12), "-", id="a small label"
        ),
        pytest.param(
            matched([square(50, 8)], [0.9], [square(0)], min_label_px=12), "-", id="a small detection"
        ),
        pytest.param(
            matched([square(0, 11)], [0.9], [square(0, 13)], min_label_px=12),
            "R",
            id="a small one that is right",
        ),
        pytest.param(
            matched([square(0), square(25), square(50)], [0.9, 0.8, 0.7], [(0, 0, 100, 20)], [True]),
            "---",
            id="many in a crowd",
        ),
        pytest.param(
            matched([square(0)], [0.9], [(0, 0, 100, 20), square(0)], [True, False]),
            "R",
            id="a label before a crowd",
        ),
        pytest.param(matched([square(90)], [0.9], [(0, 0, 92, 20)], [True]), "W", id="hardly inside a crowd"),
    ],
)
def test_right_and_wrong(case: Matches, expected: str) -> None:
    assert outcome(case) == expected


def curve(letters: str, labels: int, scores: list[float] | None = None) -> PrecisionRecall:
    count = len(letters)
    right = np.array([letter == "R" for letter in letters], bool)
    scores = scores or [0.9 - 0.1 * i for i in range(count)]
    return PrecisionRecall.of(
        [
            Matches(
                np.array(scores, float),
                right,
                np.array([x == "W" for x in letters], bool),
                np.empty(0),
                np.ones(labels, bool),
            )
        ]
    )


def test_a_curve_worked_by_hand() -> None:
    # 5 faces, 7 detections of which one counts neither way: R W R - R W R
    found = curve("RWR-RWR", 5)
    assert found.precision == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 4 / 6])
    assert found.recall == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6, 0.8])
    # best precision at or beyond each recall: 1 up to 0.2, 3/4 up to 0.6, 2/3 up to 0.8, 0 beyond
    assert found.average_precision() == pytest.approx(0.2 * 1 + 0.4 * 3 / 4 + 0.2 * 2 / 3)
    assert found.at(0.65) == pytest.approx((2 / 3, 0.4))
    assert found.at(0.95) == pytest.approx((np.nan, 0.0), nan_ok=True)
    assert found.best_f1() == pytest.approx((2 * (4 / 6) * 0.8 / (4 / 6 + 0.8), 0.3))


@pytest.mark.parametrize(
    ("letters", "labels", "ap"),
    [("RRR", 3, 1.0), ("R", 4, 0.25), ("WR", 1, 0.5), ("WWW", 2, 0.0), ("", 2, 0.0), ("--", 2, 0.0)],
)
def test_average_precision(letters: str, labels: int, ap: float) -> None:
    assert curve(letters, labels).average_precision() == pytest.approx(ap)


def test_equal_scores_are_kept_or_dropped_together() -> None:
    for letters in ("RW", "WR"):
        tie = curve(letters, 1, [0.5, 0.5])
        assert tie.precision.tolist() == [0.5]
        assert tie.average_precision() == pytest.approx(0.5)


def test_without_labels_there_is_no_figure() -> None:
    found = curve("W", 0)
    assert np.isnan(found.average_precision())
    assert np.isnan(found.best_f1()).all()
    assert found.at(0.5)[0] == 0.0


class Scripted:
    """Finds what it is told, image after image."""

    labels = ("face",)
    device = "cpu"
    times = StageTimes()

    def __init__(self, *found: tuple[list[tuple[float, ...]], list[float]]) -> None:
        self.asked: list[DetectOptions] = []
        self._found = list(found)

    def detect(self, images, options):
        self.asked.append(options)
        found = [self._found.pop(0) for _ in images]
        return [Detections(np.reshape(boxes, (-1, 4)), scores, [0] * len(boxes)) for boxes, scores in found]

    def warmup(self) -> None: ...

    def close(self) -> None: ...


def picture(folder: Path, name: str, *boxes: tuple[float, ...], complete: bool = True) -> LabeledImage:
    path = folder / name
    cv2.imwrite(str(path), np.zeros((60, 200, 3), np.uint8))
    return LabeledImage(path, np.array(boxes).reshape(-1, 4), np.zeros(len(boxes), bool), complete)


def test_figures_worked_by_hand(tmp_path: Path) -> None:
    pictures = [
        picture(tmp_path, "a.png", square(0), square(50, 40)),
        picture(tmp_path, "b.png"),
        picture(tmp_path, "c.png", square(0), square(100, 30), complete=False),
    ]
    detector = Scripted(
        ([square(0), square(50, 40)], [0.9, 0.3]),
        ([square(30)], [0.6]),
        ([square(0), square(60)], [0.8, 0.95]),  # the second may well be a face without a label
    )
    steps = []
    figures = evaluate_faces(
        detector, pictures, DetectOptions(), FaceEvaluationOptions(), lambda: steps.append(1)
    )
    assert len(steps) == 3
    assert all(options.score_threshold == LOWEST_SCORE for options in detector.asked)
    assert (figures["images"], figures["faces"]) == (2, 2)
    assert (figures["precision"], figures["recall"], figures["f1"]) == (0.5, 0.5, 0.5)
    assert figures["ap"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3, abs=1e-4)
    assert figures["best_f1"] == {"f1": 0.8, "score_threshold": 0.3, "precision": 0.6667, "recall": 1.0}
    labeled = figures["labeled"]
    assert (labeled["images"], labeled["faces"], labeled["recall"]) == (3, 4, 0.5)
    assert labeled["recall_by_size"] == [
        {"from_px": 12, "to_px": 24, "faces": 2, "recall": 1.0},
        {"from_px": 24, "to_px": 48, "faces": 2, "recall": 0.0},
        {"from_px": 48, "to_px": 96, "faces": 0, "recall": None},
        {"from_px": 96, "to_px": None, "faces": 0, "recall": None},
    ]


def coco(folder: Path, **image_fields: object) -> Path:
    """Four images: the astronaut twice, a crowd, and one about whose faces nothing is known."""
    for name in ("a.png", "b.png", "c.png", "d.png"):
        cv2.imwrite(str(folder / name), astronaut()[..., ::-1])
    left, top, right, bottom = FACE
    bbox = [left, top, right - left, bottom - top]
    content = {
        "images": [
            {"id": 1, "file_name": "a.png"},
            {"id": 2, "file_name": "b.png", "face_labelled": True, "face_complete": False},
            {"id": 3, "file_name": "c.png"},
            {"id": 4, "file_name": "d.png", "face_labelled": False, "face_complete": False},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 8, "bbox": bbox, "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": 8, "bbox": bbox},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [0, 0, 500, 500]},
            {"id": 4, "image_id": 3, "category_id": 8, "bbox": [100, 20, 300, 300], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 8, "name": "face"}],
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(content))
    return path


def test_coco(tmp_path: Path) -> None:
    a, b, c = read_labels(coco(tmp_path), tmp_path)
    assert a.boxes.tolist() == [list(FACE)]
    assert [p.complete for p in (a, b, c)] == [True, False, True]
    assert c.crowd.tolist() == [True]


def test_imglab(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), astronaut())
    (tmp_path / "labels.xml").write_text(
        "<?xml version='1.0'?><dataset><images><image file='a.png'>"
        "<box top='83' left='179' width='88' height='88'/><box top='1' left='2' width='3' height='4' ignore='1'/>"
        "</image></images></dataset>"
    )
    (only,) = read_labels(tmp_path / "labels.xml", tmp_path)
    assert only.boxes.tolist() == [list(FACE), [2, 1, 5, 5]]
    assert only.crowd.tolist() == [False, True]
    assert only.complete


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", None, "No such file"),
        ("a.json", "[]", "not COCO JSON"),
        ("a.json", "{", "not JSON"),
        ("a.json", '{"images": [], "annotations": [], "categories": []}', "no category"),
        (
            "a.json",
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "face"}]}',
            "no labeled",
        ),
        ("a.xml", "<dataset>", "not imglab"),
        ("a.xml", "<dataset><images><image/></images></dataset>", "not imglab"),
        ("a.xml", "<dataset><images><image file='b.png'/></images></dataset>", "1 of the 1 images"),
    ],
)
def test_label_files_that_cannot_be_used(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=said):
        read_labels(tmp_path / name, tmp_path)


def run(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", "faces", *map(str, arguments)])


def test_command(tmp_path: Path) -> None:
    labels = coco(tmp_path)
    result = run("--images", tmp_path, "--annotations", labels, "--model", "dlib_hog", "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    figures = json.loads(result.stdout)
    assert (figures["model"], figures["images"], figures["faces"]) == ("dlib_hog", 2, 1)
    assert (figures["precision"], figures["recall"], figures["ap"]) == (1.0, 1.0, 1.0)
    assert figures["labeled"]["images"] == 3
    assert figures["labeled"]["recall"] == 1.0
    table = run("--images", tmp_path, "--annotations", labels, "--precision", "float32")
    assert "precision" in table.stdout
    assert "labeled.recall" in table.stdout


def test_command_with_bad_arguments(tmp_path: Path) -> None:
    labels = coco(tmp_path)
    (tmp_path / "empty").mkdir()
    assert run("--images", tmp_path / "empty", "--annotations", labels).exit_code == 2
    assert run("--images", tmp_path, "--annotations", tmp_path / "none.json").exit_code == 2
    assert run("--images", tmp_path, "--annotations", labels, "--model", "none").exit_code == 2
    assert run("--images", tmp_path, "--annotations", labels, "--iou", "0").exit_code == 2
    refused = run(
        "--images", tmp_path, "--annotations", labels, "--model", "dlib_hog", "--precision", "float16"
    )
    assert refused.exit_code == 2
    assert "'float16'" in refused.stderr
    assert run("--images", tmp_path, "--annotations", labels, "--min-face-px", "-1").exit_code == 2
    assert run("--images", tmp_path).exit_code == 2
    (tmp_path / "a.png").write_bytes(b"damaged")
    broken = run("--images", tmp_path, "--annotations", labels)
    assert broken.exit_code == 1
    assert "a.png" in broken.stderr


def test_many_images(tmp_path: Path) -> None:
    box = (10.0, 10.0, 40.0, 40.0)
    pictures = [picture(tmp_path, f"{n}.png", *([box] * (n % 2))) for n in range(19)]
    detector = Scripted(*([([box] * (n % 2), [0.9] * (n % 2)) for n in range(19)]))
    steps: list[int] = []
    options = FaceEvaluationOptions()
    figures = evaluate_faces(detector, pictures, DetectOptions(), options, lambda: steps.append(1))
    assert (figures["images"], figures["faces"], figures["precision"], figures["recall"]) == (19, 9, 1.0, 1.0)
    assert len(steps) == 19
    assert 1 < len(detector.asked) < 19


@pytest.mark.skipif(not (SHARED / "dlib_faces").is_dir(), reason="needs ../shared/data/dlib_faces")
def test_dlibs_own_images() -> None:
    folder = SHARED / "dlib_faces" / "faces"
    result = run("--images", folder, "--annotations", folder / "testing.xml", "--min-size-px", 30, "--json")
    figures = json.loads(result.stdout)
    assert (figures["images"], figures["faces"]) == (5, 25)
    assert figures["recall"] >= 0.96
    assert figures["false_alarms"] <= 1  # a balloon with letters on it


@pytest.mark.skipif(not (SHARED / "coco_robot").is_dir(), reason="needs ../shared/data/coco_robot")
def test_the_fields_of_coco_robot_are_understood() -> None:
    folder = SHARED / "coco_robot"
    pictures = read_labels(folder / "instances_dev.json", folder / "images")
    assert len(pictures) == 263
    assert sum(p.complete for p in pictures) == 122
    assert sum(len(p.boxes) for p in pictures) == 309
