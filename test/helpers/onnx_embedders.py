# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Made face embedders in ONNX files: what they tell of a face is the brightness of its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def brightness_embedder(path: Path, *, batch: int | None = 1, plain: bool = False, side: int = 112) -> Path:
    """64 numbers a face: the mean of each of 8 x 8 parts of its red plane, from -1 to 1.

    Args:
        path: Where it is written.
        batch: Of its input; None leaves it free.
        plain: It takes values from 0 to 255 and subtracts the mean itself.
        side: Of its input, in pixels.
    """
    weights, nodes, pixels = [], [], "data"
    if plain:
        weights = [
            numpy_helper.from_array(np.float32(value), name)
            for name, value in (("mean", 127.5), ("scale", 1 / 127.5))
        ]
        nodes = [
            helper.make_node("Sub", ["data", "mean"], ["centered"]),
            helper.make_node("Mul", ["centered", "scale"], ["scaled"]),
        ]
        pixels = "scaled"
    red = np.zeros((1, 3, 1, 1), np.float32)
    red[0, 0] = 1
    weights.append(numpy_helper.from_array(red, "red"))
    nodes += [
        helper.make_node("Conv", [pixels, "red"], ["plane"]),
        helper.make_node(
            "AveragePool", ["plane"], ["parts"], kernel_shape=[side // 8] * 2, strides=[side // 8] * 2
        ),
        helper.make_node("Flatten", ["parts"], ["fc1"]),
    ]
    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
    size = "n" if batch is None else batch
    graph = helper.make_graph(
        nodes, "made", [tensor("data", [size, 3, side, side])], [tensor("fc1", [size, 64])], weights
    )
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path
