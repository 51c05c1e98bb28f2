# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections: validated, converted, selected."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections


def detections(count: int) -> Detections:
    """`count` detections with everything, each recognisable by its numbers."""
    number = np.arange(count)
    return Detections(
        boxes=np.stack([number, number, number + 5, number + 9], axis=1),
        scores=number / 10,
        class_ids=number % 3,
        track_ids=number + 100,
        landmarks=np.ones((count, 5, 2)) * number[:, None, None],
        embeddings=np.ones((count, 128)) * number[:, None],
    )


@pytest.mark.parametrize("count", [0, 1, 4])
def test_everything_is_converted_to_the_promised_types(count: int) -> None:
    found = detections(count)
    assert len(found) == count
    expected = {
        "boxes": ((count, 4), np.float32),
        "scores": ((count,), np.float32),
        "class_ids": ((count,), np.int32),
        "track_ids": ((count,), np.int64),
        "landmarks": ((count, 5, 2), np.float32),
        "embeddings": ((count, 128), np.float32),
    }
    assert {f.name for f in fields(found)} == {*expected, "landmark_set", "keypoints", "masks"}
    for name, (shape, dtype) in expected.items():
        value = getattr(found, name)
        assert (value.shape, value.dtype) == (shape, dtype), name


def test_empty_has_nothing_and_no_options() -> None:
    empty = Detections.empty()
    assert len(empty) == 0
    assert empty.boxes.shape == (0, 4)
    assert empty.track_ids is empty.landmarks is empty.embeddings is None


def test_empty_lists_are_taken() -> None:
    found = Detections([], [], [], landmarks=[], embeddings=[])
    assert found.landmarks is not None
    assert found.landmarks.shape == (0, 5, 2)
    assert found.embeddings is not None
    assert found.embeddings.shape == (0, 128)


GOOD = {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "class_ids": [0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": [[0, 0, 1]]}, "boxes have shape"),
        ({"boxes": [[0, 0, np.nan, 1]]}, "finite"),
        ({"boxes": [[0, 0, np.inf, 1]]}, "finite"),
        ({"scores": [0.5, 0.6]}, "scores has shape"),
        ({"scores": []}, "scores has shape"),
        ({"scores": [1.01]}, "scores lie in"),
        ({"scores": [-0.01]}, "scores lie in"),
        ({"scores": [np.nan]}, "not finite"),
        ({"class_ids": [0, 1]}, "class_ids has shape"),
        ({"track_ids": [[1]]}, "track_ids has shape"),
        ({"landmarks": np.zeros((1, 68, 2))}, "landmarks has shape"),
        ({"landmarks": np.full((1, 5, 2), np.nan)}, "landmarks holds"),
        ({"embeddings": np.zeros((1, 64))}, "embeddings has shape"),
    ],
    ids=[
        "three coordinates",
        "nan box",
        "infinite box",
        "too many scores",
        "no score",
        "score above 1",
        "score below 0",
        "nan score",
        "too many classes",
        "2-D tracks",
        "68 landmarks",
        "nan landmark",
        "64-d embedding",
    ],
)
def test_bad_values_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detections(**{**GOOD, **change})


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_at_the_limits_are_fine(score: float) -> None:
    assert len(Detections(**{**GOOD, "scores": [score]})) == 1


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (np.array([3, 0]), [3, 0]),
        ([2], [2]),
        ((3, 3), [3, 3]),
        ([], []),
        (np.array([], np.int64), []),
        (np.array([True, False, False, True]), [0, 3]),
        ([False, True, False, False], [1]),
        (np.zeros(4, bool), []),
    ],
    ids=["slice", "array", "list", "repeated", "empty list", "empty array", "mask", "mask as list", "none"],
)
def test_select_takes_all_columns_along(index: object, expected: list[int]) -> None:
    chosen = detections(4).select(index)
    assert chosen.boxes[:, 0].tolist() == expected
    assert chosen.scores.tolist() == pytest.approx([i / 10 for i in expected])
    assert chosen.class_ids.tolist() == [i % 3 for i in expected]
    assert chosen.track_ids.tolist() == [i + 100 for i in expected]
    assert chosen.landmarks[:, 4, 1].tolist() == expected
    assert chosen.embeddings[:, 127].tolist() == expected


def test_select_from_nothing() -> None:
    assert len(Detections.empty().select(slice(None))) == 0
    assert len(Detections.empty().select(np.zeros(0, bool))) == 0


def test_select_leaves_absent_columns_absent() -> None:
    chosen = Detections(**GOOD).select([0])
    assert chosen.track_ids is chosen.landmarks is chosen.embeddings is None


def test_a_mask_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(IndexError):
        detections(4).select(np.zeros(3, bool))
