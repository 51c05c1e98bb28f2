"""What every object detector has in common, around a network that brings its own ways in and out.

`ObjectDetector` checks pictures, puts those of one input size into one batch, measures, chooses what to keep and maps
boxes back; an `ObjectNetwork` prepares pixels, runs, and reads boxes off the output. A new kind of network
is a class with these methods and a factory that returns ``ObjectDetector(network)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions, StageTimes

from .stages import StageClock


@dataclass(frozen=True)
class Candidates:
    """What a network proposes for one picture.

    boxes: (K, 4) float32 xyxy, pixels of the network's input. scores: (K,) float32 in [0, 1]. class_ids: (K,) int.
    """

    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray


class ObjectNetwork(Protocol):
    """A network for objects with its ways in and out.

    labels: class names. device: where it computes, for people to read.
    overlapping: it gives several boxes for one thing, so non-maximum suppression must choose.
    """

    labels: tuple[str, ...]
    device: str
    overlapping: bool

    def place(self, height: int, width: int) -> Letterbox:
        """Where a picture of that size lies in the input. One target size is one batch."""
        ...

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> Any:
        """The input for (H, W, 3) uint8 RGB images whose places share one target size."""
        ...

    def run(self, batch: Any) -> Any:
        """The network's output for what `prepare` gave; returns when it is computed."""
        ...

    def decode(self, output: Any, options: DetectOptions) -> list[Candidates]:
        """For each picture what scores at least options.score_threshold, of options.class_ids alone if given."""
        ...


class ObjectDetector:
    """A `Detector` around an `ObjectNetwork`.

    Out of GPU memory, a batch is halved and tried again, and later batches stay that small; a single picture that does
    not fit is a DetectorError.
    """

    def __init__(self, network: ObjectNetwork, *, largest_batch: int = 8) -> None:
        self.labels: tuple[str, ...] = network.labels
        self.device = network.device
        self.times = StageTimes()
        self.largest_batch = largest_batch
        self._network: ObjectNetwork | None = network

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        for image in images:
            check_image(image)
        network = self._network
        if network is None:
            raise DetectorError("the detector is closed")
        if options.class_ids and max(options.class_ids) >= len(self.labels):
            raise ConfigError(f"class_ids {options.class_ids}: this model has {len(self.labels)} classes")
        clock = StageClock()
        places = [network.place(*image.shape[:2]) for image in images]
        detections = [Detections.empty()] * len(images)
        waiting = _by_target(places)
        while waiting:
            indices = waiting.pop()
            if len(indices) > self.largest_batch:
                waiting += [indices[self.largest_batch :], indices[: self.largest_batch]]
                continue
            try:
                found = self._run(
                    network, [images[i] for i in indices], [places[i] for i in indices], options, clock
                )
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error) or len(indices) == 1:
                    raise DetectorError(
                        f"the object detector failed: {' '.join(str(error).split())}"
                    ) from error
                self.largest_batch = len(indices) // 2
                waiting.append(indices)
                continue
            for index, candidates in zip(indices, found, strict=True):
                detections[index] = self._select(candidates, places[index], images[index], options)
            clock.lap("post")
        self.times = clock.times()
        return detections

    def warmup(self) -> None:
        self.detect([np.zeros((480, 640, 3), np.uint8)], DetectOptions())

    def close(self) -> None:
        """Let go of the network; a `detect` that runs in another thread ends well and lets go of it then."""
        self._network = None

    @staticmethod
    def _run(
        network: ObjectNetwork,
        images: Sequence[np.ndarray],
        places: Sequence[Letterbox],
        options: DetectOptions,
        clock: StageClock,
    ) -> list[Candidates]:
        batch = network.prepare(images, places)
        clock.lap("pre")
        output = network.run(batch)
        clock.lap("network")
        return network.decode(output, options)

    def _select(
        self, found: Candidates, place: Letterbox, image: np.ndarray, options: DetectOptions
    ) -> Detections:
        height, width = image.shape[:2]
        boxes = box_geometry.clip(place.boxes_to_image(found.boxes), width, height)
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        # an edge-on box is nothing; min_size_px counts whole pixels
        keep = np.flatnonzero((sides > 0) & (sides >= options.min_size_px - 0.01))
        scores, class_ids = found.scores[keep], found.class_ids[keep]
        if self._network is not None and self._network.overlapping:
            best = box_geometry.nms(boxes[keep], scores, class_ids, options.iou_threshold)
        else:
            best = np.argsort(-scores, kind="stable")
        best = best[: options.max_detections]
        return Detections(boxes[keep][best], scores[best], class_ids[best])


def _by_target(places: Sequence[Letterbox]) -> list[list[int]]:
    """Indices of the pictures whose input has one size."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, place in enumerate(places):
        groups.setdefault(place.target, []).append(index)
    return list(groups.values())


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()
