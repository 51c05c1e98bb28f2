# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A YOLOX computed by PyTorch on a GPU: the nodes of its ONNX graph, one after the other.

ONNX Runtime's wheels compute on the CPU alone, which would keep a GPU waiting for its teacher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from face_detect_ros.core.errors import WeightsError

_Node = tuple[Callable[..., Tensor], tuple[str, ...], str]


class TeacherGraph:
    """The graph of a YOLOX, with its weights on `device`.

    Args:
        content: An ONNX model, serialized, see `teacher_file.opened`.
        device: Where it computes.

    Raises:
        WeightsError: The graph has a node that no YOLOX has.
    """

    def __init__(self, content: bytes, device: torch.device) -> None:
        import onnx

        graph = onnx.load_from_string(content).graph
        constants = {value.name: onnx.numpy_helper.to_array(value) for value in graph.initializer}
        self._input = graph.input[0].name
        self._outputs = tuple(value.name for value in graph.output)
        self._weights = {
            name: torch.from_numpy(value.copy()).to(device)
            for name, value in constants.items()
            if value.dtype == np.float32
        }
        self._nodes: list[_Node] = []
        for node in graph.node:
            make = _OPERATORS.get(node.op_type)
            if make is None:
                raise WeightsError(f"a teacher's graph has {node.op_type}, which is not computed on a GPU")
            options = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            names = tuple(
                name for name in node.input if (name and name not in constants) or name in self._weights
            )
            operator = make(options, [constants.get(name) for name in node.input])
            self._nodes.append((operator, names[:1] if node.op_type == "Resize" else names, node.output[0]))

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> list[Tensor]:
        """The outputs of the graph, float32.

        Args:
            pixels: (B, 3, H, W) float32 on the device.
        """
        values: dict[str, Tensor] = {**self._weights, self._input: pixels}
        with torch.autocast(pixels.device.type, enabled=False):
            for operator, names, output in self._nodes:
                values[output] = operator(*(values[name] for name in names))
        return [values[name] for name in self._outputs]


def _convolution(options: Mapping[str, Any], _: object) -> Callable[..., Tensor]:
    top, left, bottom, right = options.get("pads", (0, 0, 0, 0))
    if (top, left) != (bottom, right):
        raise WeightsError("a teacher's convolution is padded on one side only")
    more = {
        "stride": tuple(options.get("strides", (1, 1))),
        "padding": (top, left),
        "dilation": tuple(options.get("dilations", (1, 1))),
        "groups": options.get("group", 1),
    }
    return lambda x, weight, bias=None: F.conv2d(x, weight, bias, **more)


def _pool(options: Mapping[str, Any], _: object) -> Callable[..., Tensor]:
    size, stride = tuple(options["kernel_shape"]), tuple(options.get("strides", (1, 1)))
    top, left, bottom, right = options.get("pads", (0, 0, 0, 0))
    if (top, left) != (bottom, right) or options.get("ceil_mode", 0):
        raise WeightsError("a teacher's pooling is padded on one side only")
    return lambda x: F.max_pool2d(x, size, stride, (top, left))


def _slice(_: Mapping[str, Any], constants: list[Any]) -> Callable[..., Tensor]:
    starts, ends, axes, steps = (value.tolist() for value in constants[1:5])

    def cut(x: Tensor) -> Tensor:
        index = [slice(None)] * x.dim()
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            index[axis] = slice(start, end, step)
        return x[tuple(index)]

    return cut


def _resize(_: Mapping[str, Any], constants: list[Any]) -> Callable[..., Tensor]:
    scales = next(value for value in constants[2:] if value is not None and value.size == 4)
    return lambda x: F.interpolate(x, scale_factor=scales[2:].tolist(), mode="nearest")


def _reshape(_: Mapping[str, Any], constants: list[Any]) -> Callable[..., Tensor]:
    shape = constants[1].tolist()
    return lambda x: x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


_OPERATORS: dict[str, Callable[[Mapping[str, Any], list[Any]], Callable[..., Tensor]]] = {
    "Conv": _convolution,
    "MaxPool": _pool,
    "Slice": _slice,
    "Resize": _resize,
    "Reshape": _reshape,
    "Sigmoid": lambda options, _: torch.sigmoid,
    "Add": lambda options, _: torch.add,
    "Mul": lambda options, _: torch.mul,
    "Concat": lambda options, _: lambda *values: torch.cat(values, dim=options["axis"]),
    "Transpose": lambda options, _: lambda x: x.permute(*options["perm"]),
}
