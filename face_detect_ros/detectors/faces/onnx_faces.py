# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What face detectors in ONNX files share: pixels in, candidates out, boxes and points back to the image.

A network brings a `FaceReader`, which knows its pixels and how its outputs are laid out; a new one is a file with such
a reader and a `create` function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError, WeightsError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.detectors.faces.scanning import FaceCandidates, scan_place, scan_scale
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.stages import StageClock
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import graphs
from face_detect_ros.engines.protocol import Compute, Engine
from face_detect_ros.zoo.formats.onnx_graph import free_axes, free_outputs

LABELS = ("face",)
_BATCH_PX = 400_000  # more at once gains nothing on a CPU
_GPU_BATCH_PX = 8_300_000
_MOST_CANDIDATES = 5000  # of one image, best first, before overlapping ones go


@dataclass(frozen=True)
class Pixels:
    """What a network sees: (value - mean) * scale of RGB values from 0 to 255, on a background of `fill`.

    Attributes:
        channels_last: (B, H, W, 3) instead of (B, 3, H, W).
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    bgr: bool = False
    channels_last: bool = False
    fill: int = 0


class FaceReader(Protocol):
    """How one kind of network is fed and read.

    Attributes:
        pixels: What it sees.
        smallest_px: Smallest face that it finds well, in pixels of its input.
        multiple: Both sides of an input of any size are multiples of this.
        single: It reads the outputs for one image at a time, also where the file would take several.
    """

    pixels: Pixels
    smallest_px: float
    multiple: int
    single: bool

    def read(
        self, outputs: Sequence[np.ndarray], size: tuple[int, int], lowest: float
    ) -> list[FaceCandidates]:
        """The candidates in each image of a batch.

        Args:
            outputs: Of the network, in the graph's order.
            size: (height, width) of the input in pixels.
            lowest: Score that a candidate must reach.

        Raises:
            ValueError: The outputs do not fit the input.
        """
        ...


class OnnxFaceDetector:
    """A `Detector` around a face network in an ONNX file.

    An input of any size takes the image at the scale that `min_size_px` asks for (see `scanning`); where the file fixes
    the size, the image is fitted into it. Boxes whose shorter side is below `min_size_px` are dropped, by their size
    before they are cut at the border. Points of a face cut by the border can lie outside of the image.
    """

    def __init__(self, engine: Engine, reader: FaceReader, name: str) -> None:
        """Prepare the detector.

        Args:
            engine: The loaded graph.
            reader: How its outputs are read.
            name: For messages.

        Raises:
            WeightsError: The graph's input does not take color images.
        """
        self.labels: tuple[str, ...] = LABELS
        self.device = engine.device
        self.times = StageTimes()
        self._name = name
        self._engine: Engine | None = engine
        self._reader = reader
        self._input, self._batch, self._size = _image_input(engine, reader.pixels, name)
        if reader.single:
            self._batch = 1
        self._canvas = object_input.Canvas(reader.pixels.fill)
        self._batch_px = _BATCH_PX if self.device.startswith("cpu") else _GPU_BATCH_PX

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        for image in images:
            check_image(image)
        engine = self._engine
        if engine is None:
            raise DetectorError("the detector is closed")
        clock = StageClock()
        places = [self._place(image, options.min_size_px) for image in images]
        detections = [Detections.empty()] * len(images)
        for batch in self._batches(places):
            chosen = [places[index] for index in batch]
            try:
                pixels = self._prepare([images[index] for index in batch], chosen)
                clock.lap("pre")
                outputs = engine.run({self._input: pixels})
                clock.lap("network")
                found = self._reader.read(outputs, chosen[0].target, options.score_threshold)
            except (RuntimeError, MemoryError, ValueError) as error:
                height, width = images[batch[0]].shape[:2]
                raise DetectorError(
                    f"{self._name} failed on a {width}x{height} image: {' '.join(str(error).split())}"
                ) from error
            for index, candidates in zip(batch, found, strict=False):  # a fixed batch is filled up
                detections[index] = self._select(candidates, places[index], images[index], options)
            clock.lap("post")
        self.times = clock.times()
        return detections

    def warmup(self) -> None:
        self.detect([np.zeros((480, 640, 3), np.uint8)], DetectOptions(min_size_px=0))

    def close(self) -> None:
        """Release the network; a `detect` in another thread still ends well."""
        self._engine = None

    def _place(self, image: np.ndarray, min_size_px: int) -> Letterbox:
        height, width = image.shape[:2]
        if self._size is not None:
            return Letterbox.fit((height, width), self._size, center=False)
        scale = scan_scale(height, width, min_size_px, self._reader.smallest_px)
        return scan_place(height, width, scale, self._reader.multiple)

    def _batches(self, places: Sequence[Letterbox]) -> list[list[int]]:
        """Indices of the images that one run takes: one size of input, as many as the file or the memory allows."""
        batches: list[list[int]] = []
        latest: dict[tuple[int, int], list[int]] = {}
        for index, place in enumerate(places):
            most = self._batch or max(1, self._batch_px // (place.target[0] * place.target[1]))
            batch = latest.get(place.target)
            if batch is None or len(batch) == most:
                batch = latest[place.target] = []
                batches.append(batch)
            batch.append(index)
        return batches

    def _prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> np.ndarray:
        wanted = self._reader.pixels
        painted = self._canvas.paint(images, places)
        values = object_input.planes(
            painted, scale=wanted.scale, mean=[value * wanted.scale for value in wanted.mean], bgr=wanted.bgr
        )
        if wanted.channels_last:
            values = np.ascontiguousarray(values.transpose(0, 2, 3, 1))
        lacking = (self._batch or len(values)) - len(values)
        return np.concatenate([values, np.repeat(values[-1:], lacking, axis=0)]) if lacking else values

    def _select(
        self, found: FaceCandidates, place: Letterbox, image: np.ndarray, options: DetectOptions
    ) -> Detections:
        numbers = [found.boxes, found.scores, *([] if found.points is None else [found.points])]
        if not all(np.isfinite(each).all() for each in numbers):
            raise DetectorError(f"{self._name}: its output is not finite; get the file again")
        order = np.argsort(-found.scores, kind="stable")[:_MOST_CANDIDATES]
        boxes, scores = place.boxes_to_image(found.boxes[order]), np.clip(found.scores[order], 0.0, 1.0)
        clipped = box_geometry.clip(boxes, image.shape[1], image.shape[0])
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        keep = np.flatnonzero((sides >= options.min_size_px - 0.01) & (box_geometry.area(clipped) > 0))
        best = box_geometry.nms(
            boxes[keep], scores[keep], np.zeros(len(keep)), options.iou_threshold, options.max_detections
        )
        keep = keep[best]
        points = None
        if found.points is not None:
            points = place.to_image(found.points[order[keep]]).astype(np.float32).reshape(-1, 5, 2)
        return Detections(
            clipped[keep], scores[keep], np.zeros(len(keep)), landmarks=points, landmark_set="five_points"
        )


def open_faces(
    file: Path,
    compute: Compute,
    engine_names: Sequence[str],
    read: Callable[[Engine], FaceReader | None],
    kind: str,
    *,
    free: tuple[int, ...] = (),
) -> OnnxFaceDetector:
    """The detector in an ONNX file.

    Args:
        file: the ONNX file.
        compute: device, precision (auto is float32: with fewer bits boxes move by a pixel or two) and threads.
        engine_names: engines to try, best first.
        read: gives the reader for a loaded graph, None for a graph of another network.
        kind: what users write before the file's name.
        free: axes of its inputs and outputs to free, where the network can take any size.

    Raises:
        EngineError: if no engine can compute it.
        DeviceError: for a device or precision that is not here.
        WeightsError: for a file that is missing, damaged or of another network.
    """
    try:
        content = free_axes(file.read_bytes(), free)
        content = content if free else free_outputs(content)
    except OSError as error:
        raise WeightsError(f"{file}: {error.strerror or error}; give its ONNX file as {kind}:FILE") from error
    except ValueError as error:
        raise WeightsError(f"{file}: {error}; get it again") from error
    # in bfloat16 it is twice as fast, and places the smallest faces a little worse
    exact = compute.in_float32()

    def make(name: str) -> OnnxFaceDetector:
        engine = engines.open_graph(name, file, exact, content=content, cache=graphs.folder())
        reader = read(engine)
        if reader is None:
            there = "; ".join(map(str, (*engine.inputs, *engine.outputs)))
            raise WeightsError(f"{file}: not a network of the kind {kind}: it has {there}")
        return OnnxFaceDetector(engine, reader, f"{kind}:{file.name}")

    return engines.first(engine_names, make)


def _image_input(engine: Engine, pixels: Pixels, name: str) -> tuple[str, int | None, tuple[int, int] | None]:
    """(input's name, batch or None if free, (height, width) or None if free). Raises WeightsError.

    An input of unknown shape takes one image of any size.
    """
    channels, height, width = (3, 1, 2) if pixels.channels_last else (1, 2, 3)
    if len(engine.inputs) == 1 and len(engine.inputs[0].shape) in (0, 4):
        port = engine.inputs[0]
        if port.fixed(channels) in (3, None) and port.dtype == np.float32:
            sides = port.fixed(height), port.fixed(width)
            size = None if sides[0] is None or sides[1] is None else (sides[0], sides[1])
            return port.name, port.fixed(0) if port.shape else 1, size
    there = "; ".join(map(str, engine.inputs))
    raise WeightsError(f"{name}: not a face detector for color images: its inputs are {there}")
