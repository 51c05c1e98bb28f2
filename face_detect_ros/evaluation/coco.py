# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Average precision of an object detector on images with COCO annotations, by pycocotools.

The measure is COCO's: precision averaged over 101 recalls, over classes and over the overlaps 0.50 to 0.95; a crowd
(iscrowd) may be found or not. Classes are matched by name. A class that the model does not know is left out of the mean
and listed; what else the model knows is ignored. An image that is not labeled for a class, or may lack some of its
boxes, does not count for that class, neither its labels nor what is found there (as in LVIS).
"""

from __future__ import annotations

import contextlib
import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.evaluation.class_names import matching
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations, CocoBox, CocoImage
from face_detect_ros.images.reading import read_image

_AP50, _AP75 = 0, 5  # places of these overlaps among pycocotools' ten
_SIZES = ("all", "small", "medium", "large")  # as pycocotools orders them


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector found in a set of annotated images.

    Attributes:
        rows: (D, 7) float64: image index, left, top, width, height in pixels, score, category index.
        categories: Indices of the categories that the detector knows.
        spent_s: Seconds that the detector took.
    """

    rows: np.ndarray
    categories: tuple[int, ...]
    spent_s: float


def evaluate_coco(
    detector: Detector,
    annotations: CocoAnnotations,
    options: DetectOptions,
    *,
    batch: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Run `detector` over the images and return the `figures`. See `detect_all` for arguments and errors."""
    found = detect_all(detector, annotations, options, batch=batch, advance=advance)
    return figures(annotations, found, options.max_detections)


def detect_all(
    detector: Detector,
    annotations: CocoAnnotations,
    options: DetectOptions,
    *,
    batch: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Found:
    """Run a detector over annotated images.

    Args:
        detector: Any object detector.
        annotations: Images with boxes.
        options: The score threshold should be near 0: what is not proposed cannot add to precision at high recall.
        batch: Images per call.
        advance: Called after each image.

    Returns:
        Every detection.

    Raises:
        ConfigError: The detector and the annotations have no class in common, or an image has another size than its
            annotations say.
        SourceError: An image cannot be read.
        DetectorError: The detector failed.
    """
    names = annotations.categories
    of_label = matching(names, detector.labels)
    known = tuple(sorted(set(of_label.values())))
    if not known:
        raise ConfigError(
            f"{annotations.file}: none of its classes is one of the model's; its own: {_some(names)}; the model's: "
            f"{_some(detector.labels)}"
        )
    category_of = np.array([of_label.get(label, -1) for label in range(len(detector.labels))])
    rows, spent_s = _detect(detector, annotations.images, options, category_of, batch, advance)
    counts = [int(row[6]) not in annotations.images[int(row[0])].unknown for row in rows]
    return Found(rows[np.array(counts, bool)], known, spent_s)


def figures(annotations: CocoAnnotations, found: Found, max_detections: int) -> dict[str, Any]:
    """Compute COCO's figures, ready for JSON; null where there is nothing to find.

    Args:
        annotations: Images with boxes.
        found: What a detector found in them.
        max_detections: Most detections per image that count.

    Returns:
        `AP`, `AP50` and `AP75`; `AP_small`, `AP_medium`, `AP_large` and the same of AP50, by area below 32^2, below
        96^2 and above, in square pixels; `per_class`, AP, AP50 and boxes by the names of the annotations; `curve`, the
        mean recall and precision over the classes at an overlap of 0.5; `left_out`, classes unknown to the model;
        `images` and `boxes` that count; `images_per_s`, images over the detector's time.

    Raises:
        ConfigError: pycocotools is not installed.
    """
    names, known = annotations.categories, found.categories
    precision = _precision(annotations, found, max_detections)
    boxes = Counter(box.category for box in boxes_that_count(annotations) if not box.crowd)
    count, spent_s = len(annotations.images), found.spent_s
    return {
        "AP": _mean(precision[:, :, :, 0]),
        "AP50": _mean(precision[_AP50, :, :, 0]),
        "AP75": _mean(precision[_AP75, :, :, 0]),
        **{f"AP_{size}": _mean(precision[:, :, :, index]) for index, size in enumerate(_SIZES) if index},
        **{
            f"AP50_{size}": _mean(precision[_AP50, :, :, index]) for index, size in enumerate(_SIZES) if index
        },
        "per_class": {
            names[category]: {
                "AP": _mean(precision[:, :, index, 0]),
                "AP50": _mean(precision[_AP50, :, index, 0]),
                "boxes": boxes[category],
            }
            for index, category in enumerate(known)
        },
        "curve": _curve(precision[_AP50, :, :, 0]),
        "left_out": [name for category, name in enumerate(names) if category not in known],
        "images": count,
        "boxes": sum(boxes[category] for category in known),
        "images_per_s": round(count / spent_s, 2) if spent_s else None,
    }


def _detect(
    detector: Detector,
    labeled: Sequence[CocoImage],
    options: DetectOptions,
    category_of: np.ndarray,
    batch: int,
    advance: Callable[[], None],
) -> tuple[np.ndarray, float]:
    """Run the detector. Returns rows as in `Found`, and the seconds that the detector took."""
    rows = [np.empty((0, 7))]
    spent_s = 0.0
    for start in range(0, len(labeled), batch):
        group = labeled[start : start + batch]
        images = [_read(each) for each in group]
        started_s = time.perf_counter()
        found = detector.detect(images, options)
        spent_s += time.perf_counter() - started_s
        for index, each in enumerate(found, start):
            categories = category_of[each.class_ids]
            ours = categories >= 0
            boxes = each.boxes[ours].astype(np.float64)
            boxes[:, 2:] -= boxes[:, :2]
            images_of = np.full(len(boxes), index)
            rows.append(np.column_stack([images_of, boxes, each.scores[ours], categories[ours]]))
            advance()
    return np.concatenate(rows), spent_s


def _read(labeled: CocoImage) -> np.ndarray:
    image = read_image(labeled.path)
    height, width = image.shape[:2]
    if labeled.width and labeled.height and (labeled.width, labeled.height) != (width, height):
        raise ConfigError(
            f"{labeled.path}: is {width}x{height} pixels, but its annotations are for {labeled.width}x{labeled.height}"
        )
    return image


def _precision(annotations: CocoAnnotations, found: Found, max_detections: int) -> np.ndarray:
    """(10 overlaps, 101 recalls, classes, 4 of _SIZES) float64, -1 where there is nothing to find."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise ConfigError("evaluate coco needs pycocotools; run: pip install pycocotools") from error
    with contextlib.redirect_stdout(io.StringIO()):  # it talks
        truth = COCO()
        truth.dataset = {
            "images": [{"id": index} for index in range(len(annotations.images))],
            "categories": [
                {"id": category, "name": name} for category, name in enumerate(annotations.categories)
            ],
            "annotations": [
                {
                    "id": id,
                    "image_id": box.image,
                    "category_id": box.category,
                    "bbox": list(box.xywh),
                    "area": box.area,
                    "iscrowd": int(box.crowd),
                }
                # from 1: a box with the id 0 would count as found by nothing
                for id, box in enumerate(boxes_that_count(annotations), 1)
            ],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found.rows) if len(found.rows) else COCO(), "bbox")
        evaluation.params.imgIds = list(range(len(annotations.images)))
        evaluation.params.catIds = list(found.categories)
        evaluation.params.maxDets = [max_detections]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: np.ndarray = evaluation.eval["precision"][..., -1]
    return precision


def boxes_that_count(annotations: CocoAnnotations) -> list[CocoBox]:
    """Boxes without those of a class for which their image may lack labels."""
    return [box for box in annotations.boxes if box.category not in annotations.images[box.image].unknown]


def _curve(precision: np.ndarray) -> list[dict[str, float]]:
    """Points of the mean of curves, (101 recalls, classes); classes without boxes (-1) are left out."""
    counted = precision[:, (precision > -1).all(axis=0)]
    if not counted.size:
        return []
    means = counted.mean(axis=1)
    return [{"recall": index / 100, "precision": round(float(means[index]), 4)} for index in range(0, 101, 2)]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _mean(precision: np.ndarray) -> float | None:
    counted = precision[precision > -1]
    return round(float(counted.mean()), 4) if counted.size else None
