# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Embeddings that behave like dlib's, and galleries of them."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np

from face_detect_ros.faces.gallery.people import GallerySnapshot, Person

MODEL = "test_model"
SINCE = datetime(2026, 1, 1, tzinfo=timezone.utc)


def faces(count: int, seed: int = 0) -> np.ndarray:
    """(count, 128) float32 of as many people: all further than 0.6 apart."""
    directions = np.random.default_rng(seed).normal(size=(count, 128))
    return (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)


def at_distance(face: np.ndarray, distance: float, seed: int = 1) -> np.ndarray:
    """(128,) float32 another look, exactly this far from `face`."""
    step = np.random.default_rng(seed).normal(size=128)
    return (face + distance * step / np.linalg.norm(step)).astype(np.float32)


def snapshot(people: dict[str, np.ndarray], revision: int = 1) -> GallerySnapshot:
    """`people`: (N, 128) looks by name."""
    names = sorted(people)
    persons = tuple(Person(name, len(people[name]), SINCE) for name in names)
    index = np.repeat(np.arange(len(names)), [person.looks for person in persons])
    looks = np.concatenate([people[name] for name in names]) if names else np.empty((0, 128))
    return GallerySnapshot(persons, looks, index, revision)
