# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Embedders in ONNX files that were trained as ArcFace's: `arcface:FILE` and `sface:FILE`.

The face is cut out upright, 112 px wide, by five points: eyes, nose and mouth. Descriptors have length 1, so the
distance of two is sqrt(2 - 2 cos), from 0 to 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, ImageError, WeightsError
from face_detect_ros.core.frame import check_image
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import graphs
from face_detect_ros.engines.protocol import Compute, Engine
from face_detect_ros.faces.embedders.protocol import check_chips
from face_detect_ros.faces.points import five_points
from face_detect_ros.zoo.formats.onnx_graph import first_nodes, free_axes
from face_detect_ros.zoo.published.records import sha256_of

CHIP_SIDE_PX = 112
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""(5, 2) xy in the chip: where insightface puts right eye, left eye, nose and the corners of the mouth."""

_BATCH = 16
_LENGTHS = (64, 4096)  # of descriptors that there are


def identity(kind: str, file: Path) -> tuple[str, str]:
    """(model id, version) of descriptors: the file's content decides, not its name. Raises WeightsError."""
    try:
        return kind, sha256_of(file)[:16]
    except OSError as error:
        raise WeightsError(
            f"{file}: {error.strerror or error}; give the embedder's file as {kind}:FILE"
        ) from error


def create(
    kind: str, file: Path, compute: Compute, engine_names: Sequence[str], jitter: int = 0
) -> OnnxEmbedder:
    """The embedder in an ONNX file.

    Args:
        kind: "arcface" or "sface", for the model's id and for messages.
        file: the ONNX file.
        compute: device, precision (auto or float32) and threads.
        engine_names: engines to try, best first.
        jitter: 0 or 1.

    Raises:
        ConfigError: for a precision or jitter that it does not have.
        EngineError: if no engine can compute it.
        DeviceError: for a device that is not here.
        WeightsError: for a file that is missing, damaged or of another network.
    """
    if compute.precision not in ("auto", "float32"):
        raise ConfigError(f"precision '{compute.precision}': embedder '{kind}' computes in float32 only")
    if jitter > 1:
        raise ConfigError(f"jitter {jitter}: embedder '{kind}' has none; give 0")
    model = identity(kind, file)
    try:
        content = file.read_bytes()
        # networks that subtract the mean themselves take plain values from 0 to 255
        plain = first_nodes(content, 2) == ["Sub", "Mul"]
        content = free_axes(content, axes=())  # weights as constants: twice as fast
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file}: {error}; get it again") from error
    exact = compute.in_float32()

    def make(name: str) -> OnnxEmbedder:
        engine = engines.open_graph(name, file, exact, content=content, cache=graphs.folder())
        return OnnxEmbedder(engine, model, file, plain)

    return engines.first(engine_names, make)


class OnnxEmbedder:
    """A face embedder in an ONNX file with an input of (N, 3, 112, 112)."""

    def __init__(self, engine: Engine, model: tuple[str, str], file: Path, plain: bool) -> None:
        """Tries the network on one chip.

        Args:
            engine: with the file.
            model: id and version of its descriptors.
            file: for messages.
            plain: it takes values from 0 to 255, not from -1 to 1.

        Raises:
            WeightsError: for another network.
        """
        self.model_id, self.model_version = model
        self._plain = plain
        self.device = engine.device
        self._name = f"{self.model_id}:{file.name}"
        self._engine: Engine | None = engine
        self._input = engine.inputs[0].name
        self._fixed_batch = engine.inputs[0].fixed(0) if engine.inputs[0].shape else None
        self._batch = self._fixed_batch or _BATCH
        self._length = self._check(engine, file)

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return face_chips(image, five_points(image, faces))

    def embed(self, chips: np.ndarray) -> np.ndarray:
        check_chips(chips, CHIP_SIDE_PX)
        engine = self._engine
        if engine is None:
            raise DetectorError("the embedder is closed")
        rows = [
            self._run(engine, chips[start : start + self._batch])
            for start in range(0, len(chips), self._batch)
        ]
        return np.concatenate(rows) if rows else np.empty((0, self._length), np.float32)

    def close(self) -> None:
        self._engine = None

    def _run(self, engine: Engine, chips: np.ndarray) -> np.ndarray:
        pixels = np.ascontiguousarray(chips.transpose(0, 3, 1, 2), np.float32)
        if not self._plain:
            pixels -= 127.5
            pixels /= 127.5
        lacking = (self._fixed_batch or len(pixels)) - len(pixels)
        if lacking:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], lacking, axis=0)])
        try:
            rows = np.asarray(engine.run({self._input: pixels})[0], np.float32)
            rows = rows.reshape(len(pixels), -1)[: len(chips)]
        except (RuntimeError, MemoryError, ValueError) as error:
            raise DetectorError(f"{self._name} failed: {' '.join(str(error).split())}") from error
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(norms).all() and norms.all()):
            raise DetectorError(f"{self._name}: a descriptor is all zeros or not finite; get the file again")
        return rows / norms

    def _check(self, engine: Engine, file: Path) -> int:
        """Length of the descriptors, from a run. Raises WeightsError for another network."""
        port = engine.inputs[0]
        fits = len(engine.inputs) == 1 and len(port.shape) == 4 and port.dtype == np.float32
        sizes = (3, CHIP_SIDE_PX, CHIP_SIDE_PX)
        if fits and all(port.fixed(axis) in (size, None) for axis, size in enumerate(sizes, 1)):
            try:
                length = self._run(engine, np.full((1, CHIP_SIDE_PX, CHIP_SIDE_PX, 3), 90, np.uint8)).shape[1]
            except DetectorError as error:
                raise WeightsError(f"{file}: not a face embedder: {error}") from error
            if _LENGTHS[0] <= length <= _LENGTHS[1]:
                return length
        there = "; ".join(map(str, (*engine.inputs, *engine.outputs)))
        raise WeightsError(
            f"{file}: not a face embedder: expected an input of (N, 3, {CHIP_SIDE_PX}, {CHIP_SIDE_PX}) and one row of "
            f"{_LENGTHS[0]} to {_LENGTHS[1]} numbers a face; it has {there}"
        )


