# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""COCO's average precision: cases worked by hand, pycocotools used directly, annotations that are refused."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.evaluation.class_names import matching
from face_detect_ros.evaluation.coco import evaluate_coco
from face_detect_ros.evaluation.coco_annotations import read_annotations

pytest.importorskip("pycocotools")

OPTIONS = DetectOptions(score_threshold=0.001, max_detections=100)
Found = list[tuple[str, float, tuple[float, float, float, float]]]  # label, score, xywh


class Scripted:
    """Finds in each image what the list for its gray value says."""

    device = "cpu"
    times = StageTimes()

    def __init__(self, labels: tuple[str, ...], *found: Found) -> None:
        self.labels = labels
        self.batches: list[int] = []
        self._found = found

    def detect(self, images: list[np.ndarray], options: DetectOptions) -> list[Detections]:
        self.batches.append(len(images))
        return [self._one(self._found[int(image[0, 0, 0])]) for image in images]

    def _one(self, found: Found) -> Detections:
        boxes = np.array([xywh for *_, xywh in found], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return Detections(boxes, [s for _, s, _ in found], [self.labels.index(label) for label, *_ in found])

    def warmup(self) -> None: ...

    def close(self) -> None: ...


def annotations(
    folder: Path,
    boxes: list[tuple[int, str, tuple[float, ...]]],
    *,
    pictures: int = 1,
    named: tuple[str, ...] = ("person", "tv", "zebra"),
    crowd: tuple[int, ...] = (),
    **changes: Any,
) -> Path:
    """Images of 200x100 pixels, gray 0, 1, ...; boxes: (image, category, xywh); crowd: indices of boxes."""
    for index in range(pictures):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((100, 200, 3), index, np.uint8))
    content = {
        "images": [
            {"id": 70 + index, "file_name": f"{index}.png", "width": 200, "height": 100}
            for index in range(pictures)
        ],
        # the first annotation has the id 0, which pycocotools itself would count as found by nothing
        "annotations": [
            {
                "id": index,
                "image_id": 70 + picture,
                "category_id": 5 + named.index(name),
                "bbox": list(xywh),
                "iscrowd": int(index in crowd),
            }
            for index, (picture, name, xywh) in enumerate(boxes)
        ],
        "categories": [{"id": 5 + index, "name": name} for index, name in enumerate(named)],
        **changes,
    }
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path


def evaluate(file: Path, detector: Scripted, options: DetectOptions = OPTIONS, **more: Any) -> dict[str, Any]:
    return evaluate_coco(detector, read_annotations(file, file.parent), options, **more)


A, B = (10, 10, 40, 40), (100, 10, 50, 60)


