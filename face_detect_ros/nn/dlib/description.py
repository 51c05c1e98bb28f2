# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a dlib network consists of, as plain NumPy values in the order of their execution.

dlib's files name each layer but not how the layers refer to each other: dlib has that compiled in, as a C++
type. Here it is a `Structure`, which the reader follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Structure = tuple[str, ...]
"""Kinds of layers from input to output: con, affine, relu, max_pool, avg_pool, fc, and "tag N" (remember what
comes here as N), "skip N" (go on with N), "add N" (add N)."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution.

    Attributes:
        filters: (out, in, height, width) float32.
        bias: (out,) float32.
        stride: (y, x).
        padding: (y, x).
    """

    filters: np.ndarray
    bias: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Affine:
    """x * scale + shift per channel.

    Attributes:
        scale: (channels,) float32.
        shift: (channels,) float32.
    """

    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Relu:
    pass


@dataclass(frozen=True)
class Pool:
    """A pooling layer.

    Attributes:
        kind: "max" or "avg".
        window: (y, x); (0, 0): everything.
        stride: (y, x).
        padding: (y, x).
    """

    kind: str
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, eq=False)
class FullyConnected:
    """A fully connected layer.

    Attributes:
        weights: (in, out) float32.
        bias: (out,) float32, or None.
    """

    weights: np.ndarray
    bias: np.ndarray | None


@dataclass(frozen=True)
class Tag:
    number: int


@dataclass(frozen=True)
class Skip:
    number: int


@dataclass(frozen=True)
class Add:
    number: int


Layer = Convolution | Affine | Relu | Pool | FullyConnected | Tag | Skip | Add


@dataclass(frozen=True)
class RgbInput:
    """(value - mean) / 256 of each channel.

    Attributes:
        mean: Red, green, blue.
        size: (height, width) of the only images taken, or None for any.
        padding, outer_padding: Pixels between and around the levels of a tiled pyramid; None for a network
            without one.
    """

    mean: tuple[float, float, float]
    size: tuple[int, int] | None = None
    padding: int | None = None
    outer_padding: int | None = None


@dataclass(frozen=True)
class DetectorWindow:
    """The box, in pixels, that one output channel stands for."""

    width: int
    height: int
    label: str = ""


@dataclass(frozen=True)
class MmodOptions:
    """How an object detector's output becomes boxes.

    Attributes:
        windows: The box of each output channel.
        nms_overlap: Two boxes are one object if their intersection is more than this part of the rectangle around
            both.
        nms_covered: They are one object, too, if it is more than this part of either of them.
        box_regression: Whether the network corrects its boxes.
    """

    windows: tuple[DetectorWindow, ...]
    nms_overlap: float
    nms_covered: float
    box_regression: bool


@dataclass(frozen=True)
class MetricOptions:
    """How descriptors were trained: pairs of one person nearer than threshold - margin, others further."""

    margin: float
    threshold: float


@dataclass(frozen=True, eq=False)
class NetworkDescription:
    """One network of a file.

    Attributes:
        source: The file, for messages.
        head: How its output is used.
        input: How its images are prepared.
        layers: From the input to the output.
    """

    source: str
    head: MmodOptions | MetricOptions
    input: RgbInput
    layers: tuple[Layer, ...]


_CONVOLUTION = ("con", "affine", "relu")
_BLOCK = ("con", "affine", "relu", "con", "affine")
_RESIDUAL = ("tag 1", *_BLOCK, "add 1", "relu")
_RESIDUAL_DOWN = ("tag 1", *_BLOCK, "tag 2", "skip 1", "avg_pool", "add 2", "relu")

MMOD_STRUCTURE: Structure = _CONVOLUTION * 6 + ("con",)
RESNET_STRUCTURE: Structure = (
    *_CONVOLUTION,
    "max_pool",
    *_RESIDUAL * 3,
    *(_RESIDUAL_DOWN + _RESIDUAL * 3),
    *(_RESIDUAL_DOWN + _RESIDUAL * 2) * 2,
    *_RESIDUAL_DOWN,
    "avg_pool",
    "fc",
)