def face_chips(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, 112, 112, 3) uint8 of the faces of an image, upright; what lies outside the image is black.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (N, 5, 2) xy in its pixels, as `core.landmarks` orders `five_points`.

    Raises:
        ImageError: Not an image, or points that are not finite or all in one place.
    """
    check_image(image)
    points = np.asarray(points, np.float64).reshape(-1, 5, 2)
    chips = np.empty((len(points), CHIP_SIDE_PX, CHIP_SIDE_PX, 3), np.uint8)
    for chip, five in zip(chips, points, strict=True):
        if not (np.abs(five) < 1e6).all() or np.ptp(five, axis=0).max() < 1:
            raise ImageError("landmarks", "landmarks are far away, not finite, or all in one place")
        _cut(image, similarity(five, _TEMPLATE), chip)
    return chips


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, scaling and shift that bring points nearest to others, by least squares.

    Args:
        points: (K, 2) xy.
        target: (K, 2) xy.

    Returns:
        (2, 3).
    """
    a, b = points - points.mean(axis=0), target - target.mean(axis=0)
    squared = max(float((a**2).sum()), 1e-12)
    cosine = float((a * b).sum()) / squared
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / squared
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, target.mean(axis=0) - turn @ points.mean(axis=0)])


def _cut(image: np.ndarray, matrix: np.ndarray, chip: np.ndarray) -> None:
    """Fill `chip` with the image as `matrix` maps it. A face much larger than the chip is averaged, not sampled."""
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    shrink = 2 ** max(0, math.floor(-math.log2(max(scale, 1e-6))))
    if shrink > 1:
        corners = np.array(
            [[0, 0], [CHIP_SIDE_PX, 0], [0, CHIP_SIDE_PX], [CHIP_SIDE_PX, CHIP_SIDE_PX]], np.float64
        )
        around = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        height, width = image.shape[:2]
        left, top = np.clip(np.floor(around.min(axis=0)) - shrink, 0, (width - 1, height - 1)).astype(int)
        right, bottom = np.clip(
            np.ceil(around.max(axis=0)) + shrink, (left + 1, top + 1), (width, height)
        ).astype(int)
        size = max(1, (right - left) // shrink), max(1, (bottom - top) // shrink)
        region = np.ascontiguousarray(image[top:bottom, left:right])
        image = cv2.resize(region, size, interpolation=cv2.INTER_AREA)
        factors = np.array([(right - left) / size[0], (bottom - top) / size[1]])
        # pixels of the small image to those of the region, centers to centers, then to the chip
        shift = np.array([left, top]) + factors / 2 - 0.5
        matrix = np.column_stack([matrix[:, :2] * factors, matrix[:, :2] @ shift + matrix[:, 2]])
    cv2.warpAffine(np.ascontiguousarray(image), matrix, (CHIP_SIDE_PX, CHIP_SIDE_PX), dst=chip)