def test_a_case_worked_by_hand(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", A), (1, "person", B), (0, "tv", B)], pictures=2)
    detector = Scripted(
        ("tvmonitor", "person", "robot"),
        [("person", 0.9, A), ("person", 0.8, (150, 50, 40, 40)), ("tvmonitor", 0.7, B), ("robot", 0.99, A)],
        [("person", 0.6, B)],
    )
    steps: list[int] = []
    figures = evaluate(file, detector, batch=2, advance=lambda: steps.append(1))
    # right, wrong, right: precision 1 up to recall 0.5 (51 of 101 places), then 2/3 (50 places), at every overlap
    ap = (51 * 1 + 50 * 2 / 3) / 101
    assert figures["per_class"]["person"] == {"AP": round(ap, 4), "AP50": round(ap, 4), "boxes": 2}
    assert figures["per_class"]["tv"] == {"AP": 1.0, "AP50": 1.0, "boxes": 1}
    assert figures["AP"] == round((ap + 1) / 2, 4)
    assert figures["left_out"] == ["zebra"]
    assert (figures["images"], figures["boxes"]) == (2, 3)
    assert figures["AP_small"] is None  # 40 x 40 is medium
    assert figures["AP_large"] is None
    assert figures["AP_medium"] == figures["AP"]
    assert figures["images_per_s"] > 0
    assert (steps, detector.batches) == ([1, 1], [2])


@pytest.mark.parametrize(
    ("shift", "overlaps"), [(0, 10), (1, 10), (4, 7), (13, 1), (15, 0)], ids=lambda value: f"{value}"
)
def test_overlaps_count_from_half_to_nearly_all(tmp_path: Path, shift: float, overlaps: int) -> None:
    """A box of 40 px moved by d overlaps with (40 - d) / (40 + d)."""
    file = annotations(tmp_path, [(0, "person", A)])
    moved = (A[0] + shift, *A[1:])
    figures = evaluate(file, Scripted(("person",), [("person", 0.5, moved)]))
    assert figures["AP"] == round(overlaps / 10, 4)
    assert figures["AP50"] == float(overlaps > 0)


def test_a_crowd_counts_neither_way(tmp_path: Path) -> None:
    crowd = (60, 0, 120, 100)
    file = annotations(tmp_path, [(0, "person", crowd), (0, "person", A)], crowd=(0,))
    inside: Found = [("person", 0.9, (70 + 20 * i, 10, 15, 30)) for i in range(4)]
    figures = evaluate(file, Scripted(("person",), [*inside, ("person", 0.3, A)]))
    assert figures["AP"] == 1.0
    assert figures["boxes"] == 1
    assert evaluate(file, Scripted(("person",), [("person", 0.3, A)]))["AP"] == 1.0


@pytest.mark.parametrize(
    "field",
    [{"person_labeled": False}, {"person_complete": False}, {"not_exhaustive_category_ids": [5]}],
    ids=lambda field: next(iter(field)),
)
def test_an_image_that_lacks_labels_of_a_class_does_not_count_for_it(
    tmp_path: Path, field: dict[str, Any]
) -> None:
    file = annotations(tmp_path, [(0, "person", A), (1, "person", B), (1, "tv", A)], pictures=2)
    content = json.loads(file.read_text())
    content["images"][1] |= field
    file.write_text(json.dumps(content))
    # in the second image: a person beside the labels, and a tv that is right
    detector = Scripted(
        ("person", "tv"), [("person", 0.5, A)], [("person", 0.9, (10, 60, 30, 30)), ("tv", 0.8, A)]
    )
    figures = evaluate(file, detector)
    assert figures["per_class"]["person"] == {"AP": 1.0, "AP50": 1.0, "boxes": 1}
    assert figures["per_class"]["tv"] == {"AP": 1.0, "AP50": 1.0, "boxes": 1}


def test_nothing_found_and_nothing_to_find(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", A)])
    figures = evaluate(file, Scripted(("person", "tv"), []))
    assert figures["AP"] == 0.0
    assert figures["per_class"]["tv"] == {"AP": None, "AP50": None, "boxes": 0}
    assert figures["left_out"] == ["zebra"]


def test_only_so_many_detections_of_an_image_count(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", A)])
    found: Found = [("person", 0.9, (150, 50, 40, 40)), ("person", 0.8, A)]
    assert evaluate(file, Scripted(("person",), found))["AP50"] == 0.5
    assert evaluate(file, Scripted(("person",), found), DetectOptions(max_detections=1))["AP50"] == 0.0


def test_the_same_figures_as_pycocotools_used_directly(tmp_path: Path) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(0)
    names = ("person", "cat", "dog")
    boxes: list[tuple[int, str, tuple[float, ...]]] = []
    found: list[Found] = []
    for picture in range(12):
        found.append([])
        for _ in range(rng.integers(1, 8)):
            side = rng.uniform(8, 99)
            x, y = rng.uniform(0, 200 - side), rng.uniform(0, 100 - side)
            name = str(rng.choice(names))
            boxes.append((picture, name, (x, y, side, side)))
            if rng.random() < 0.8:
                dx, dy = rng.normal(0, side / 12, 2)
                found[-1].append((name, float(rng.random()), (x + dx, y + dy, side, side)))
            if rng.random() < 0.4:
                found[-1].append((str(rng.choice(names)), float(rng.random()), (x / 2, y / 2, side, side)))
    file = annotations(tmp_path, boxes, pictures=12, named=names, crowd=(3, 11))
    detector = Scripted(names, *found)
    figures = evaluate(file, detector)

    content = json.loads(file.read_text())
    for entry in content["annotations"]:
        entry["id"] += 1
        entry["area"] = entry["bbox"][2] * entry["bbox"][3]
    results = [
        {
            "image_id": 70 + picture,
            "category_id": 5 + names.index(label),
            "bbox": [float(v) for v in xywh],
            "score": s,
        }
        for picture, each in enumerate(found)
        for label, s, xywh in each
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = content
        truth.createIndex()
        direct = COCOeval(truth, truth.loadRes(results), "bbox")
        direct.evaluate()
        direct.accumulate()
        direct.summarize()
    ours = [figures[name] for name in ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")]
    assert 0.1 < ours[0] < 0.9
    assert ours == pytest.approx(direct.stats[:6], abs=1e-4)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("person", "Person"),
        ("traffic_light", "traffic light"),
        ("teddy-bear", "teddy bear"),
        ("tvmonitor", "tv"),
        ("sofa", "couch"),
        ("couch", "sofa"),
        ("motorbike", "motorcycle"),
        ("aeroplane", "airplane"),
        ("pottedplant", "potted plant"),
        ("diningtable", "dining table"),
        ("Hair Dryer", "hair drier"),
    ],
)
def test_one_thing_by_two_names(label: str, name: str) -> None:
    assert matching(("other", name), (label, "unknown")) == {0: 1}


def test_a_name_as_it_stands_comes_before_a_synonym() -> None:
    assert matching(("sofa", "couch"), ("couch", "sofa", "person")) == {0: 1, 1: 0}
    assert matching(("tv",), ("tv", "tvmonitor")) == {0: 0, 1: 0}


def test_no_class_in_common(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", A)])
    with pytest.raises(ConfigError, match=r"none of its classes.*person, tv, zebra; the model's: robot"):
        evaluate(file, Scripted(("robot",), []))


def test_the_first_images_alone(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", A), (2, "person", B)], pictures=3)
    (tmp_path / "2.png").unlink()
    read = read_annotations(file, tmp_path, limit=2)
    assert (len(read.images), len(read.boxes)) == (2, 1)
    with pytest.raises(ConfigError, match=r"1 images of instances\.json that are not there: 2\.png"):
        read_annotations(file, tmp_path)


def test_an_image_of_another_size_than_its_annotations(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", A)])
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((50, 100, 3), np.uint8))
    with pytest.raises(ConfigError, match=r"0\.png: is 100x50 pixels, but its annotations are for 200x100"):
        evaluate(file, Scripted(("person",), []))


def entry(**changes: Any) -> dict[str, Any]:
    return {"id": 9, "image_id": 70, "category_id": 5, "bbox": [1, 1, 5, 5], **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"annotations": [entry(), entry()]}, "1 ids of more than one annotation: 9"),
        ({"images": [{"id": 1, "file_name": "0.png"}] * 2}, "1 ids of more than one image: 1"),
        (
            {"categories": [{"id": 5, "name": "a"}, {"id": 5, "name": "b"}]},
            "ids of more than one category: 5",
        ),
        ({"annotations": [entry(image_id=1)]}, "1 annotations whose image_id belongs to nothing in it: 9"),
        ({"annotations": [entry(category_id=1)]}, "1 annotations whose category_id belongs to nothing"),
        ({"annotations": [entry(bbox=[1, 1, 0, 5])]}, "no area or is not finite: 9"),
        ({"annotations": [entry(bbox=[1, 1, float("nan"), 5])]}, "no area or is not finite: 9"),
        ({"annotations": [entry(bbox=[190, 1, 20, 5])]}, r"outside of its image: 9 \(0\.png\)"),
        ({"annotations": [entry(id=i, bbox=[-5, 1, 9, 5]) for i in range(8)]}, r"8 annotations.*and 3 more"),
        ({"annotations": [entry(bbox=[1, 1, 5])]}, "not COCO JSON"),
        ({"annotations": [entry(bbox="none")]}, "not COCO JSON"),
        ({"annotations": None}, "not COCO JSON"),
        ({"images": [], "annotations": []}, "no images or no categories"),
        ({"categories": [{"id": 5, "name": "a\ud800"}], "annotations": []}, "not valid Unicode"),
        ({"images": [{"id": 70, "file_name": "gone.png"}]}, r"1 images of instances.*gone\.png"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_annotations_that_cannot_be_used(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    file = annotations(tmp_path, [], **changes)
    with pytest.raises(ConfigError, match=said):
        read_annotations(file, tmp_path)


def test_rounding_at_the_border_is_no_error(tmp_path: Path) -> None:
    file = annotations(tmp_path, [(0, "person", (-0.6, 0, 201.4, 100.9))])
    assert len(read_annotations(file, tmp_path).boxes) == 1


@pytest.mark.parametrize("content", [None, "", "[]", '{"images": []}', "{"])
def test_files_that_are_no_coco(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "a.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"a\.json"):
        read_annotations(file, tmp_path)
