# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What dlib's face detectors have in common, whoever runs them: the scan's size, boxes, scores, five landmarks.

Scores: dlib gives an unbounded margin, 0 being its own threshold. Here score = 1 / (1 + exp(-margin)), so 0.5
is dlib's threshold and `margin_of` gets the margin back. HOG's margins lie around 0 to 3 (scores 0.5 to
0.95), the CNN's around 0 to 1.1 (0.5 to 0.75). They are not probabilities.

Overlaps: dlib has its own suppression inside; `iou_threshold` can only remove more than it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.detectors.stages import StageClock
from face_detect_ros.faces.points import FindLandmarks
from face_detect_ros.images.resizing import for_faces

LABELS = ("face",)

_LOWEST_MARGIN = -3.0  # lower brings thousands of boxes of nothing
_WORTHLESS_CHANGE = 0.1  # resampling for this little blurs more than it gains
# the smallest box of HOG in an image that is not enlarged; enlarging costs time by the square
_DEFAULT_MIN_SIZE_PX = 73
_LARGEST_ENLARGEMENT = 4.0  # a face of 20 px; what is smaller has no detail left to enlarge

Found = tuple[np.ndarray, np.ndarray]
"""Boxes (N, 4) xyxy in pixels of the image scanned, and their margins (N,)."""

Scan = Callable[[Sequence[np.ndarray], float], "list[Found]"]
"""(images of one size, lowest margin) -> what is in each."""


def score_of(margin: np.ndarray) -> np.ndarray:
    """(N,) dlib margins to (N,) float64 scores in [0, 1]."""
    return 1.0 / (1.0 + np.exp(-np.clip(np.asarray(margin, np.float64), -500, 500)))


def margin_of(score: float) -> float:
    """The dlib margin that has this score; -inf for 0 and inf for 1."""
    if score <= 0.0:
        return -math.inf
    return math.inf if score >= 1.0 else math.log(score / (1.0 - score))


@dataclass(frozen=True)
class ScanLimits:
    """What a dlib detector can take.

    Attributes:
        smallest_px: Side of the smallest box it gives, in pixels of the image it scans.
        largest_scan_px: Most pixels it scans, for the sake of memory; a larger image is shrunk to this, and the
            smallest face found grows accordingly.
        largest_batch_px: Most pixels of images that it scans together; an image above it is scanned alone.
    """

    smallest_px: int
    largest_scan_px: int
    largest_batch_px: int = 0


