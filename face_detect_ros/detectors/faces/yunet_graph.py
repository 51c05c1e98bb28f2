# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YuNet's graph of 2023 and later on an engine, read as OpenCV reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import EngineError, WeightsError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import graphs
from face_detect_ros.engines.protocol import Compute, Engine
from face_detect_ros.zoo.formats import weights_file
from face_detect_ros.zoo.formats.onnx_graph import free_axes

_STRIDES = (8, 16, 32)
_CHANNELS = {1: 6, 4: 3, 10: 3}  # of the outputs: class and objectness, box, points, each by stride
MOST_CANDIDATES = 5000
"""Of one scan, before overlapping ones are removed."""
_LARGEST_LOG_SIZE = 8.0  # more is a damaged file's, and exp would overflow


class YuNetGraph:
    """A loaded graph whose input has any size. One thread at a time may use an instance."""

    def __init__(self, engine: Engine) -> None:
        self.device = engine.device
        self._engine = engine
        self._input = engine.inputs[0].name

    def scan(self, image: np.ndarray, options: DetectOptions) -> np.ndarray:
        """See `yunet.Scan`; overlapping boxes are all there."""
        height, width = (-(-side // 32) * 32 for side in image.shape[:2])
        padded = np.zeros((1, height, width, 3), np.uint8)
        padded[0, : image.shape[0], : image.shape[1]] = image
        outputs = self._engine.run({self._input: object_input.planes(padded, scale=1.0)})
        of = {channels: [out[0] for out in outputs if out.shape[-1] == channels] for channels in _CHANNELS}
        rows = []
        for stride in _STRIDES:
            cells = (height // stride) * (width // stride)
            # class and objectness are multiplied: their order does not matter
            first, second = (out[:, 0] for out in of[1] if len(out) == cells)
            (box,), (points,) = ([out for out in of[channels] if len(out) == cells] for channels in (4, 10))
            scores = np.sqrt(np.clip(first, 0, 1) * np.clip(second, 0, 1))
            kept = np.flatnonzero(scores >= options.score_threshold)
            y, x = np.divmod(kept, width // stride)
            corner = np.stack([x, y], axis=1)
            center = (corner + box[kept, :2]) * stride
            size = np.exp(np.minimum(box[kept, 2:], _LARGEST_LOG_SIZE)) * stride
            placed = (points[kept].reshape(-1, 5, 2) + corner[:, None]) * stride
            rows.append(
                np.concatenate([center - size / 2, size, placed.reshape(-1, 10), scores[kept, None]], axis=1)
            )
        found = np.concatenate(rows).astype(np.float32)
        return found[np.argsort(-found[:, 14], kind="stable")[:MOST_CANDIDATES]]


def open_graph(file: Path, compute: Compute, engine_names: Sequence[str]) -> YuNetGraph | None:
    """The graph in an ONNX file of YuNet.

    Args:
        file: The file.
        compute: Device, precision and threads.
        engine_names: Engines to try, best first.

    Returns:
        The graph; None if no engine can load it, or its outputs are laid out in another way.

    Raises:
        DeviceError: The device is not here.
        WeightsError: The file keeps its weights in a second one.
    """
    try:
        content = free_axes(file.read_bytes(), (2, 3))
    except (OSError, ValueError):
        return None
    weights_file.check_alone(file, content)  # OpenCV does not read a second file either
    exact = compute.in_float32()
    try:

        def make(name: str) -> YuNetGraph:
            engine = engines.open_graph(name, file, exact, content=content, cache=graphs.folder())
            graph = YuNetGraph(engine)
            _try(graph, engine)
            return graph

        return engines.first(engine_names, make) if engine_names else None
    except (ValueError, RuntimeError, MemoryError, WeightsError, EngineError):
        return None


def _try(graph: YuNetGraph, engine: Engine) -> None:
    """Raises ValueError, RuntimeError or MemoryError if this is not YuNet for images of any size."""
    if len(engine.inputs) != 1 or len(engine.outputs) != sum(_CHANNELS.values()):
        raise ValueError("another network")
    for shape in ((64, 64, 3), (64, 96, 3)):
        rows = graph.scan(np.full(shape, 128, np.uint8), DetectOptions(score_threshold=0.0))
        if not np.isfinite(rows).all():
            raise ValueError("values that are no numbers")
