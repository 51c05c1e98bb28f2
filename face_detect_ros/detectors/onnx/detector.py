# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Any object detector in an ONNX file, without PyTorch: `onnx:FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from face_detect_ros.core.errors import EngineError, WeightsError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.onnx.network import OnnxNetwork
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines.protocol import Compute


def create(file: Path, compute: Compute, engine_names: Sequence[str], input_size: int = 0) -> Detector:
    """The detector in an ONNX file.

    Args:
        file: Path of the model.
        compute: Device, precision and threads. Precision auto is float32: what the file computes in, boxes included.
        engine_names: Engines to try, best first.
        input_size: Longest side of the input in pixels, where the file leaves it free; 0: the file's own.

    Raises:
        ConfigError: Layout or classes cannot be told, or the file does not have that input size.
        EngineError: No engine can compute it.
        DeviceError: A device or precision that is not here.
        WeightsError: The file is missing, damaged or not an object detector.
    """
    exact = compute.in_float32()

    def make(name: str) -> Detector:
        engine = engines.open_graph(name, file, exact)  # nothing cached: weights may lie in a second file
        try:
            network = OnnxNetwork(engine, file, input_size)
        except WeightsError as error:
            if name == engine_names[-1]:
                raise
            raise EngineError(
                str(error)
            ) from error  # whether it is the file or the engine, the next one tells
        return NetworkDetector(network, name=f"onnx:{file.name}")

    return engines.first(engine_names, make)
