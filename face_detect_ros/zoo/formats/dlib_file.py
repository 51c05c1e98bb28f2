# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reads dlib's serialized networks (`.dat` files) in plain Python.

A network is a version number per layer from output to input, then the input, then the details of each layer from input
to output, each followed by what is left of its training. `dlib_reader` knows how values are stored.

Nothing is guessed: anything unexpected is a WeightsError with the file, the byte and the reason.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.nn.dlib.description import (
    Add,
    Affine,
    Convolution,
    DetectorWindow,
    FullyConnected,
    Layer,
    MetricOptions,
    MmodOptions,
    NetworkDescription,
    Pool,
    Relu,
    RgbInput,
    Skip,
    Structure,
    Tag,
)
from face_detect_ros.zoo.formats.dlib_reader import LARGEST_SIDE, Reader
from face_detect_ros.zoo.published import dlib_models

_MOST_WINDOWS = 1000


def load(model: dlib_models.ModelFile, structure: Structure) -> NetworkDescription:
    """Reads one of dlib's published files, after a check of its digest.

    Args:
        model: the file.
        structure: its layers, as they must be.

    Raises:
        WeightsError: the file is missing, damaged or altered, or not built like `structure`.
    """
    return read(dlib_models.verify(model), structure)


def read(path: Path, structure: Structure) -> NetworkDescription:
    """Reads the file `path`. Raises WeightsError as `parse` does, and if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse(data, structure, source=str(path))


def parse(data: bytes, structure: Structure, *, source: str) -> NetworkDescription:
    """Reads a network.

    Args:
        data: the bytes of a file.
        structure: its layers, as they must be.
        source: names it in errors.

    Raises:
        WeightsError: `data` ends early, holds something else, or continues after the network; names the byte.
    """
    reader = Reader(data, source)
    reader.version("network", 1)
    head = _head(reader)
    for kind in reversed(structure[1:]):
        reader.version(f"layer '{kind}'", *((1,) if kind.startswith(("tag", "skip")) else (2,)))
    reader.version(f"layer '{structure[0]}'", 3)
    network_input = _input(reader)
    layers: list[Layer] = []
    for index, kind in enumerate(structure):
        name, _, number = kind.partition(" ")
        if name == "tag":
            layers.append(Tag(int(number)))
        elif name == "skip":
            layers.append(Skip(int(number)))
        else:
            layers.append(_layer(reader, name, number))
            _training_leftovers(reader, is_first=index == 0)
    reader.end()
    return NetworkDescription(source, head, network_input, tuple(layers))


def _head(reader: Reader) -> MmodOptions | MetricOptions:
    name = reader.name("a loss", "loss_mmod_", "loss_metric_2")
    if name == "loss_metric_2":
        return MetricOptions(margin=reader.real(), threshold=reader.real())
    version = reader.version("mmod options", 1, 2, 3, 4)
    if version == 1:
        windows = [DetectorWindow(reader.count(LARGEST_SIDE), reader.count(LARGEST_SIDE))]
    else:
        windows = [_window(reader) for _ in range(reader.count(_MOST_WINDOWS))]
    if not windows or any(not (window.width and window.height) for window in windows):
        reader.fail("no detector window, or one without area")
    for _ in range(3):
        reader.real()  # two losses and a threshold that only training uses
    nms_overlap, nms_covered = reader.fraction(), reader.fraction()
    for _ in range(2):
        reader.real()  # what training ignores
    if version >= 3:
        reader.byte()  # whether the windows were chosen with an image pyramid in mind
    regression = False
    if version >= 4:
        regression = reader.boolean()
        reader.real()
    return MmodOptions(tuple(windows), nms_overlap, nms_covered, regression)


def _window(reader: Reader) -> DetectorWindow:
    version = reader.version("detector window", 1, 2)
    width, height = reader.count(LARGEST_SIDE), reader.count(LARGEST_SIDE)
    return DetectorWindow(width, height, reader.text() if version == 2 else "")


def _input(reader: Reader) -> RgbInput:
    name = reader.name(
        "an input", "input_rgb_image_pyramid", "input_rgb_image_pyramid2", "input_rgb_image_sized"
    )
    mean = (reader.real(), reader.real(), reader.real())
    if name == "input_rgb_image_sized":
        return RgbInput(mean, size=(reader.count(LARGEST_SIDE), reader.count(LARGEST_SIDE)))
    if name == "input_rgb_image_pyramid":
        return RgbInput(mean, padding=10, outer_padding=11)  # what dlib had fixed before it stored them
    return RgbInput(mean, padding=reader.count(LARGEST_SIDE), outer_padding=reader.count(LARGEST_SIDE))


def _layer(reader: Reader, name: str, number: str) -> Layer:
    if name == "con":
        return _convolution(reader)
    if name == "affine":
        return _affine(reader)
    if name == "relu":
        reader.name("an activation", "relu_")
        return Relu()
    if name in ("max_pool", "avg_pool"):
        return _pool(reader, name)
    if name == "fc":
        return _fully_connected(reader)
    if name == "add":
        reader.name("an addition", "add_prev_")
        return Add(int(number))
    raise ValueError(f"a structure cannot hold '{name}'")


def _convolution(reader: Reader) -> Convolution:
    version = reader.name("a convolution", "con_4", "con_5")
    values = reader.tensor()
    outputs = reader.count(LARGEST_SIDE)
    window, stride, padding = reader.pair(), reader.pair(), reader.pair()
    shape, bias_shape = reader.shape(), reader.shape()
    _multipliers(reader)
    if version == "con_5" and not reader.boolean():
        reader.fail("a convolution without bias is not supported")
    if shape[0] != outputs or shape[2:] != window or bias_shape != (1, outputs, 1, 1):
        reader.fail(f"a convolution of {outputs} filters {window} has weights {shape}, biases {bias_shape}")
    if min(shape) < 1 or min(stride) < 1 or padding[0] >= window[0] or padding[1] >= window[1]:
        reader.fail(f"a convolution has weights {shape}, stride {stride}, padding {padding}")
    filters, bias = reader.split(values, math.prod(shape), outputs)
    return Convolution(filters.reshape(shape), bias, stride, padding)


def _affine(reader: Reader) -> Affine:
    version = reader.name("an affine layer", "affine_", "bn_con2")
    values = reader.tensor()
    shape, shift_shape = reader.shape(), reader.shape()
    channels = shape[1]
    if shape != (1, channels, 1, 1) or shift_shape != shape or channels < 1:
        reader.fail(f"an affine layer has sizes {shape} and {shift_shape}, not one value per channel")
    scale, shift = reader.split(values, channels, channels)
    if version == "affine_":
        if reader.integer(4) != 0:
            reader.fail("an affine layer is not per channel")
        return Affine(scale, shift)
    for _ in range(2):
        reader.tensor()  # of the last training batch
    running = [reader.tensor(), reader.tensor()]
    for _ in range(2):
        reader.integer(8)  # how long the running figures have run
    _multipliers(reader)
    epsilon = reader.real()
    means, variances = (reader.split(tensor, channels)[0].astype(np.float64) for tensor in running)
    if not (variances + epsilon > 0).all():
        reader.fail("a batch normalization has a variance below zero")
    scale = (scale / np.sqrt(variances + epsilon)).astype(np.float32)
    return Affine(scale, (shift - scale * means).astype(np.float32))


def _pool(reader: Reader, name: str) -> Pool:
    reader.name("a pooling layer", f"{name}_2")
    window, stride, padding = reader.pair(), reader.pair(), reader.pair()
    everything = window == (0, 0)
    fits = padding[0] < window[0] and padding[1] < window[1]
    if min(stride) < 1 or not (everything or fits):
        reader.fail(f"a pooling layer has window {window}, stride {stride}, padding {padding}")
    return Pool(name[:3], window, stride, padding)


def _fully_connected(reader: Reader) -> FullyConnected:
    version = reader.name("a fully connected layer", "fc_2", "fc_3")
    outputs, inputs = reader.count(LARGEST_SIDE), reader.count(LARGEST_SIDE)
    values = reader.tensor()
    shape, bias_shape = reader.shape(), reader.shape()
    has_bias = reader.integer(4) == 0
    _multipliers(reader)
    if version == "fc_3" and reader.boolean() != has_bias:
        reader.fail("a fully connected layer contradicts itself on having a bias")
    if shape != (inputs, outputs, 1, 1) or min(inputs, outputs) < 1:
        reader.fail(f"a fully connected layer from {inputs} to {outputs} values has weights {shape}")
    if has_bias and bias_shape != (1, outputs, 1, 1):
        reader.fail(f"a fully connected layer of {outputs} values has biases {bias_shape}")
    weights, bias = reader.split(values, inputs * outputs, outputs if has_bias else 0)
    return FullyConnected(weights.reshape(inputs, outputs), bias if has_bias else None)


def _multipliers(reader: Reader) -> None:
    for _ in range(4):
        reader.real()  # of learning rate and weight decay


def _training_leftovers(reader: Reader, *, is_first: bool) -> None:
    for _ in range(3):
        reader.boolean()
    for _ in range(3):
        reader.tensor()
    if is_first:
        reader.count(1)  # samples that the input makes of one image
