# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The engine `tensorrt`: NVIDIA's compiler for its GPUs, through ONNX Runtime. Written for, but not tried on, a GPU."""

from __future__ import annotations

from pathlib import Path

from face_detect_ros.core.errors import DeviceError
from face_detect_ros.engines.onnxruntime import TENSORRT, OnnxSession
from face_detect_ros.engines.protocol import Compute


def create(
    file: Path, compute: Compute, *, content: bytes | None = None, cache: Path | None = None
) -> OnnxSession:
    """An engine as the catalogue makes it: it compiles for minutes at its first start, and keeps the result.

    Args:
        file: The ONNX file.
        compute: Device, precision and threads.
        content: What to load in place of what `file` holds.
        cache: Not used: ONNX Runtime keeps what it compiled.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        DeviceError: There is no TensorRT or GPU, or the precision is not float32.
        WeightsError: The file is missing or cannot be loaded.
    """
    del cache  # ONNX Runtime keeps what it compiled; see `onnxruntime`
    if compute.device == "cpu":
        raise DeviceError(
            "device 'cpu': engine tensorrt computes on an NVIDIA GPU; set engine to openvino or onnxruntime"
        )
    if compute.precision not in ("auto", "float32"):
        raise DeviceError(
            f"precision '{compute.precision}': engine tensorrt computes in float32 here; set it to auto"
        )
    return OnnxSession(file, compute.device, threads=compute.threads, content=content, only=(TENSORRT,))
