# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every object detector has in common, around a network that brings its own ways in and out.

`NetworkDetector` checks images, puts those of one input size into one batch, measures, chooses what to keep and maps
boxes back; an `ObjectNetwork` prepares pixels, runs, and reads boxes off the output. A new kind of network
is a class with these methods and a factory that returns ``NetworkDetector(network)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.masks import Masks
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.core.text import is_utf8
from face_detect_ros.detectors.stages import StageClock


@dataclass(frozen=True)
class Details:
    """What some networks give beside the boxes of K candidates of one image.

    Attributes:
        maps, weights: Masks, see `core.masks.Masks`; None without masks.
        keypoints: (K, P, 3) float32, x and y in pixels of the network's input and a score in [0, 1]; None without.
    """

    maps: np.ndarray | None = None
    weights: np.ndarray | None = None
    keypoints: np.ndarray | None = None


@dataclass(frozen=True)
class Candidates:
    """What a network proposes for one image.

    Attributes:
        boxes: (K, 4) float32 xyxy, pixels of the network's input.
        scores: (K,) float32 in [0, 1].
        class_ids: (K,) int.
        details: Returns what belongs to the candidates at some indices, (k,) int; None where there is nothing more.
    """

    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    details: Callable[[np.ndarray], Details] | None = None


class ObjectNetwork(Protocol):
    """A network for objects with its ways in and out.

    Attributes:
        labels: Class names.
        device: Where it computes, for people to read.
        overlapping: It gives several boxes for one thing, so non-maximum suppression must choose.

    A network that still shows one thing twice may also have `overlap_factor`, see `boxes.weaken_overlapping`.
    """

    labels: tuple[str, ...]
    device: str
    overlapping: bool

    def place(self, height: int, width: int) -> Letterbox:
        """Where an image lies in the input. Images with the same target size can be one batch.

        Args:
            height: Of the image, in pixels.
            width: Of the image, in pixels.
        """
        ...

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> Any:
        """The input for a batch.

        Args:
            images: (H, W, 3) uint8 RGB each.
            places: Where they lie; they share one target size.
        """
        ...

    def run(self, batch: Any) -> Any:
        """The network's output for what `prepare` gave; returns when it is computed.

        Out of memory: MemoryError, or PyTorch's RuntimeError.
        """
        ...

    def decode(self, output: Any, options: DetectOptions) -> list[Candidates]:
        """The candidates in each image of a batch.

        Args:
            output: Of `run`.
            options: With the lowest score, and the classes if not all are wanted.

        Returns:
            The candidates; where the network gave numbers that are not finite, some of them are among them.
        """
        ...


