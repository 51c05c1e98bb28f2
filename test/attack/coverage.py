# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What share of faces is covered: upright, turned, and cut by the edge of the image.

python test/attack/coverage.py --labels FACES.xml --images FOLDER   # faces with labels: COCO JSON or imglab's XML
python test/attack/coverage.py --lfw FOLDER                         # LFW: one face in the middle of each photo

A face counts as covered if nine tenths of its inner half, in width and height, are. Options: [--count 100] [--seed 0]
[--cover faces|heads|persons] [--model NAME].
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np

from face_detect_ros.core.frame import Frame
from face_detect_ros.evaluation.labels import read_labels
from face_detect_ros.evaluation.verification import wilson
from face_detect_ros.images.reading import read_image
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.pipeline.stages.cover import COVERS
from face_detect_ros.viz.anonymize import AnonymizerOptions

ANGLES = (0, 15, 30, 45, 60, 90, 120, 150, 180)
CUTS = (0.25, 0.5, 0.75)
"""Share of a face's width beyond the left edge, or of its height beyond the upper one."""
INNER, COVERED_SHARE = 0.5, 0.9
LFW_FACE = (0.32, 0.32, 0.68, 0.72)
"""Where the face of an LFW photo is, as shares of its width and height."""
SMALLEST_PX = 12

Case = tuple[str, np.ndarray, np.ndarray]
"""Name, (H, W, 3) uint8 RGB, (N, 4) boxes of faces."""


def faces_of(asked: argparse.Namespace) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images and (N, 4) boxes, of `--count` photos chosen by chance."""
    random = np.random.default_rng(asked.seed)
    if asked.lfw:
        paths = sorted(asked.lfw.rglob("*.jpg"))
        for index in sorted(random.permutation(len(paths))[: asked.count]):
            image = read_image(paths[index])
            size = np.array([image.shape[1], image.shape[0]] * 2)
            yield image, np.array([LFW_FACE]) * size
        return
    labeled = read_labels(asked.labels, asked.images)
    for index in sorted(random.permutation(len(labeled))[: asked.count]):
        boxes = labeled[index].boxes[~labeled[index].crowd]
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        yield read_image(labeled[index].path), boxes[sides >= SMALLEST_PX]


def turned(image: np.ndarray, boxes: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The image turned about its middle, on a canvas that holds all of it, and squares in the middle of its faces."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (round(width * cosine + height * sine), round(width * sine + height * cosine))
    matrix[:, 2] += np.array(size) / 2 - np.array([width, height]) / 2
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, keepdims=True) / 2
    result = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(128, 128, 128))
    return result, np.hstack([centers - half, centers + half])


def cut(image: np.ndarray, box: np.ndarray, share: float, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The image without what lies before a share of one face, along x (0) or y (1); what is left of the face."""
    start = int(box[axis] + share * (box[axis + 2] - box[axis]))
    rest = box.copy()
    rest[axis] = start
    rest[[axis, axis + 2]] -= start
    kept = image[:, start:] if axis == 0 else image[start:]
    return np.ascontiguousarray(kept), rest[None]


def cases(image: np.ndarray, boxes: np.ndarray) -> Iterator[Case]:
    for degrees in ANGLES:
        yield (f"turned by {degrees} degrees", *turned(image, boxes, degrees))
    largest = boxes[(boxes[:, 2:] - boxes[:, :2]).prod(axis=1).argmax()]
    for share in CUTS:
        for axis in (0, 1):
            yield (f"{share:.0%} beyond an edge", *cut(image, largest, share, axis))


def covered(black: np.ndarray, box: np.ndarray) -> bool:
    """Whether nearly all of the inner half of a box is."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * INNER / 2
    left, top = np.floor(np.maximum(middle - half, 0)).astype(int)
    right, bottom = np.ceil(middle + half).astype(int)
    inner = black[top:bottom, left:right]
    return bool(inner.size and inner.mean() >= COVERED_SHARE)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--lfw", type=Path)
    parser.add_argument("--count", type=int, default=100, help="photos")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cover", choices=COVERS, default=COVERS[0])
    parser.add_argument("--model", default="")
    asked = parser.parse_args()
    if not asked.lfw and not (asked.labels and asked.images):
        parser.error("give --lfw, or --labels and --images")
    recipe = Recipe(
        task="faces",
        model=asked.model,
        tracker=None,
        anonymizer=AnonymizerOptions(style="box"),
        cover=asked.cover,
    )
    hits: dict[str, list[bool]] = {}
    photos = 0
    with recipe.build() as pipeline:
        options = replace(pipeline.default_options, cover=True)
        for image, boxes in faces_of(asked):
            if not len(boxes):
                continue
            photos += 1
            for name, changed, places in cases(np.maximum(image, 1), boxes):
                frame = Frame(np.maximum(changed, 1), photos, "camera")
                stream = pipeline.open_stream()  # no cover is held from another image
                (result,) = pipeline.process([(stream, frame)], options)
                assert result.covered is not None
                black = (result.covered == 0).all(axis=2)
                hits.setdefault(name, []).extend(covered(black, box) for box in places)
    print(f"{photos} photos, seed {asked.seed}, cover {asked.cover}, model {asked.model or 'the default'}")
    print("| faces | covered | 95 % interval | of |\n| --- | ---: | ---: | ---: |")
    for name, found in hits.items():
        low, high = wilson(sum(found), len(found))
        print(f"| {name} | {np.mean(found):.3f} | {low:.3f} to {high:.3f} | {len(found)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
