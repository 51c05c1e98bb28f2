# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The mistakes of a detector: classes taken for others, and the images with most of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.evaluation.coco import Found, boxes_that_count
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations, CocoBox
from face_detect_ros.evaluation.matching import part_inside
from face_detect_ros.images.reading import read_image
from face_detect_ros.images.resizing import to_longest
from face_detect_ros.viz.draw import draw_detections

IOU = 0.5
MOST_EXAMPLES, EXAMPLE_PX = 12, 480
_MISSED, _FALSE, _TAKEN = (255, 140, 30), (255, 90, 200), (255, 225, 70)
Pair = tuple[int | None, int | None]


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The mistakes in one image. Categories are indices.

    Attributes:
        image: Index of the image.
        pairs: (labeled, found) category of every label and detection that counts; None where there is no partner.
        boxes: (N, 4) xyxy, pixels, of the pairs that differ.
        scores: (N,); 0 for a missed label.
        names: (labeled, found) of these N pairs, in words; None where there is no partner.
    """

    image: int
    pairs: tuple[Pair, ...]
    boxes: np.ndarray
    scores: np.ndarray
    names: tuple[tuple[str | None, str | None], ...]

    @property
    def captions(self) -> tuple[str, ...]:
        """What each mistake is."""
        return tuple(
            f"no {found}"
            if labeled is None
            else f"missed {labeled}"
            if found is None
            else f"{labeled} taken for {found}"
            for labeled, found in self.names
        )

    def paint(self, image: np.ndarray) -> np.ndarray:
        """Draw the mistakes on the image, (H, W, 3) uint8 RGB."""
        numbers = np.arange(len(self.boxes))
        return draw_detections(image, Detections(self.boxes, self.scores, numbers), self.captions)


def examples(
    mistakes: Sequence[Mistakes], paths: Sequence[Path], count: int = MOST_EXAMPLES
) -> list[tuple[np.ndarray, str]]:
    """The images with most mistakes, small, with boxes: orange: missed, pink: false, yellow: another class.

    Args:
        mistakes: Of every image.
        paths: The image files; `Mistakes.image` is an index into them.
        count: How many images at most.

    Returns:
        (H, W, 3) uint8 RGB and a caption of each.

    Raises:
        SourceError: An image cannot be read.
    """
    shown = []
    for each in worst(mistakes, count):
        image = read_image(paths[each.image])
        scale = EXAMPLE_PX / max(image.shape[:2])
        image = to_longest(image, EXAMPLE_PX).copy()
        for box, (labeled, found) in zip((each.boxes * scale).round().astype(int), each.names, strict=True):
            color = _FALSE if labeled is None else _MISSED if found is None else _TAKEN
            for line_px, drawn in ((4, (0, 0, 0)), (2, color)):
                cv2.rectangle(image, tuple(box[:2].tolist()), tuple(box[2:].tolist()), drawn, line_px)
        counts = Counter(each.captions).most_common()
        text = ", ".join(f"{number} x {what}" if number > 1 else what for what, number in counts)
        shown.append((image, f"{paths[each.image].name}: {text}"))
    return shown


def find_mistakes(annotations: CocoAnnotations, found: Found, score_threshold: float) -> list[Mistakes]:
    """Find the mistakes in every image.

    Detections take labels in the order of their scores: the free label that they overlap by half, one of their own
    class first. What lies in a crowd of its class, or in an image that is not labeled for its class, does not
    count.

    Args:
        annotations: Images with boxes.
        found: What a detector found in them.
        score_threshold: Lowest score of a detection that counts.
    """
    labels: dict[int, list[CocoBox]] = {}
    for box in boxes_that_count(annotations):
        if box.category in found.categories:
            labels.setdefault(box.image, []).append(box)
    rows = found.rows[found.rows[:, 5] >= score_threshold]
    names = annotations.categories
    return [
        _of_image(number, rows[rows[:, 0] == number], labels.get(number, []), names)
        for number in range(len(annotations.images))
    ]


def confusion(mistakes: Sequence[Mistakes], names: Sequence[str]) -> list[dict[str, Any]]:
    """[{labeled: name or None, found: name or None, count}], the most frequent first; correct ones are included."""
    counts = Counter(pair for each in mistakes for pair in each.pairs)
    return [
        {
            "labeled": None if labeled is None else names[labeled],
            "found": None if found is None else names[found],
            "count": count,
        }
        for (labeled, found), count in counts.most_common()
    ]


def worst(mistakes: Sequence[Mistakes], count: int) -> list[Mistakes]:
    """The `count` images with most mistakes, the worst first; images without mistakes are left out."""
    ordered = sorted(mistakes, key=lambda each: (-len(each.captions), each.image))
    return [each for each in ordered[:count] if each.captions]


def _of_image(number: int, rows: np.ndarray, labels: Sequence[CocoBox], names: Sequence[str]) -> Mistakes:
    """The mistakes in one image; `rows` are its detections, see `Found`."""
    rows = rows[np.argsort(-rows[:, 5], kind="stable")]
    singles = [label for label in labels if not label.crowd]
    crowds = [label for label in labels if label.crowd]
    boxes, label_boxes = _xyxy(rows[:, 1:5]), _xyxy([each.xywh for each in singles])
    overlap = box_geometry.iou(boxes, label_boxes)
    own_kind = np.array([each.category for each in crowds], int) == rows[:, 6, None]
    inside = part_inside(boxes, _xyxy([each.xywh for each in crowds])) >= IOU
    in_crowd: np.ndarray = (own_kind & inside).any(axis=1)
    categories = np.array([each.category for each in singles], int)
    free = np.ones(len(singles), bool)
    pairs: list[Pair] = []
    wrong: list[tuple[np.ndarray, float, tuple[str | None, str | None]]] = []
    for row, box, near, crowded in zip(rows, boxes, overlap, in_crowd, strict=True):
        category = int(row[6])
        candidates = np.flatnonzero(free & (near >= IOU))
        if len(candidates):
            same = candidates[categories[candidates] == category]
            among = same if len(same) else candidates
            label = int(among[near[among].argmax()])
            free[label] = False
            pairs.append((int(categories[label]), category))
            if not len(same):
                wrong.append((box, float(row[5]), (names[categories[label]], names[category])))
        elif not crowded:
            pairs.append((None, category))
            wrong.append((box, float(row[5]), (None, names[category])))
    for index in np.flatnonzero(free).tolist():
        pairs.append((int(categories[index]), None))
        wrong.append((label_boxes[index], 0.0, (names[categories[index]], None)))
    shown = np.array([box for box, *_ in wrong]).reshape(-1, 4)
    scores = np.array([score for _, score, _ in wrong])
    return Mistakes(number, tuple(pairs), shown, scores, tuple(pair for *_, pair in wrong))


def _xyxy(xywh: object) -> np.ndarray:
    """(N, 4) of left, top, width, height."""
    boxes = np.asarray(xywh, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
