"""Any object detector in an ONNX file, run by ONNX Runtime and without PyTorch: `onnx:FILE`."""

from __future__ import annotations

from pathlib import Path

from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.objects.detector import ObjectDetector
from face_detect_ros.detectors.onnx.network import OnnxNetwork
from face_detect_ros.engines.onnxruntime import OnnxSession


def create(device: str, file: Path, input_size: int = 0) -> Detector:
    """The detector in an ONNX file.

    Args:
        device: auto, cpu, cuda or cuda:N.
        file: Path of the model.
        input_size: Longest side of the input in pixels, where the file leaves it free; 0: the file's own.

    Raises:
        ConfigError: ONNX Runtime is not installed, layout or classes cannot be told, or the file does not have that
            input size.
        DeviceError: ONNX Runtime does not have the device.
        WeightsError: The file is missing, damaged or not an object detector.
    """
    network = OnnxNetwork(OnnxSession(file, device), file, input_size)
    return ObjectDetector(network, name=f"onnx:{file.name}")
