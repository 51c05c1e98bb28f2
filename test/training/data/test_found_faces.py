# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces that nobody labeled are labeled by a detector, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from face_detect_ros.core.boxes import iou
from face_detect_ros.detectors import catalogue
from face_detect_ros.training.data.dataset import DataSet, Sample
from face_detect_ros.training.data.found_faces import with_found_faces

CLASSES = ("person", "face")
FACE = (178.0, 66.0, 268.0, 176.0)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faces") / "a.png"
    cv2.imwrite(str(path), astronaut()[..., ::-1])
    return path


def sample(path: Path, *, unknown: bool, in_shares: bool = False, face: bool = False) -> Sample:
    height, width = astronaut().shape[:2]
    boxes = np.array([(10, 10, 500, 500), *([FACE] if face else [])], np.float32)
    if in_shares:
        boxes /= np.array([width, height] * 2, np.float32)
    ids = np.array([0, *([1] if face else [])], np.int64)
    size = None if in_shares else (float(width), float(height))
    return Sample(path, boxes, ids, np.zeros(len(ids), bool), frozenset({1} if unknown else ()), size)


@pytest.mark.parametrize("in_shares", [False, True])
def test_a_face_that_nobody_labeled_becomes_a_label(photo: Path, in_shares: bool) -> None:
    before = DataSet(CLASSES, (sample(photo, unknown=True, in_shares=in_shares),))
    faces = catalogue.create("robot", task="faces", device="cpu")
    (after,) = with_found_faces([before], faces)
    faces.close()
    (found,) = after.samples
    sure = (found.class_ids == 1) & ~found.crowd
    height, width = astronaut().shape[:2]
    assert iou(np.array([FACE], np.float32), found.in_pixels(width, height)[sure]).max() > 0.5
    assert not found.unknown
    assert (found.boxes[0] == before.samples[0].boxes[0]).all()


def test_what_is_labeled_stays(photo: Path) -> None:
    faces = catalogue.create("robot", task="faces", device="cpu")
    known, partly = sample(photo, unknown=False), sample(photo, unknown=True, face=True)
    others = DataSet(("person",), (sample(photo, unknown=False),))
    first, second = with_found_faces([DataSet(CLASSES, (known, partly)), others], faces)
    faces.close()
    assert first.samples[0] is known
    assert ((first.samples[1].class_ids == 1) & ~first.samples[1].crowd).sum() == 1
    assert second.samples == others.samples
