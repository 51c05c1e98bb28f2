# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's two face networks as PyTorch modules, for inference only.

Legend: N images, C channels, H height, W width. Tensors are NHWC in memory (channels_last), which the CPU's
convolutions want. Affine and batch-normalization layers are folded into the convolution before them, in
float64; that is exact but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.nn.dlib.convolutions import ByTaps, FoldedConvolution, PairedColumns, fewer_products
from face_detect_ros.nn.dlib.description import (
    Add,
    Affine,
    Convolution,
    FullyConnected,
    Layer,
    MetricOptions,
    MmodOptions,
    NetworkDescription,
    Pool,
    Relu,
    Skip,
    Tag,
)


class MmodNetwork(nn.Module):
    """The sliding-window network of dlib's CNN face detector.

    Attributes:
        options: How its output becomes boxes.
        stride, origin: Cell (x, y) of the output looks at pixel (x, y) * stride + origin of the input.

    Raises:
        WeightsError: The description is not a chain of convolutions that ends in one channel per window.
    """

    def __init__(self, description: NetworkDescription) -> None:
        super().__init__()
        options = description.head
        if not isinstance(options, MmodOptions):
            _fail(description, "it is not an object detector")
        if options.box_regression:
            _fail(description, "its box regression is not supported")
        convolutions = _fold(description)
        if not all(isinstance(step, FoldedConvolution) for step in convolutions) or len(convolutions) < 2:
            _fail(description, "it is not a chain of convolutions")
        first, *middle, last = (step for step in convolutions if isinstance(step, FoldedConvolution))
        if len(last.bias) != len(options.windows):
            _fail(description, f"it gives {len(last.bias)} values for {len(options.windows)} windows")
        if last.stride != (1, 1) or last.relu or first.stride[1] != 2 or first.padding != (0, 0):
            _fail(description, "its first or last convolution is not like those of dlib's face detector")
        self.options = options
        self.stride, self.origin = _geometry([first, *middle, last])
        self.smallest_px = _smallest_input([first, *middle, last])
        self._first = PairedColumns(first)
        self._middle = nn.Sequential(*map(fewer_products, middle))
        self._last = ByTaps(last)
        self.eval()

    def forward(self, canvas: Tensor) -> Tensor:
        """canvas: (N, H, W, 3) normalized, W even, to (N, windows, H', W') float32 margins."""
        margins: Tensor = self._last(self._middle(self._first(canvas)))
        return margins


