# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors of a process that name the same weights."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import numpy as np
import pytest

from face_detect_ros.core.frame import Frame
from face_detect_ros.images.reading import read_image, sample_file
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe

ENGINE = "onnxruntime"
LOOKS = 2  # of the packaged model at an image, see `TwoLooks`


@contextlib.contextmanager
def counted(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often the network behind the pipeline has computed; each call is let through."""
    runs: list[int] = []
    engine = pipeline.detector.network._core.network._full._engine
    run = engine.run

    def count(feeds: object) -> object:
        runs.append(1)
        return run(feeds)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "run", count)
        yield runs


def detections(pipeline: Pipeline, image: np.ndarray) -> np.ndarray:
    result = pipeline.process([(pipeline.open_stream(), Frame(image))], pipeline.default_options)[0]
    assert len(result.detections)
    return result.detections.boxes


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return read_image(sample_file("astronaut"))


def test_persons_and_faces_come_from_one_pass(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Recipe(task="objects", engine=ENGINE).build() as objects,
        Recipe(task="faces", model="robot", engine=ENGINE).build() as faces,
        counted(objects, monkeypatch) as runs,
    ):
        persons = detections(objects, astronaut)
        found = detections(faces, astronaut)
        assert len(runs) == LOOKS
        other = astronaut.copy()  # equal, but who knows whether it stays so
        np.testing.assert_array_equal(detections(objects, other), persons)
        np.testing.assert_array_equal(detections(faces, other), found)
        assert len(runs) == 2 * LOOKS


def test_who_asks_twice_has_it_computed_twice(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Recipe(task="objects", engine=ENGINE).build() as objects,
        Recipe(task="faces", model="robot", engine=ENGINE).build() as faces,
        counted(objects, monkeypatch) as runs,
    ):
        for _ in range(2):
            detections(objects, astronaut)
        assert len(runs) == 2 * LOOKS
        detections(faces, astronaut)
        assert len(runs) == 2 * LOOKS
        detections(faces, astronaut)
        assert len(runs) == 3 * LOOKS


def test_one_of_them_may_be_closed(astronaut: np.ndarray) -> None:
    with Recipe(task="objects", engine=ENGINE).build() as objects:
        with Recipe(task="faces", model="robot", engine=ENGINE).build() as faces:
            before = detections(faces, astronaut)
            assert faces.detector._objects.network._core is objects.detector.network._core
        detections(objects, astronaut)
        with Recipe(task="faces", model="robot", engine=ENGINE).build() as faces:
            np.testing.assert_array_equal(detections(faces, astronaut), before)


def test_other_threads_or_sizes_are_another_network() -> None:
    with (
        Recipe(task="objects", engine=ENGINE).build() as own_size,
        Recipe(task="objects", engine=ENGINE, input_size=320).build() as small,
        Recipe(task="objects", engine=ENGINE, threads=1).build() as one_thread,
    ):
        networks = {id(pipeline.detector.network._core) for pipeline in (own_size, small, one_thread)}
        assert len(networks) == 3


def test_nothing_stays_in_memory_when_all_are_closed() -> None:
    from face_detect_ros.detectors.objects import shared

    with Recipe(task="objects", engine=ENGINE).build():
        assert len(shared._open) >= 1
    gc.collect()
    assert len(shared._open) == 0
