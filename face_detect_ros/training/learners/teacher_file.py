# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A teacher's ONNX file, opened so that it gives its maps too. No PyTorch: the process that tries it starts fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.engines.onnxruntime import OnnxSession

LEVELS = 3
"""Strides that a teacher works on: 8, 16 and 32."""
TRIED = (2, 3, 64, 96)
"""Shape of the images of its first run."""


def load(file: Path) -> tuple[OnnxSession, list[np.ndarray]]:
    """The teacher on the CPU, and what it gives for gray images of `TRIED`. Raises ConfigError, WeightsError."""
    session = OnnxSession(file, "cpu", threads=1, content=opened(file))
    try:
        return session, session.run({session.inputs[0].name: np.full(TRIED, 114, np.float32)})
    except RuntimeError as error:
        raise no_yolox(file, str(error)) from error


def look_once(file: Path) -> None:
    """Load it and forget it. Raises PerceptionError."""
    load(file)


def opened(file: Path) -> bytes:
    """The model for any batch and size, and with the maps behind boxes and scores of each stride as outputs.

    YOLOX's exporter fixes the sizes, though only the reshaping of its outputs depends on them.
    """
    try:
        import onnx
    except ImportError as error:
        raise ConfigError("a teacher needs the package onnx; run: pip install onnx") from error
    try:
        model = onnx.load(file, load_external_data=False)  # else it reads other files than the one named
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf's own
        raise WeightsError(f"{file}: no ONNX file ({error})") from error
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    reshapes = [node for node in graph.node if node.op_type == "Reshape"]
    maps = []
    try:
        for node in reshapes:
            boxes, _, scores = made_by[node.input[0]].input
            maps += [_into(made_by[boxes]), _into(made_by[made_by[scores].input[0]])]
    except (KeyError, ValueError) as error:
        raise no_yolox(file, "its end is not that of YOLOX") from error
    if len(reshapes) != LEVELS or len(graph.input) != 1 or len(graph.output) != 1:
        raise no_yolox(file, "its end is not that of YOLOX")
    for port, free in ((graph.input[0], (0, 2, 3)), (graph.output[0], (0, 1))):
        for axis in free:
            port.type.tensor_type.shape.dim[axis].dim_param = f"{port.name}_{axis}"
    shapes = {node.input[1] for node in reshapes}
    for value in graph.initializer:
        if value.name in shapes:
            shape = onnx.numpy_helper.to_array(value).copy()
            shape[0] = 0  # as it is
            value.CopyFrom(onnx.numpy_helper.from_array(shape, value.name))
    del graph.value_info[:]
    for name in maps:
        graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return bytes(model.SerializeToString())


def _into(convolution: Any) -> str:
    """The name of what the last convolution is made from."""
    if convolution.op_type != "Conv":
        raise ValueError(convolution.op_type)
    return str(convolution.input[0])


def no_yolox(file: Path, reason: str) -> WeightsError:
    return WeightsError(f"{file}: no YOLOX that can teach: {reason}")
