# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 by an engine: pixels in, and boxes decoded from the cells' outputs. Without PyTorch."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from face_detect_ros.core.errors import DetectorError, WeightsError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.label_choice import (
    EVERY_LABEL_BELOW,
    MOST_CANDIDATES,
    MOST_LABELED_CANDIDATES,
)
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.objects.detector import Candidates
from face_detect_ros.detectors.onnx.layouts import grids
from face_detect_ros.engines.protocol import Engine

if TYPE_CHECKING:
    from face_detect_ros.detectors.yolov9.detector import YoloV9Network

PIXELS, SIDES, LOGITS = "pixels", "sides", "logits"
META_KEY = "face_detect_ros_yolov9"
STRIDES = (8, 16, 32)
BINS = 16  # of the distribution over each side's distance, in strides

Output = tuple[np.ndarray, np.ndarray, tuple[int, int]]
"""sides (B, 4 * BINS, N), logits (B, C, N), float32, and the (height, width) of the input."""


class YoloV9GraphNetwork:
    """An `AttentiveNetwork` around an engine with a graph that `export` made."""

    overlapping = True

    def __init__(self, engine: Engine, file: Path, asked_px: int, load: Callable[[], YoloV9Network]) -> None:
        """Reads what the graph says of itself.

        Args:
            engine: with the graph.
            file: the graph, for messages.
            asked_px: longest side of the input; 0: what the network was trained with.
            load: the same network in PyTorch, which computes heat maps.

        Raises:
            WeightsError: for a graph of something else.
            ConfigError: for a size that does not fit.
        """
        try:
            described = json.loads(engine.metadata[META_KEY])
            self.labels: tuple[str, ...] = tuple(described["labels"])
            own_px = int(described["input_size"])
            self.overlap_factor = float(described.get("overlap_factor", 1.0))
            self.close_up_px = int(described.get("close_up_size", 0))
            self.close_up_classes: tuple[str, ...] = tuple(described.get("close_up_classes", ()))
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{file}: not an exported YOLOv9; delete it, and it is made again") from error
        self.device = engine.device
        self._engine = engine
        self.longest_px = object_input.input_size(asked_px, own_px, STRIDES[-1])
        self._canvas = object_input.Canvas()
        self._load = load
        self._attentive: YoloV9Network | None = None

    def place(self, height: int, width: int) -> Letterbox:
        return Letterbox.within((height, width), self.longest_px, STRIDES[-1])

    def at(self, longest_px: int) -> YoloV9GraphNetwork:
        """The same network for another input size."""
        other = copy.copy(self)
        other.longest_px = longest_px
        other._canvas = object_input.Canvas()
        return other

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> np.ndarray:
        """(B, H, W, 3) uint8 RGB."""
        return self._canvas.paint(images, places)

    def run(self, batch: np.ndarray) -> Output:
        sides, logits = self._engine.run({PIXELS: batch})
        return sides, logits, (batch.shape[1], batch.shape[2])

    def decode(self, output: Output, options: DetectOptions) -> list[Candidates]:
        sides, logits, size = output
        cells = grids.cells(size, STRIDES)
        return [_candidates(*of_one, cells, options) for of_one in zip(sides, logits, strict=True)]

    def attend(
        self, batch: Any, box: np.ndarray, place: Letterbox, class_id: int | None = None
    ) -> np.ndarray:
        """See `AttentiveNetwork`. Raises DetectorError without PyTorch, which alone computes gradients."""
        if self._attentive is None:
            try:
                self._attentive = self._load()
            except ImportError as error:
                raise DetectorError(f"heat maps need PyTorch ({error}); run: pip install torch") from error
        return self._attentive.attend(self._attentive.from_pixels(batch), box, place, class_id)


_NONSENSE = Candidates(np.full((1, 4), np.nan, np.float32), np.full(1, np.nan, np.float32), np.zeros(1, int))


def _candidates(
    sides: np.ndarray, logits: np.ndarray, cells: grids.Cells, options: DetectOptions
) -> Candidates:
    """See `label_choice`. sides: (4 * BINS, N), logits: (C, N) of one image with N cells."""
    best = logits.max(axis=0)
    if not np.isfinite(best.sum() + sides.sum()):  # a maximum is not a number where anything in it is none
        return _NONSENSE
    lowest = _logit(options.score_threshold) - 1e-3  # scores are compared once they are there
    wanted = np.array(options.class_ids, np.int64)
    if options.score_threshold < EVERY_LABEL_BELOW:
        class_ids, near = np.nonzero((logits[wanted] if len(wanted) else logits) >= lowest)
        class_ids = wanted[class_ids] if len(wanted) else class_ids
        most = MOST_LABELED_CANDIDATES
    else:
        near = np.flatnonzero(best >= lowest)
        class_ids = logits[:, near].argmax(axis=0)
        if len(wanted):  # a car that is rather a truck is not found when only cars are asked for either
            rightly = np.isin(class_ids, wanted)
            near, class_ids = near[rightly], class_ids[rightly]
        most = MOST_CANDIDATES
    values = logits[class_ids, near]
    scores = np.float32(1) / (np.float32(1) + np.exp(-np.clip(values, -80, 80)))
    order = np.argsort(-values, kind="stable")[:most]
    order = order[scores[order] >= options.score_threshold]
    near, class_ids, scores = near[order], class_ids[order], scores[order]
    boxes = _boxes(sides[:, near], cells.centers[near].T, cells.strides[near])
    return Candidates(boxes, scores, class_ids.astype(np.int32))


def _boxes(sides: np.ndarray, centers: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """(K, 4) float32 xyxy from (4 * BINS, K) logits: each side's distance is the mean of its distribution."""
    logits = sides.reshape(4, BINS, -1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    means = (powers * np.arange(BINS, dtype=np.float32)[:, None]).sum(axis=1) / powers.sum(axis=1)
    distances = means * strides  # left, top, right, bottom
    corners = np.concatenate([centers - distances[:2], centers + distances[2:]])
    return np.ascontiguousarray(corners.T, np.float32)


def _logit(score: float) -> float:
    return math.log(max(score, 1e-30)) - math.log(max(1 - score, 1e-7))