class NetworkDetector:
    """A `Detector` around an `ObjectNetwork`.

    If memory runs out, a batch is halved and tried again, and later batches stay that small; a single image that does
    not fit is a DetectorError.

    Args:
        network: Computes candidates.
        name: Of the model, for messages.
        largest_batch: Most images at once.

    Raises:
        ConfigError: A class name is not valid Unicode, so no message can hold it.
    """

    def __init__(
        self, network: ObjectNetwork, *, name: str = "the object detector", largest_batch: int = 8
    ) -> None:
        self.name = name
        self.labels: tuple[str, ...] = network.labels
        if wrong := [label for label in self.labels if not is_utf8(label)]:
            raise ConfigError(
                f"{name}: class name {wrong[0]!r:.40} is not valid Unicode; correct it in the model"
            )
        self.device = network.device
        self.has_masks: bool = getattr(network, "has_masks", False)
        self.has_keypoints: bool = getattr(network, "has_keypoints", False)
        self.times = StageTimes()
        self.largest_batch = largest_batch
        self._network: ObjectNetwork | None = network

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        for image in images:
            check_image(image)
        network = self._open_network()
        if options.class_ids and max(options.class_ids) >= len(self.labels):
            raise ConfigError(f"class_ids {options.class_ids}: {self.name} has {len(self.labels)} classes")
        clock = StageClock()
        places = [network.place(*image.shape[:2]) for image in images]
        detections = [Detections.empty()] * len(images)
        waiting = _by_target(places)
        while waiting:
            indices = waiting.pop()
            if len(indices) > self.largest_batch:
                waiting += [indices[self.largest_batch :], indices[: self.largest_batch]]
                continue
            found = self._run(
                network, [images[i] for i in indices], [places[i] for i in indices], options, clock
            )
            if found is None:
                waiting.append(indices)
                continue
            for index, candidates in zip(indices, found, strict=True):
                self._check(candidates, index, images[index])
                detections[index] = _select(candidates, places[index], images[index], options, network)
            clock.lap("post")
        self.times = clock.times()
        return detections

    def warmup(self) -> None:
        for _ in range(2):  # a network may prepare for a size of image that comes again
            self.detect([np.zeros((480, 640, 3), np.uint8)], DetectOptions())

    @property
    def network(self) -> ObjectNetwork:
        """What it is built around, for what goes beyond detection. Raises DetectorError once it is closed."""
        return self._open_network()

    def close(self) -> None:
        """Let go of the network; a `detect` that runs in another thread ends well and lets go of it then."""
        self._network = None

    def _open_network(self) -> ObjectNetwork:
        network = self._network
        if network is None:
            raise DetectorError(f"{self.name} is closed")
        return network

    def _run(
        self,
        network: ObjectNetwork,
        images: Sequence[np.ndarray],
        places: Sequence[Letterbox],
        options: DetectOptions,
        clock: StageClock,
    ) -> list[Candidates] | None:
        """What the network proposes, or None if memory is too small for so many and `largest_batch` now less."""
        try:
            batch = network.prepare(images, places)
            clock.lap("pre")
            output = network.run(batch)
            clock.lap("network")
            return network.decode(output, options)
        except (RuntimeError, MemoryError, cv2.error) as error:
            if _out_of_memory(error) and len(images) > 1:
                self.largest_batch = len(images) // 2
                return None
            raise self._failure(error, images[0]) from error

    def _failure(self, error: Exception, image: np.ndarray) -> DetectorError:
        height, width = image.shape[:2]
        if _out_of_memory(error):
            return DetectorError(
                f"{self.name}: {self.device} has too little memory for a {width}x{height} image; give a smaller "
                f"input_size or a smaller model ({' '.join(str(error).split())})"
            )
        return DetectorError(
            f"{self.name} failed on a {width}x{height} image: {' '.join(str(error).split())}"
        )

    def _check(self, found: Candidates, index: int, image: np.ndarray) -> None:
        if np.isfinite(found.scores).all() and np.isfinite(found.boxes).all():
            return
        height, width = image.shape[:2]
        raise DetectorError(
            f"{self.name}: the network's output for image {index + 1} ({width}x{height}) is not finite; set "
            "precision to float32, and if that does not help, the weights are damaged"
        )


def _select(
    found: Candidates, place: Letterbox, image: np.ndarray, options: DetectOptions, network: ObjectNetwork
) -> Detections:
    height, width = image.shape[:2]
    boxes = box_geometry.clip(place.boxes_to_image(found.boxes), width, height)
    sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
    # an edge-on box is nothing; min_size_px counts whole pixels
    keep = np.flatnonzero((sides > 0) & (sides >= options.min_size_px - 0.01))
    boxes, scores, class_ids = boxes[keep], found.scores[keep], found.class_ids[keep]
    if network.overlapping:
        best = box_geometry.nms(boxes, scores, class_ids, options.iou_threshold, options.max_detections)
        factor = getattr(network, "overlap_factor", 1.0)
        if factor < 1:
            scores[best] = box_geometry.weaken_overlapping(boxes[best], scores[best], class_ids[best], factor)
            best = best[np.argsort(-scores[best], kind="stable")]
            best = best[scores[best] >= options.score_threshold]
    else:
        best = np.argsort(-scores, kind="stable")[: options.max_detections]
    found_boxes = Detections(boxes[best], scores[best], class_ids[best])
    return found_boxes if found.details is None else _detailed(found_boxes, found.details(keep[best]), place)


def _detailed(found: Detections, details: Details, place: Letterbox) -> Detections:
    """The detections with masks or keypoints."""
    masks, keypoints = None, details.keypoints
    if details.maps is not None:
        masks = Masks(details.maps, details.weights, found.boxes, place)
    if keypoints is not None:
        places = place.to_image(keypoints[..., :2])
        keypoints = np.concatenate([places, np.clip(keypoints[..., 2:], 0, 1)], axis=2)
    return replace(found, masks=masks, keypoints=keypoints)


def _by_target(places: Sequence[Letterbox]) -> list[list[int]]:
    """Indices of the images whose input has one size."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, place in enumerate(places):
        groups.setdefault(place.target, []).append(index)
    return list(groups.values())


_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "insufficient memory",
    "could not create a primitive",  # oneDNN, which computes convolutions for PyTorch on a CPU, says no more
)


def _out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY)
