# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Box geometry: named edge cases, properties, and suppression against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from face_detect_ros.core import boxes

COORDINATE = st.integers(-500, 2000)


@st.composite
def box_lists(draw: st.DrawFn, least: int = 0, most: int = 12) -> np.ndarray:
    """(N, 4) float32 xyxy with right >= left and bottom >= top, on whole pixels so that sums are exact."""
    count = draw(st.integers(least, most))
    rows = [
        (x, y, x + draw(st.integers(0, 300)), y + draw(st.integers(0, 300)))
        for x, y in (draw(st.tuples(COORDINATE, COORDINATE)) for _ in range(count))
    ]
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    "given_boxes",
    [[], np.empty((0, 4)), np.empty(0), [[]]],
    ids=["empty list", "no rows", "no elements", "one empty row"],
)
def test_as_boxes_takes_any_empty_input(given_boxes: object) -> None:
    assert boxes.as_boxes(given_boxes).shape == (0, 4)


def test_as_boxes_converts_to_float32() -> None:
    result = boxes.as_boxes([[1, 2, 3, 4]])
    assert result.dtype == np.float32
    assert result.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("shape", [(4,), (2, 5), (1, 2, 2)], ids=str)
def test_as_boxes_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 4\)"):
        boxes.as_boxes(np.zeros(shape))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([0, 0, 10, 20], 200),
        ([5, 5, 5, 9], 0),
        ([9, 0, 3, 10], 0),
        ([9, 9, 3, 3], 0),
        ([-4, -4, -2, -2], 4),
    ],
    ids=["plain", "no width", "right before left", "both inverted", "left of the image"],
)
def test_area(box: list[int], expected: float) -> None:
    assert boxes.area([box]).tolist() == [expected]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1.0),
        ([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3),
        ([0, 0, 10, 10], [10, 0, 20, 10], 0.0),
        ([0, 0, 10, 10], [20, 20, 30, 30], 0.0),
        ([0, 0, 10, 10], [0, 0, 5, 5], 0.25),
        ([3, 3, 3, 3], [3, 3, 3, 3], 0.0),
        ([9, 9, 0, 0], [0, 0, 9, 9], 0.0),
    ],
    ids=["same", "half shifted", "touching", "apart", "inside", "both without area", "inverted"],
)
def test_iou(a: list[int], b: list[int], expected: float) -> None:
    assert boxes.iou([a], [b])[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0), (2, 3)], ids=str)
def test_iou_has_a_row_for_each_a_and_a_column_for_each_b(n: int, m: int) -> None:
    box = [[0, 0, 2, 2]]
    assert boxes.iou(np.array(box * n), np.array(box * m)).shape == (n, m)


@given(box_lists(), box_lists())
def test_iou_is_symmetric_and_between_0_and_1(a: np.ndarray, b: np.ndarray) -> None:
    overlap = boxes.iou(a, b)
    assert ((overlap >= 0) & (overlap <= 1)).all()
    np.testing.assert_array_equal(overlap, boxes.iou(b, a).T)


@given(box_lists(least=1))
def test_iou_with_itself_is_1_where_there_is_area(a: np.ndarray) -> None:
    np.testing.assert_array_equal(np.diagonal(boxes.iou(a, a)), (boxes.area(a) > 0).astype(np.float32))


@given(box_lists(), COORDINATE, COORDINATE)
def test_iou_does_not_change_when_everything_moves(a: np.ndarray, dx: int, dy: int) -> None:
    moved = a + np.array([dx, dy, dx, dy], np.float32)
    np.testing.assert_array_equal(boxes.iou(a, a), boxes.iou(moved, moved))


@given(box_lists(), st.integers(1, 1000), st.integers(1, 1000))
def test_clipped_boxes_lie_in_the_image_and_stay_there(a: np.ndarray, width: int, height: int) -> None:
    cut = boxes.clip(a, width, height)
    assert (cut >= 0).all()
    assert (cut[:, ::2] <= width).all()
    assert (cut[:, 1::2] <= height).all()
    np.testing.assert_array_equal(boxes.clip(cut, width, height), cut)
    inside = ((a >= 0) & (a <= [width, height, width, height])).all(axis=1)
    np.testing.assert_array_equal(cut[inside], a[inside])


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 10, 10], [0, 0, 5, 5], 1.0),
        ([0, 0, 10, 10], [5, 0, 15, 10], 0.5),
        ([0, 0, 10, 10], [8, 0, 10, 40], 0.25),
        ([0, 0, 10, 10], [10, 0, 20, 10], 0.0),
        ([0, 0, 10, 10], [3, 3, 3, 3], 0.0),
    ],
    ids=["inside", "half shifted", "a quarter of the smaller", "touching", "no area"],
)
def test_share_of_smaller(a: list[int], b: list[int], expected: float) -> None:
    assert boxes.share_of_smaller([a], [b])[0, 0] == pytest.approx(expected)
    assert boxes.share_of_smaller([b], [a])[0, 0] == pytest.approx(expected)


