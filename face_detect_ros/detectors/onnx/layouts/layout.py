# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a layout of an ONNX detector's outputs has to offer, and what it is told from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from face_detect_ros.detectors.objects.detector import Details
    from face_detect_ros.detectors.onnx.format import OnnxFormat


@dataclass(frozen=True)
class Trial:
    """The outputs of a trial run on one image.

    Attributes:
        outputs: Arrays by the names of the outputs, in the file's order, as ONNX Runtime returned them.
        size: (height, width) of the input in pixels.
        label_count: Number of named classes; None if nothing names them.
        suppressed: The metadata says that non-maximum suppression is part of the network.
        sized: The network has a second input that takes the size that boxes are scaled to.
        told: The metadata names the layout, so outputs that it does not read do not matter.
        points: How many keypoints each detection has, and numbers for each, as the metadata says; (0, 0): none.
    """

    outputs: Mapping[str, np.ndarray]
    size: tuple[int, int]
    label_count: int | None = None
    suppressed: bool = False
    sized: bool = False
    told: bool = False
    points: tuple[int, int] = (0, 0)

    def ignores(self, names: Sequence[str]) -> bool:
        """Whether these outputs may be left out: raw feature maps, (B, C, h, w) or (B, anchors, h, w, C)."""
        if self.told:
            return True
        if [self.outputs[name].shape[2:] for name in names] == [(self.size[0] // 4, self.size[1] // 4)]:
            return False  # prototypes of masks
        sides = {(self.size[0] // stride, self.size[1] // stride) for stride in (4, 8, 16, 32, 64)}
        shapes = [self.outputs[name].shape for name in names]
        return all(
            (len(shape) == 4 and shape[2:] in sides) or (len(shape) == 5 and shape[2:4] in sides)
            for shape in shapes
        )


@dataclass(frozen=True)
class Match:
    """Which outputs a layout reads, in its order.

    Attributes:
        names: Names of the outputs.
        columns: Number of classes that the shapes show, with a background class; None if they do not show it.
    """

    names: tuple[str, ...]
    columns: int | None


@dataclass(frozen=True)
class Proposals:
    """What a network proposes for one image.

    Attributes:
        scores: (N, C) of each box and class; (N,) where `class_ids` is given.
        boxes: Returns the boxes of some rows, (K,) int, as (K, 4) xyxy in pixels of the network's input.
        class_ids: (N,) int where each row has one class alone, else None.
        objectness: (N,) that scores are multiplied by, or None.
        details: Returns masks or keypoints of some rows, (K,) int; None where there are none.
    """

    scores: np.ndarray
    boxes: Callable[[np.ndarray], np.ndarray]
    class_ids: np.ndarray | None = None
    objectness: np.ndarray | None = None
    details: Callable[[np.ndarray], Details] | None = None


class Layout(ABC):
    """One way in which detectors lay out their outputs.

    Recognition has two steps: `find` looks at shapes and types, `agrees` at the numbers. A file whose metadata names
    the layout takes the first step only.
    """

    name: ClassVar[str]
    """What metadata calls it."""

    outputs: ClassVar[str]
    """Shapes and contents of the outputs, for people."""

    usual: ClassVar[Mapping[str, Any]] = {}
    """Fields of `OnnxFormat` that files of this layout need where nothing else is said."""

    batched: ClassVar[bool] = True
    """The first axis of each output counts images; if False, the network runs on one image at a time."""

    masks: ClassVar[bool] = False
    """Detections come with masks."""

    keypoints: ClassVar[bool] = False
    """Detections come with keypoints."""

    dense: ClassVar[bool] = True
    """Every cell or query has a score, so that scores which are all 0 mean a broken export."""

    @abstractmethod
    def find(self, trial: Trial) -> Match | None:
        """The outputs that this layout would read; None if shapes or types are not those of the layout."""

    def agrees(self, trial: Trial, match: Match) -> dict[str, Any] | None:
        """What the numbers tell: fields of `OnnxFormat`; None if this layout could not give such numbers.

        Raises:
            UnclearError: More than one reading fits.
        """
        return {}

    @abstractmethod
    def read(self, arrays: Sequence[np.ndarray], described: OnnxFormat, size: tuple[int, int]) -> Proposals:
        """The proposals for one image.

        Args:
            arrays: Outputs in the order of `Match.names`, of one image, without the batch axis if `batched`.
            described: How the numbers are to be read.
            size: (height, width) of the input in pixels.
        """


class UnclearError(Exception):
    """The outputs fit a layout, but part of what is needed to read them is in doubt; the message says what."""


def only(trial: Trial) -> np.ndarray | None:
    """The array if there is one output."""
    return next(iter(trial.outputs.values())) if len(trial.outputs) == 1 else None


def is_score(values: np.ndarray) -> bool:
    """Whether all values are in [0, 1], up to rounding."""
    return values.dtype.kind == "f" and (
        values.size == 0 or bool(values.min() >= -SCORE_SLACK and values.max() <= 1 + SCORE_SLACK)
    )


SCORE_SLACK = 0.01
"""How far quantization may move a score beyond 0 and 1."""


def adds_up_to_one(scores: np.ndarray) -> bool:
    """Whether scores (..., C) are those of a softmax over C classes."""
    return is_score(scores) and bool(np.abs(scores.astype(np.float32).sum(axis=-1) - 1).max(initial=0) < 0.02)


def is_whole(values: np.ndarray) -> bool:
    """Whether all values are whole numbers of at least 0."""
    return values.dtype.kind in "iu" or bool(
        (values == np.round(values)).all() and values.min(initial=0) >= 0
    )
