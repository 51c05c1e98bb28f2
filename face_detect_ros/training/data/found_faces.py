# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces that nobody labeled, found by a face detector, so that images without labels of faces teach them too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.images.reading import read_image
from face_detect_ros.training.data.dataset import DataSet, Sample

_SURE, _POSSIBLE = 0.8, 0.3  # scores
_SAME = 0.3  # IoU from which a face found is one that is labeled
Found = tuple[Detections, tuple[int, int]]
"""What an image shows, and its width and height."""
_OPTIONS = DetectOptions(score_threshold=_POSSIBLE, max_detections=300)


def with_found_faces(datasets: Sequence[DataSet], detector: Detector, face: str = "face") -> list[DataSet]:
    """The data sets with the faces that `detector` finds in images that may show more faces than are labeled.

    What it is sure of becomes a label; where it is not sure, nothing is taught, as in a crowd; everything else there is
    no face.

    Args:
        datasets: Labeled images. One that is in several of them is looked at once.
        detector: Of faces.
        face: The class that they get. A data set without it stays as it is.

    Raises:
        SourceError: An image cannot be read.
        DetectorError: The detector failed.
    """
    looked_at: dict[Path, Found] = {}

    def look(path: Path) -> Found:
        if path not in looked_at:
            image = read_image(path)
            looked_at[path] = detector.detect([image], _OPTIONS)[0], (image.shape[1], image.shape[0])
        return looked_at[path]

    results = []
    for dataset in datasets:
        number = dataset.classes.index(face) if face in dataset.classes else None
        samples = tuple(
            sample if number not in sample.unknown else _with_faces(sample, *look(sample.path), number)
            for sample in dataset.samples
        )
        results.append(replace(dataset, samples=samples))
    return results


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
