# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Made face networks in ONNX files: they find the same faces in every image, those that a test writes into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def constant_network(path: Path, input_shape: Sequence[int | str], outputs: Mapping[str, np.ndarray]) -> Path:
    """A network with that input whose outputs are always these.

    Args:
        path: Where it is written.
        input_shape: Of the input "input"; a text is a free size.
        outputs: Arrays by name.
    """
    axes = list(range(len(input_shape)))
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
    ]
    weights = [numpy_helper.from_array(np.float32(0), "nothing")]
    infos = []
    for name, values in outputs.items():
        weights.append(numpy_helper.from_array(np.asarray(values, np.float32), f"{name}_values"))
        nodes.append(helper.make_node("Add", [f"{name}_values", "zero"], [name]))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, list(input_shape))
    graph = helper.make_graph(nodes, "made", [image], infos, weights)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path
