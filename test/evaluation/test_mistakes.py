# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What an object detector got wrong, on cases worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from face_detect_ros.evaluation.coco import Found
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations, CocoBox, CocoImage
from face_detect_ros.evaluation.mistakes import confusion, find_mistakes, worst

NAMES = ("person", "cat", "dog")
PERSON, CAT, DOG = range(3)
Box = tuple[float, float, float, float]
A, B, C = (10.0, 10.0, 40.0, 40.0), (100.0, 10.0, 50.0, 60.0), (160.0, 50.0, 20.0, 30.0)


def judge(
    labels: list[tuple[int, Box]],
    rows: list[tuple[int, float, Box]],
    *,
    threshold: float = 0.3,
    crowd: bool = False,
    unknown: frozenset[int] = frozenset(),
    known: tuple[int, ...] = (PERSON, CAT, DOG),
):
    """The mistakes in one image. labels: (category, xywh), crowds if `crowd`. rows: (category, score, xywh)."""
    boxes = tuple(CocoBox(0, category, xywh, xywh[2] * xywh[3], crowd) for category, xywh in labels)
    annotations = CocoAnnotations(
        Path("x.json"), (CocoImage(Path("0.png"), 200, 100, unknown),), NAMES, boxes
    )
    table = np.array([[0, *xywh, score, category] for category, score, xywh in rows], float).reshape(-1, 7)
    return find_mistakes(annotations, Found(table, known, 1.0), threshold)


def test_right_wrong_missed_and_taken_for_another() -> None:
    (found,) = judge(
        [(PERSON, A), (CAT, B), (DOG, C)],
        [(PERSON, 0.9, A), (DOG, 0.8, B), (PERSON, 0.7, A), (CAT, 0.2, C)],
    )
    assert sorted(found.pairs, key=str) == sorted(
        [(PERSON, PERSON), (CAT, DOG), (None, PERSON), (DOG, None)], key=str
    )
    assert found.captions == ("cat taken for dog", "no person", "missed dog")
    np.testing.assert_allclose(found.scores, [0.8, 0.7, 0])
    np.testing.assert_allclose(found.boxes[2], [160, 50, 180, 80])
    rows = confusion([found, found], NAMES)
    assert {"labeled": "cat", "found": "dog", "count": 2} in rows
    assert {"labeled": None, "found": "person", "count": 2} in rows
    assert sum(row["count"] for row in rows) == 8


def test_a_label_of_its_own_class_comes_before_one_that_lies_better() -> None:
    moved = (A[0] + 8, *A[1:])
    (found,) = judge([(CAT, A), (DOG, moved)], [(DOG, 0.9, A), (CAT, 0.8, A)])
    assert sorted(found.pairs) == [(CAT, CAT), (DOG, DOG)]
    assert not found.captions


@pytest.mark.parametrize(("category", "wrong"), [(PERSON, 0), (CAT, 1)])
def test_a_crowd_of_its_class_may_be_found_many_times(category: int, wrong: int) -> None:
    inside = (70.0, 10.0, 15.0, 30.0)
    (found,) = judge([(PERSON, (60.0, 0.0, 120.0, 100.0))], [(category, 0.9, inside)] * 2, crowd=True)
    assert len(found.captions) == 2 * wrong
    assert (PERSON, None) not in found.pairs


def test_classes_that_are_not_labeled_or_not_known_do_not_count() -> None:
    (found,) = judge([(PERSON, A), (CAT, B)], [], unknown=frozenset((PERSON,)), known=(PERSON, DOG))
    assert found.pairs == ()


def test_the_worst_first_and_none_without_mistakes() -> None:
    (none,) = judge([(PERSON, A)], [(PERSON, 0.9, A)])
    (one,) = judge([(PERSON, A)], [])
    (two,) = judge([(PERSON, A), (CAT, B)], [])
    assert worst([none, one, two], 5) == [two, one]
    assert worst([none, one, two], 1) == [two]


def test_the_image_shows_where() -> None:
    (found,) = judge([(PERSON, B)], [])
    image = np.full((100, 200, 3), 128, np.uint8)
    painted = found.paint(image)
    changed = (painted != image).any(axis=2)
    assert changed[40, 99:103].any()  # its left side
    assert not changed[40, :80].any()
