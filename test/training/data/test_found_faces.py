# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces that nobody labeled are labeled by a detector, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.detectors import ScriptedDetector
from skimage.data import astronaut

from face_detect_ros.core.boxes import iou
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.training.data.dataset import DataSet, Sample
from face_detect_ros.training.data.found_faces import Found, find_faces, with_found_faces

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


def centerface() -> Detector:
    return catalogue.create("centerface", task="faces", device="cpu")


class OneFace(ScriptedDetector):
    """Finds a face in each image that is not black."""

    def detect(self, images: list[np.ndarray], options: DetectOptions) -> list[Detections]:
        found = super().detect(images, options)
        return [
            each if image.any() else Detections.empty() for each, image in zip(found, images, strict=True)
        ]


@pytest.fixture(scope="module")
def found(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Found]:
    file = tmp_path_factory.mktemp("kept") / "faces.npz"
    return find_faces([DataSet(CLASSES, (sample(photo, unknown=True),))], file, "centerface", centerface)


@pytest.mark.parametrize("in_shares", [False, True])
def test_a_face_that_nobody_labeled_becomes_a_label(
    photo: Path, found: dict[Path, Found], in_shares: bool
) -> None:
    before = DataSet(CLASSES, (sample(photo, unknown=True, in_shares=in_shares),))
    (after,) = with_found_faces(before, found).samples
    sure = (after.class_ids == 1) & ~after.crowd
    height, width = astronaut().shape[:2]
    assert iou(np.array([FACE], np.float32), after.in_pixels(width, height)[sure]).max() > 0.5
    assert not after.unknown
    assert (after.boxes[0] == before.samples[0].boxes[0]).all()


def test_what_is_labeled_stays(photo: Path, found: dict[Path, Found]) -> None:
    known, partly = sample(photo, unknown=False), sample(photo, unknown=True, face=True)
    after = with_found_faces(DataSet(CLASSES, (known, partly)), found)
    assert after.samples[0] is known
    assert ((after.samples[1].class_ids == 1) & ~after.samples[1].crowd).sum() == 1
    others = DataSet(("person",), (sample(photo, unknown=False),))
    assert with_found_faces(others, {}).samples == others.samples


def test_faces_are_found_once_for_the_same_images_and_model(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, image in zip(paths, (astronaut(), np.zeros((40, 50, 3), np.uint8), astronaut()), strict=True):
        cv2.imwrite(str(path), image[..., ::-1])
    known, *unknown = (sample(path, unknown=path != paths[2]) for path in reversed(paths))
    dataset, file = DataSet(CLASSES, (known, *unknown)), tmp_path / "out" / "faces.npz"
    made = []

    def find(model: str = "centerface") -> dict[Path, Found]:
        def make() -> Detector:
            made.append(model)
            return OneFace()

        return find_faces([dataset, dataset], file, model, make)

    first, second = find(), find()
    assert made == ["centerface"]
    assert list(first) == list(second) == [paths[1], paths[0]]
    for path, (faces, size) in first.items():
        assert size == ((50, 40) if path == paths[1] else astronaut().shape[1::-1])
        assert len(faces) == len(second[path][0]) == (path == paths[0])
        assert np.array_equal(faces.boxes, second[path][0].boxes)
        assert np.array_equal(faces.scores, second[path][0].scores)
        assert size == second[path][1]
    cv2.imwrite(str(paths[1]), astronaut()[..., ::-1])  # another image of that name
    assert len(find()[paths[1]][0]) == 1
    find("another")
    file.write_bytes(file.read_bytes()[:-100])
    find("another")
    weights = tmp_path / "faces.onnx"
    for content in (b"one", b"another", b"another"):  # the second one twice
        if not weights.exists() or weights.read_bytes() != content:
            weights.write_bytes(content)
        find(f"yunet:{weights}")
    assert made == ["centerface", "centerface", "another", "another", *[f"yunet:{weights}"] * 2]
    assert find_faces([DataSet(CLASSES, (known,))], file, "none", OneFace) == {}
