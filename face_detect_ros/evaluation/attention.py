# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How well heat maps explain detections: pointing game, energy inside the box, deletion; beside two trivial maps.

Measured on detections that found a label. The pointing game (Zhang et al., 2018) asks whether the greatest value lies
inside the label, energy inside (Wang et al., 2020) which part of the map does. Both reward a map that merely repeats
the box; deletion (Petsiuk et al., 2018) does not: the pixels with the greatest values are painted over first, and the
lower the score of the detection stays meanwhile, the more did these pixels count for the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import AttentionSource, DetectOptions, Detector
from face_detect_ros.evaluation.class_names import matching
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.evaluation.matching import match
from face_detect_ros.images.reading import read_image

MEASURES = ("pointing_game", "energy_inside", "deletion")
BASELINES = ("box_center", "random")
REMOVED = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0)
"""Shares of an image that are painted over; scores between them are interpolated."""

_SAME_THING = 0.5  # overlap from which a detection has found a label, or is still the same one
_LOWEST_SCORE = 0.01  # below it nothing is left of a detection
_RANDOM_CELL_PX = (
    32  # as coarse as the networks' deepest maps: single random pixels would be noise to the network
)


class ExplainedDetector(Detector, AttentionSource, Protocol):
    """A detector with heat maps."""


@dataclass(frozen=True, eq=False)
class _Subject:
    """A detection that found a label.

    Attributes:
        box: (4,) float32 xyxy, pixels of the image.
        class_id: Of the detector.
        category: Of the annotations.
        label: (4,) xyxy of the label it found.
    """

    box: np.ndarray
    class_id: int
    category: int
    label: np.ndarray


