# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A screened gallery gives the answers of a full comparison."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from face_detect_ros.faces import matching
from face_detect_ros.faces.gallery.people import GallerySnapshot, Person
from face_detect_ros.faces.matching import MatchOptions, match, separation
from face_detect_ros.faces.screening import Screen


def _looks(kind: str, count: int, length: int = 128) -> np.ndarray:
    random = np.random.default_rng(3)
    looks = random.normal(size=(count, length))
    if kind == "few directions":
        looks *= np.exp(-np.arange(length) / 30)
    elif kind == "in a plane":
        looks[:, 2:] = 0.25
    elif kind == "far from zero":
        looks = looks * 0.01 + 5
    elif kind == "all the same":
        looks[:] = looks[0]
    return (0.1 * looks).astype(np.float32)


@pytest.mark.parametrize(
    "kind", ["every direction", "few directions", "in a plane", "far from zero", "all the same"]
)
@pytest.mark.parametrize("length", [32, 128, 512])
def test_bounds_are_never_greater_than_the_distances(kind: str, length: int) -> None:
    looks = _looks(kind, 300, length)
    faces = [looks[0], looks[1] + np.float32(0.01), 2 * looks[2], -looks[3]]
    screen = Screen(looks)
    for face in faces:
        true = ((looks.astype(np.float64) - face) ** 2).sum(axis=1)
        assert (screen.lower_bounds(face) <= true).all()


def test_bounds_are_close_where_few_directions_tell_looks_apart() -> None:
    looks = _looks("few directions", 2000)
    true = ((looks.astype(np.float64) - looks[0]) ** 2).sum(axis=1)
    assert np.median(Screen(looks).lower_bounds(looks[0])[1:] / true[1:]) > 0.8


@pytest.mark.parametrize("kind", ["every direction", "few directions", "all the same"])
@pytest.mark.parametrize("looks_each", [1, 4])
def test_matches_equal_those_of_a_full_comparison(
    kind: str, looks_each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = 500
    looks = _looks(kind, people * looks_each)
    index = np.repeat(np.arange(people), looks_each)
    looks += _looks(kind, people)[index] * 3  # looks of one person lie together
    persons = tuple(Person(f"{k:03}", looks_each, datetime.now(timezone.utc)) for k in range(people))
    faces = np.concatenate([looks[::97] + np.float32(0.003), _looks("few directions", 5)])

    full = GallerySnapshot(persons, looks, index)
    expected = match(faces, full, MatchOptions()), [separation(k, full) for k in range(20)]
    monkeypatch.setattr(matching, "_SCREENED_FROM", 0)
    screened = GallerySnapshot(persons, looks, index)
    assert (match(faces, screened, MatchOptions()), [separation(k, screened) for k in range(20)]) == expected


def test_one_person_with_many_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_SCREENED_FROM", 0)
    looks = _looks("few directions", 50)
    people = GallerySnapshot((Person("Anna", 50, datetime.now(timezone.utc)),), looks, np.zeros(50))
    (found,) = match(looks[7], people, MatchOptions())
    assert (found.name, found.runner_up_distance) == ("Anna", np.inf)