class DescriptorNetwork(nn.Module):
    """dlib's residual network from an aligned face to a descriptor.

    Raises WeightsError for a description whose layers do not fit together.
    """

    def __init__(self, description: NetworkDescription) -> None:
        super().__init__()
        if not isinstance(description.head, MetricOptions):
            _fail(description, "it gives no descriptors")
        self.steps = nn.ModuleList(_fold(description))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) normalized to (N, length) descriptors."""
        remembered: dict[int, Tensor] = {}
        for step in self.steps:
            if isinstance(step, _Remember):
                remembered[step.number] = x
            elif isinstance(step, _GoOn):
                x = remembered[step.number]
            elif isinstance(step, _Sum):
                x = step(x, remembered[step.number])
            else:
                x = step(x)
        return x


class _Pooling(nn.Module):
    def __init__(self, layer: Pool) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        # int: an exported graph has constants here
        window = self.layer.window if self.layer.window != (0, 0) else (int(x.shape[2]), int(x.shape[3]))
        if self.layer.kind == "max":
            return F.max_pool2d(x, window, self.layer.stride, self.layer.padding)
        # dlib divides by the pixels inside the image
        return F.avg_pool2d(x, window, self.layer.stride, self.layer.padding, count_include_pad=False)


class _Linear(nn.Module):
    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: FullyConnected) -> None:
        super().__init__()
        self.register_buffer("weight", torch.from_numpy(np.ascontiguousarray(layer.weights.T)))
        self.register_buffer("bias", None if layer.bias is None else torch.from_numpy(layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.flatten(1), self.weight, self.bias)


class _Remember(nn.Module):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _GoOn(nn.Module):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Sum(nn.Module):
    """Adds; where one is smaller in channels, height or width, dlib takes zeros for what it lacks."""

    def __init__(self, number: int, relu: bool) -> None:
        super().__init__()
        self.number = number
        self.relu = relu

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        if a.shape != b.shape:
            shape = [max(int(x), int(y)) for x, y in zip(a.shape[1:], b.shape[1:], strict=True)]
            a, b = _extended(a, shape), _extended(b, shape)
        y = a + b
        return F.relu_(y) if self.relu else y


def _fold(description: NetworkDescription) -> list[nn.Module]:
    """The layers as modules, each convolution with the affine and relu layers that follow it."""
    channels = 3
    remembered: dict[int, int] = {}
    steps: list[nn.Module] = []
    layers = list(description.layers)
    while layers:
        layer = layers.pop(0)
        if isinstance(layer, Convolution):
            if layer.filters.shape[1] != channels:
                _fail(description, f"a convolution takes {layer.filters.shape[1]} channels, gets {channels}")
            steps.append(_folded_convolution(layer, layers, description))
            channels = len(layer.bias)
        elif isinstance(layer, Pool):
            steps.append(_Pooling(layer))
        elif isinstance(layer, FullyConnected):
            if len(layer.weights) != channels:
                _fail(description, f"a full connection takes {len(layer.weights)} values, gets {channels}")
            steps.append(_Linear(layer))
            channels = layer.weights.shape[1]
        elif isinstance(layer, Tag):
            remembered[layer.number] = channels
            steps.append(_Remember(layer.number))
        elif isinstance(layer, Skip | Add) and layer.number not in remembered:
            _fail(description, f"a layer refers to number {layer.number}, which does not come before it")
        elif isinstance(layer, Skip):
            channels = remembered[layer.number]
            steps.append(_GoOn(layer.number))
        elif isinstance(layer, Add):
            channels = max(channels, remembered[layer.number])
            steps.append(_Sum(layer.number, _take_relu(layers)))
        else:
            _fail(description, f"a layer {type(layer).__name__} stands where it cannot be folded in")
    return steps


def _folded_convolution(
    layer: Convolution, following: list[Layer], description: NetworkDescription
) -> FoldedConvolution:
    weight, bias = layer.filters.astype(np.float64), layer.bias.astype(np.float64)
    if following and isinstance(following[0], Affine):
        affine = following[0]
        del following[0]
        if len(affine.scale) != len(bias):
            _fail(description, f"{len(affine.scale)} affine channels follow {len(bias)} filters")
        weight = weight * affine.scale[:, None, None, None]
        bias = bias * affine.scale + affine.shift
    return FoldedConvolution(weight, bias, layer.stride, layer.padding, _take_relu(following))


def _take_relu(following: list[Layer]) -> bool:
    if following and isinstance(following[0], Relu):
        del following[0]
        return True
    return False


def _geometry(chain: Sequence[FoldedConvolution]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Stride and origin, each (x, y), of the chain's output cells in its input."""
    stride, origin = [1, 1], [0, 0]
    for convolution in reversed(chain):
        for axis in (0, 1):  # y, x
            step = convolution.stride[axis]
            stride[axis] *= step
            origin[axis] = (
                origin[axis] * step - convolution.padding[axis] + convolution.weight.shape[2 + axis] // 2
            )
    return (stride[1], stride[0]), (origin[1], origin[0])


def _smallest_input(chain: Sequence[FoldedConvolution]) -> int:
    """The least height and width for which every convolution of the chain has an output."""
    side = 1
    for convolution in reversed(chain):
        axes = zip(convolution.weight.shape[2:], convolution.stride, convolution.padding, strict=True)
        side = max((side - 1) * stride + window - 2 * padding for window, stride, padding in axes)
        side = max(side, 1)
    return side


def _extended(x: Tensor, shape: Sequence[int]) -> Tensor:
    channels, height, width = (wanted - int(has) for wanted, has in zip(shape, x.shape[1:], strict=True))
    return F.pad(x, (0, width, 0, height, 0, channels)) if channels or height or width else x


def _fail(description: NetworkDescription, reason: str) -> NoReturn:
    raise WeightsError(f"{description.source}: not a network that this version can run: {reason}")