class DlibFaceDetector:
    """A Detector around one of dlib's: chooses the size to scan at, maps boxes back, adds landmarks.

    `min_size_px` (0: 73) chooses the size: an image is scaled so that the smallest box of the detector comes out as
    min_size_px pixels of the original. Where that would change its size by less than 10 % it is left as it is, and
    dlib sees what it would see without us; the smallest box is then up to 10 % larger than asked for, which is half a
    step of dlib's own pyramid. Boxes smaller than min_size_px are dropped, by their size before they are cut at the
    border. Landmarks are always found in the original image; those of a face cut by the border can lie outside.

    Args:
        scan: Finds boxes in images of one size.
        limits: What the scan can take.
        find_landmarks: Finds the points of faces.
        device: Where it computes, for people to read.
    """

    def __init__(self, scan: Scan, limits: ScanLimits, find_landmarks: FindLandmarks, device: str) -> None:
        self.labels: tuple[str, ...] = LABELS
        self.device = device
        self.times = StageTimes()
        self._scan: Scan | None = scan
        self._limits = limits
        self._find_landmarks = find_landmarks

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        for image in images:
            check_image(image)
        scan = self._scan
        if scan is None:
            raise DetectorError("the detector is closed")
        clock = StageClock()
        try:
            detections = self._detect(scan, images, options, clock)
        except (RuntimeError, MemoryError, cv2.error) as error:
            raise DetectorError(
                f"the face detector failed on an image: {' '.join(str(error).split())}"
            ) from error
        self.times = clock.times()
        return detections

    def warmup(self) -> None:
        side = self._limits.smallest_px
        self.detect([np.zeros((side, side, 3), np.uint8)], DetectOptions(min_size_px=side))

    def close(self) -> None:
        """Let go of the network; a `detect` that runs in another thread ends well and lets go of it then."""
        self._scan = None

    def _detect(
        self, scan: Scan, images: Sequence[np.ndarray], options: DetectOptions, clock: StageClock
    ) -> list[Detections]:
        margin = max(margin_of(options.score_threshold), _LOWEST_MARGIN)
        options = replace(options, min_size_px=options.min_size_px or _DEFAULT_MIN_SIZE_PX)
        # dlib reads plain rows
        images = [np.ascontiguousarray(image) for image in images]
        sizes = [self._scan_size(image.shape[0], image.shape[1], options.min_size_px) for image in images]
        detections = [_no_faces()] * len(images)
        for batch in _batches(sizes, self._limits):
            scaled = [for_faces(images[index], sizes[index]) for index in batch]
            clock.lap("pre")
            found = scan(scaled, margin)
            clock.lap("network")
            for index, (boxes, margins) in zip(batch, found, strict=True):
                (height, width), image = sizes[index], images[index]
                scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
                boxes = box_geometry.as_boxes(boxes) * scale
                chosen = self._select(boxes, margins, margin, image, options)
                clock.lap("post")
                detections[index] = self._with_landmarks(chosen, image, boxes)
                clock.lap("network")  # the landmarks come from a model too
        return detections

    def _scan_size(self, height: int, width: int, min_size_px: int) -> tuple[int, int]:
        """(height, width) to scan at. Rounded down: the smallest box must not fall below `min_size_px`."""
        scale = min(
            self._limits.smallest_px / min_size_px,
            _LARGEST_ENLARGEMENT,
            math.sqrt(self._limits.largest_scan_px / (height * width)),
        )
        if abs(scale - 1.0) < _WORTHLESS_CHANGE:
            scale = 1.0
        return max(1, int(height * scale)), max(1, int(width * scale))

    def _select(
        self, boxes: np.ndarray, margins: np.ndarray, lowest: float, image: np.ndarray, options: DetectOptions
    ) -> tuple[np.ndarray, Detections]:
        """Indices into `boxes` of the faces to keep, and these without landmarks."""
        height, width = image.shape[:2]
        clipped = box_geometry.clip(boxes, width, height)
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        large_enough = sides >= options.min_size_px - 0.01  # float32 of a large image
        keep = np.flatnonzero((margins >= lowest) & large_enough & (box_geometry.area(clipped) > 0))
        best = box_geometry.nms(boxes[keep], margins[keep], np.zeros(len(keep)), options.iou_threshold)
        keep = keep[best][: options.max_detections]
        return keep, Detections(clipped[keep], score_of(margins[keep]), np.zeros(len(keep)))

    def _with_landmarks(
        self, chosen: tuple[np.ndarray, Detections], image: np.ndarray, boxes: np.ndarray
    ) -> Detections:
        keep, faces = chosen
        if not len(faces):
            return _no_faces()
        landmarks = np.stack([self._find_landmarks(image, box) for box in boxes[keep]])
        return replace(faces, landmarks=landmarks)


def _batches(sizes: Sequence[tuple[int, int]], limits: ScanLimits) -> list[list[int]]:
    """Indices of the images to scan together: of one (height, width), in order, no more than fit."""
    batches: list[list[int]] = []
    latest: dict[tuple[int, int], list[int]] = {}
    for index, size in enumerate(sizes):
        # half a window: no smaller image can show a face, and the CNN's filters do not fit into the
        # smallest
        if min(size) < limits.smallest_px // 2:
            continue
        batch = latest.get(size)
        if batch is None or (len(batch) + 1) * size[0] * size[1] > limits.largest_batch_px:
            batch = latest[size] = []
            batches.append(batch)
        batch.append(index)
    return batches


def _no_faces() -> Detections:
    return Detections(np.empty((0, 4)), np.empty(0), np.empty(0), landmarks=np.empty((0, 5, 2)))
