"""The pictures that a training is judged by, which it never learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from face_detect_ros.evaluation.coco_annotations import (
    CocoAnnotations,
    CocoBox,
    CocoPicture,
    read_annotations,
)
from face_detect_ros.sources.pictures import read_picture

from .dataset import DataSet, read_dataset


def read_held_back(labels: Path, images: Path | None) -> CocoAnnotations:
    """From COCO JSON and its folder, or the split "val" of the YAML of YOLO's folders. Raises ConfigError."""
    if images is not None:
        return read_annotations(labels, images)
    return as_annotations(labels, read_dataset(labels, split="val"))


def as_annotations(file: Path, dataset: DataSet) -> CocoAnnotations:
    """A data set's labels as an evaluation wants them. Raises SourceError for a picture that cannot be read."""
    pictures, boxes = [], []
    for number, sample in enumerate(dataset.samples):
        height, width = read_picture(sample.path).shape[:2]
        pictures.append(CocoPicture(sample.path, width, height))
        scale = np.array([width, height] * 2) if sample.relative else np.ones(4)
        for box, class_id, crowd in zip(sample.boxes * scale, sample.class_ids, sample.crowd, strict=True):
            left, top, right, bottom = (float(value) for value in box)
            xywh = (left, top, right - left, bottom - top)
            boxes.append(CocoBox(number, int(class_id), xywh, xywh[2] * xywh[3], bool(crowd)))
    return CocoAnnotations(file, tuple(pictures), dataset.classes, tuple(boxes))