PART, WHOLE, ELSEWHERE = [0, 0, 10, 10], [0, 0, 20, 20], [30, 0, 50, 20]


@pytest.mark.parametrize(
    ("a", "class_ids", "expected"),
    [
        ([], [], []),
        ([WHOLE], [0], [0.8]),
        ([WHOLE, PART], [0, 0], [0.8, 0.2]),
        ([PART, WHOLE], [0, 0], [0.8, 0.2]),
        ([WHOLE, PART, PART], [0, 0, 0], [0.8, 0.2, 0.15]),
        ([WHOLE, PART], [0, 1], [0.8, 0.4]),
        ([WHOLE, ELSEWHERE], [0, 0], [0.8, 0.4]),
    ],
    ids=["none", "one", "a part", "around the best", "once for all", "another class", "apart"],
)
def test_weaken_overlapping(a: list[list[int]], class_ids: list[int], expected: list[float]) -> None:
    scores = np.array([0.8, 0.4, 0.3][: len(a)], np.float32)
    weakened = boxes.weaken_overlapping(boxes.as_boxes(a), scores, np.array(class_ids, int), 0.5)
    assert weakened.tolist() == pytest.approx(expected)


@given(box_lists())
def test_center_and_size_round_trip(a: np.ndarray) -> None:
    np.testing.assert_array_equal(boxes.from_center_size(boxes.to_center_size(a)), a)


def test_center_and_size_of_a_box() -> None:
    assert boxes.to_center_size([[10, 20, 30, 60]]).tolist() == [[20, 40, 20, 40]]


def plain_nms(a: np.ndarray, scores: np.ndarray, classes: np.ndarray, threshold: float) -> list[int]:
    """The textbook loop: best first, drop what overlaps a kept box of the same class."""
    kept: list[int] = []
    overlap = boxes.iou(a, a)
    for i in sorted(range(len(a)), key=lambda i: (-scores[i], i)):
        same = [k for k in kept if classes[k] == classes[i]]
        if all(overlap[k, i] <= threshold for k in same):
            kept.append(i)
    return kept


@given(box_lists(), st.data(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_nms_equals_the_plain_loop(a: np.ndarray, data: st.DataObject, threshold: float) -> None:
    # few distinct scores and classes, so that ties and shared classes are common
    scores = np.array([data.draw(st.sampled_from([0.1, 0.5, 0.9])) for _ in a], np.float32)
    classes = np.array([data.draw(st.integers(0, 1)) for _ in a], np.int32)
    kept = boxes.nms(a, scores, classes, threshold)
    assert kept.dtype == np.int64
    assert kept.tolist() == plain_nms(a, scores, classes, threshold)


@pytest.mark.parametrize("classes", [1, 3, 80])
@pytest.mark.parametrize("things", [2, 20, 400], ids=lambda n: f"{n} things")
def test_nms_of_many_boxes_equals_the_plain_loop(things: int, classes: int) -> None:
    random = np.random.default_rng(things)
    which = random.integers(0, things, 400)
    centers = random.uniform(0, 600, (things, 2))[which] + random.normal(0, 4, (400, 2))
    sizes = random.uniform(20, 200, (things, 2))[which]
    many = boxes.from_center_size(np.concatenate([centers, sizes], axis=1))
    scores = random.integers(0, 50, 400).astype(np.float32) / 50  # with ties
    ids = random.integers(0, classes, things)[which]
    expected = plain_nms(many, scores, ids, 0.6)
    assert boxes.nms(many, scores, ids, 0.6).tolist() == expected
    for most in (1, 70, 1000):
        assert boxes.nms(many, scores, ids, 0.6, most).tolist() == expected[:most]


SAME = [[0, 0, 10, 10], [0, 0, 10, 9]]


@pytest.mark.parametrize(
    ("a", "scores", "classes", "expected"),
    [
        ([], [], [], []),
        ([[0, 0, 1, 1]], [0.0], [3], [0]),
        (SAME, [0.5, 0.9], [0, 0], [1]),
        (SAME, [0.5, 0.5], [0, 0], [0]),
        (SAME, [0.5, 0.9], [0, 1], [1, 0]),
        ([[0, 0, 4, 4], [8, 8, 9, 9]], [0.5, 0.9], [0, 0], [1, 0]),
    ],
    ids=["none", "one", "better wins", "tie keeps the earlier", "classes apart", "apart, best first"],
)
def test_nms(a: list, scores: list[float], classes: list[int], expected: list[int]) -> None:
    assert boxes.nms(np.array(a), np.array(scores), np.array(classes), 0.5).tolist() == expected
