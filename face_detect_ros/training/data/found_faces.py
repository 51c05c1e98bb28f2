# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces that nobody labeled, found by a face detector, so that images without labels of faces teach them too."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from face_detect_ros import __version__
from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import OutputError, SourceError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import model_file
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.images.reading import read_image
from face_detect_ros.training.data.dataset import DataSet, Sample

FACE = "face"
_SURE, _POSSIBLE = 0.8, 0.3  # scores
_SAME = 0.3  # IoU from which a face found is one that is labeled
_OPTIONS = DetectOptions(score_threshold=_POSSIBLE, max_detections=300)
Found = tuple[Detections, tuple[int, int]]
"""The faces in an image, and its width and height."""


def find_faces(
    datasets: Iterable[DataSet], file: Path, model: str, make_detector: Callable[[], Detector]
) -> dict[Path, Found]:
    """Find faces in the images that may show more of them than are labeled.

    They are kept in `file`, and read from there as long as the images, the model and this package stay the same.

    Args:
        datasets: Labeled images.
        file: Where to keep them, `*.npz`.
        model: Name of the detector, as users write it.
        make_detector: Makes it; called only if something has to be found.

    Returns:
        The faces by image.

    Raises:
        SourceError: An image cannot be read.
        DetectorError: The detector failed.
        OutputError: The file cannot be written.
    """
    paths = list(
        dict.fromkeys(
            sample.path
            for dataset in datasets
            for sample in dataset.samples
            if _face_id(dataset) in sample.unknown
        )
    )
    if not paths:
        return {}
    key = _key(paths, model)
    found = _kept(file, key)
    if found is None:
        found = _find(paths, make_detector())
        _keep(file, key, found)
    return dict(zip(paths, found, strict=True))


def with_found_faces(dataset: DataSet, found: Mapping[Path, Found]) -> DataSet:
    """Add faces that were found to the labels of a data set.

    Sure ones become labels; where the detector is not sure, nothing is taught, as in a crowd; everything else there
    is no face.

    Args:
        dataset: Labeled images. Without the class "face" it stays as it is.
        found: As `find_faces` gives them.
    """
    number = _face_id(dataset)
    samples = tuple(
        _with_faces(sample, *found[sample.path], number) if number in sample.unknown else sample
        for sample in dataset.samples
    )
    return replace(dataset, samples=samples)


def _face_id(dataset: DataSet) -> int | None:
    return dataset.classes.index(FACE) if FACE in dataset.classes else None


def _find(paths: Sequence[Path], detector: Detector) -> list[Found]:
    with contextlib.closing(detector):
        found = []
        for path in paths:
            image = read_image(path)
            found.append((detector.detect([image], _OPTIONS)[0], (image.shape[1], image.shape[0])))
        return found


def _key(paths: Sequence[Path], model: str) -> str:
    """What the faces depend on; files are compared by size and time."""
    content = hashlib.sha256(repr((__version__, model, model_file.stamp(model), _OPTIONS)).encode())
    for path in paths:
        try:
            stat = path.stat()
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error
        content.update(repr((str(path), stat.st_size, stat.st_mtime_ns)).encode())
    return content.hexdigest()


def _keep(file: Path, key: str, found: Sequence[Found]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as temporary:
            np.savez(
                temporary,
                key=np.array(key),
                counts=np.array([len(faces) for faces, _ in found]),
                sizes=np.array([size for _, size in found]),
                boxes=np.concatenate([faces.boxes for faces, _ in found]),
                scores=np.concatenate([faces.scores for faces, _ in found]),
            )
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror or error}; choose another folder") from error


def _kept(file: Path, key: str) -> list[Found] | None:
    """What was kept under that key; None if it cannot be used."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                return None
            ends = np.cumsum(kept["counts"])[:-1]
            boxes, scores = np.split(kept["boxes"], ends), np.split(kept["scores"], ends)
            sizes = [(int(width), int(height)) for width, height in kept["sizes"]]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return [
        (Detections(each, score, np.zeros(len(each))), size)
        for each, score, size in zip(boxes, scores, sizes, strict=True)
    ]


def _with_faces(sample: Sample, found: Detections, size: tuple[int, int], face: int | None) -> Sample:
    width, height = size
    limit = np.array([width, height] * 2, np.float32)
    boxes = np.clip(found.boxes, 0, limit)
    labeled = sample.in_pixels(width, height)[sample.class_ids == face]
    overlap = box_geometry.iou(boxes, labeled).max(axis=1, initial=0)
    new = (overlap < _SAME) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, scores = boxes[new], found.scores[new]
    if sample.size is None:
        boxes = boxes / limit
    return replace(
        sample,
        boxes=np.concatenate([sample.boxes, boxes]).astype(np.float32),
        class_ids=np.concatenate([sample.class_ids, np.full(len(boxes), face, np.int64)]),
        crowd=np.concatenate([sample.crowd, scores < _SURE]),
        unknown=sample.unknown - {face},
    )