def evaluate_attention(
    detector: ExplainedDetector,
    annotations: CocoAnnotations,
    options: DetectOptions,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measures the heat maps of everything that `detector` finds rightly.

    Args:
        detector: With heat maps.
        annotations: Images with boxes.
        options: What counts as found.
        advance: Called after each image.

    Returns:
        Ready for JSON. pointing_game, energy_inside, deletion: {class: mean from 0 to 1}, classes named as in the
        annotations. Deletion is the area under the detection's score, as a share of its score in the whole image, over
        the share of the image that is painted over; less is better. baselines: {"box_center": the same three of a bump
        in the middle of the detected box, "random": of a random map}. detections: {class: how many were measured}.
        images: how many.

    Raises:
        ConfigError: No class is in both, or nothing was found.
        SourceError: An image cannot be read.
        DetectorError: The detector failed.
    """
    category_of = matching(annotations.categories, detector.labels)
    if not category_of:
        raise ConfigError(f"{annotations.file}: none of its classes is one of the model's")
    maps = ("", *BASELINES)
    figures: dict[str, dict[str, list[tuple[float, float, float]]]] = {name: {} for name in maps}
    for index, place in enumerate(annotations.images):
        image = read_image(place.path)
        labels = [box for box in annotations.boxes if box.image == index and not box.crowd]
        for subject in _subjects(detector, image, labels, category_of, options):
            name = annotations.categories[subject.category]
            heats = {
                "": detector.attention(image, subject.box, subject.class_id),
                "box_center": _bump(image.shape[:2], subject.box),
                "random": _random(image.shape[:2], np.random.default_rng(index)),
            }
            for kind, heat in heats.items():
                measured = (
                    float(points_inside(heat, subject.label)),
                    energy_inside(heat, subject.label),
                    _deletion(detector, image, subject, heat, options),
                )
                figures[kind].setdefault(name, []).append(measured)
        advance()
    if not figures[""]:
        raise ConfigError(f"{annotations.file}: the model found none of its boxes; is it the right folder?")
    return {
        **_means(figures[""]),
        "baselines": {kind: _means(figures[kind]) for kind in BASELINES},
        "detections": {name: len(rows) for name, rows in figures[""].items()},
        "images": len(annotations.images),
    }


def points_inside(heat: np.ndarray, box: np.ndarray) -> bool:
    """Whether the pixel with the greatest value lies inside the box or on its border.

    Args:
        heat: (H, W).
        box: (4,) xyxy in its pixels.
    """
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    (left, top), (right, bottom) = np.floor(box[:2]), np.ceil(box[2:])
    return bool(left <= column < right and top <= row < bottom)


def energy_inside(heat: np.ndarray, box: np.ndarray) -> float:
    """The part of the sum of a map that lies inside a box; pixels on its border count by the part inside.

    Args:
        heat: (H, W), none below 0.
        box: (4,) xyxy in its pixels.
    """
    height, width = heat.shape
    across, down = _covered(box[0], box[2], width), _covered(box[1], box[3], height)
    total = float(heat.sum(dtype=np.float64))
    return float(down @ heat.astype(np.float64) @ across) / total if total > 0 else 0.0


def area_under(scores: list[float]) -> float:
    """The area under scores at the shares `REMOVED`, as shares of the first; 0 where that is 0."""
    if scores[0] <= 0:
        return 0.0
    shares = np.minimum(np.array(scores) / scores[0], 1.0)
    widths = np.diff(REMOVED)
    return float(((shares[1:] + shares[:-1]) / 2 * widths).sum())


def _subjects(
    detector: Detector,
    image: np.ndarray,
    labels: list[Any],
    category_of: dict[int, int],
    options: DetectOptions,
) -> Iterator[_Subject]:
    (found,) = detector.detect([image], options)
    for category in sorted(set(category_of.values())):
        boxes = np.array([box.xywh for box in labels if box.category == category], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        own = np.flatnonzero([category_of.get(int(each), -1) == category for each in found.class_ids])
        matches = match(
            found.boxes[own],
            found.scores[own],
            boxes,
            crowd=np.zeros(len(boxes), bool),
            min_label_px=0,
            iou_threshold=_SAME_THING,
        )
        for label, by in zip(boxes, matches.found_by, strict=True):
            if by >= 0:
                index = own[by]
                yield _Subject(found.boxes[index], int(found.class_ids[index]), category, label)


def _deletion(
    detector: Detector, image: np.ndarray, subject: _Subject, heat: np.ndarray, options: DetectOptions
) -> float:
    """See `evaluate_attention`."""
    order = np.argsort(-heat, axis=None, kind="stable")
    paint = image.reshape(-1, 3).mean(axis=0)
    images = []
    for share in REMOVED:
        pixels = image.reshape(-1, 3).copy()
        pixels[order[: round(share * len(order))]] = paint
        images.append(pixels.reshape(image.shape))
    asked = replace(options, score_threshold=_LOWEST_SCORE, class_ids=(subject.class_id,))
    scores = []
    for found in detector.detect(images, asked):
        same = box_geometry.iou(subject.box[None], found.boxes)[0] >= _SAME_THING
        scores.append(float(found.scores[same].max(initial=0)))
    return area_under(scores)


def _bump(size: tuple[int, int], box: np.ndarray) -> np.ndarray:
    """(H, W) float32: a normal distribution around the middle of the box, its deviation a quarter of each side."""
    height, width = size
    left, top, right, bottom = (float(value) for value in box)
    across = (np.arange(width) + 0.5 - (left + right) / 2) / max((right - left) / 4, 0.5)
    down = (np.arange(height) + 0.5 - (top + bottom) / 2) / max((bottom - top) / 4, 0.5)
    bump: np.ndarray = np.exp(-(down[:, None] ** 2 + across**2) / 2).astype(np.float32)
    return bump


def _random(size: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """(H, W) float32 in [0, 1]."""
    height, width = size
    cells = generator.random((height // _RANDOM_CELL_PX + 2, width // _RANDOM_CELL_PX + 2), np.float32)
    noise: np.ndarray = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    return noise


def _covered(start: float, end: float, count: int) -> np.ndarray:
    """(count,) which part of each pixel lies between `start` and `end`."""
    edges = np.arange(count + 1, dtype=np.float64)
    clipped = np.clip(edges, start, end)
    return np.diff(clipped)


def _means(by_class: dict[str, list[tuple[float, float, float]]]) -> dict[str, dict[str, float]]:
    return {
        measure: {
            name: round(float(np.mean([row[at] for row in rows])), 4) for name, rows in by_class.items()
        }
        for at, measure in enumerate(MEASURES)
    }
