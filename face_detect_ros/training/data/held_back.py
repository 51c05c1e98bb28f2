# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images that a training is judged by, which it never learns from."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from face_detect_ros.evaluation.coco_annotations import (
    CocoAnnotations,
    CocoBox,
    CocoImage,
    read_annotations,
)
from face_detect_ros.images.reading import read_image
from face_detect_ros.training.data.dataset import DataSet, is_yaml, read_dataset


def read_held_back(labels: Path, images: Path | None) -> CocoAnnotations:
    """Read the images that a training is evaluated on.

    Args:
        labels: COCO JSON, or the YAML of YOLO's folders, whose split "val" is read.
        images: Folder of the images, for COCO JSON.

    Raises:
        ConfigError: The files cannot be used.
        SourceError: An image whose size must be known cannot be read.
    """
    if images is None or is_yaml(labels):
        return as_annotations(labels, read_dataset(labels, images, split="val"))
    return read_annotations(labels, images)


def as_annotations(file: Path, dataset: DataSet) -> CocoAnnotations:
    """A data set's labels as an evaluation needs them.

    Args:
        file: Where the labels come from.
        dataset: The images.

    Raises:
        SourceError: An image cannot be read.
        ConfigError: An image has another size than its labels say.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = pool.map(lambda sample: read_image(sample.path).shape[:2], dataset.samples)
    images, boxes = [], []
    for number, (sample, (height, width)) in enumerate(zip(dataset.samples, sizes, strict=True)):
        images.append(CocoImage(sample.path, width, height, sample.unknown))
        in_pixels = sample.in_pixels(width, height)
        for box, class_id, crowd in zip(in_pixels, sample.class_ids, sample.crowd, strict=True):
            left, top, right, bottom = (float(value) for value in box)
            xywh = (left, top, right - left, bottom - top)
            boxes.append(CocoBox(number, int(class_id), xywh, xywh[2] * xywh[3], bool(crowd)))
    return CocoAnnotations(file, tuple(images), dataset.classes, tuple(boxes))
