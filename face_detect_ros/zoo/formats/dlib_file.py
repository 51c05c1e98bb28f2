"""Reads dlib's serialized networks (`.dat` files) in plain Python.

The format: integers are a control byte (bit 7 the sign, bits 0 to 3 the length) and that many little-endian
bytes; floating-point numbers are a mantissa and an exponent of 2 as two such integers; a text or a list is
its length and its items; a bool is "0" or "1"; a tensor is a version, four sizes and its values as
little-endian float32. A network is a version number per layer from output to input, then the input, then the
details of each layer from input to output, each followed by what is left of its training.

Nothing is guessed: whatever is not as expected is a WeightsError with the file, the byte and the reason, and
nothing is allocated before the file is known to be long enough for it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn

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
from face_detect_ros.zoo.published import dlib_models

_MOST_WINDOWS = 1000
_LONGEST_NAME = 100
_LARGEST_SIDE = 1 << 20  # of a window, a filter or a picture; far beyond any network
_INFINITE = (32000, 32001, 32002)  # exponents that stand for infinity, its negative and not-a-number


def load(model: dlib_models.ModelFile, structure: Structure) -> NetworkDescription:
    """The network in one of dlib's published files, which is checked against its checksum first.

    Raises WeightsError for a missing, damaged or altered file, or one that is not built like `structure`.
    """
    return read(dlib_models.verify(model), structure)


def read(path: Path, structure: Structure) -> NetworkDescription:
    """The network in the file `path`. Raises WeightsError as `parse` does, and if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse(data, structure, source=str(path))


def parse(data: bytes, structure: Structure, *, source: str) -> NetworkDescription:
    """The network in `data`, whose layers are those of `structure`; `source` names it in errors.

    Raises WeightsError naming the byte where `data` ends early, holds something else, or goes on.
    """
    reader = _Reader(data, source)
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


def _head(reader: _Reader) -> MmodOptions | MetricOptions:
    name = reader.name("a loss", "loss_mmod_", "loss_metric_2")
    if name == "loss_metric_2":
        return MetricOptions(margin=reader.real(), threshold=reader.real())
    version = reader.version("mmod options", 1, 2, 3, 4)
    if version == 1:
        windows = [DetectorWindow(reader.count(_LARGEST_SIDE), reader.count(_LARGEST_SIDE))]
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


def _window(reader: _Reader) -> DetectorWindow:
    version = reader.version("detector window", 1, 2)
    width, height = reader.count(_LARGEST_SIDE), reader.count(_LARGEST_SIDE)
    return DetectorWindow(width, height, reader.text() if version == 2 else "")


def _input(reader: _Reader) -> RgbInput:
    name = reader.name(
        "an input", "input_rgb_image_pyramid", "input_rgb_image_pyramid2", "input_rgb_image_sized"
    )
    mean = (reader.real(), reader.real(), reader.real())
    if name == "input_rgb_image_sized":
        return RgbInput(mean, size=(reader.count(_LARGEST_SIDE), reader.count(_LARGEST_SIDE)))
    if name == "input_rgb_image_pyramid":
        return RgbInput(mean, padding=10, outer_padding=11)  # what dlib had fixed before it stored them
    return RgbInput(mean, padding=reader.count(_LARGEST_SIDE), outer_padding=reader.count(_LARGEST_SIDE))


def _layer(reader: _Reader, name: str, number: str) -> Layer:
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


def _convolution(reader: _Reader) -> Convolution:
    version = reader.name("a convolution", "con_4", "con_5")
    values = reader.tensor()
    outputs = reader.count(_LARGEST_SIDE)
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


def _affine(reader: _Reader) -> Affine:
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


def _pool(reader: _Reader, name: str) -> Pool:
    reader.name("a pooling layer", f"{name}_2")
    window, stride, padding = reader.pair(), reader.pair(), reader.pair()
    everything = window == (0, 0)
    fits = padding[0] < window[0] and padding[1] < window[1]
    if min(stride) < 1 or not (everything or fits):
        reader.fail(f"a pooling layer has window {window}, stride {stride}, padding {padding}")
    return Pool(name[:3], window, stride, padding)


def _fully_connected(reader: _Reader) -> FullyConnected:
    version = reader.name("a fully connected layer", "fc_2", "fc_3")
    outputs, inputs = reader.count(_LARGEST_SIDE), reader.count(_LARGEST_SIDE)
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


def _multipliers(reader: _Reader) -> None:
    for _ in range(4):
        reader.real()  # of learning rate and weight decay


def _training_leftovers(reader: _Reader, *, is_first: bool) -> None:
    for _ in range(3):
        reader.boolean()
    for _ in range(3):
        reader.tensor()
    if is_first:
        reader.count(1)  # samples that the input makes of one picture


class _Reader:
    """Steps through `data`; `fail` names the item that was read last."""

    def __init__(self, data: bytes, source: str) -> None:
        self._data = data
        self._source = source
        self._at = 0  # of the next byte
        self._item = 0  # where the item read last begins

    def fail(self, reason: str) -> NoReturn:
        raise WeightsError(f"{self._source}: byte {self._item}: {reason}; {dlib_models.REPAIR}")

    def integer(self, size: int, *, signed: bool = True) -> int:
        """An integer that dlib holds in `size` bytes."""
        self._item = self._at
        control = self._take(1)[0]
        length = control & 0x0F
        if control & (0x70 if signed else 0xF0) or not 1 <= length <= size:
            self.fail(f"expected an integer of at most {size} bytes, found control byte {control:#04x}")
        value = int.from_bytes(self._take(length), "little")
        return -value if control & 0x80 else value

    def count(self, limit: int) -> int:
        """A size from 0 to `limit`."""
        value = self.integer(8)
        if not 0 <= value <= limit:
            self.fail(f"expected a number from 0 to {limit}, found {value}")
        return value

    def pair(self) -> tuple[int, int]:
        return self.count(_LARGEST_SIDE), self.count(_LARGEST_SIDE)

    def version(self, what: str, *known: int) -> int:
        value = self.integer(4)
        if value not in known:
            names = " or ".join(map(str, known))
            self.fail(f"expected version {names} of {what}, found {value}")
        return value

    def real(self) -> float:
        start = self._at
        mantissa, exponent = self.integer(8), self.integer(2)
        self._item = start
        if exponent in _INFINITE or abs(exponent) > 1100:
            self.fail(f"a number is not finite or out of range (exponent {exponent})")
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            self.fail(f"a number is out of range (exponent {exponent})")

    def fraction(self) -> float:
        value = self.real()
        if not 0.0 <= value <= 1.0:
            self.fail(f"expected a number from 0 to 1, found {value:g}")
        return value

    def boolean(self) -> bool:
        value = self.byte()
        if value not in b"01":
            self.fail(f"expected a truth value, '0' or '1', found byte {value:#04x}")
        return value == ord("1")

    def byte(self) -> int:
        self._item = self._at
        return self._take(1)[0]

    def text(self) -> str:
        length = self.integer(8, signed=False)
        start = self._item
        if length > _LONGEST_NAME:
            self.fail(f"expected a name, found a text of {length} bytes")
        raw = self._take(length)
        self._item = start
        try:
            return raw.decode("ascii")
        except UnicodeDecodeError:
            self.fail(f"a name holds the bytes {raw!r}")

    def name(self, what: str, *known: str) -> str:
        value = self.text()
        if value not in known:
            self.fail(f"expected {what} ({', '.join(known)}), found {value!r}")
        return value

    def shape(self) -> tuple[int, int, int, int]:
        """Sizes (samples, channels, rows, columns) of a tensor stored elsewhere."""
        self.version("tensor sizes", 1)
        return self._sizes()

    def tensor(self) -> np.ndarray:
        """Values of a tensor, flat (N,) float32, all finite."""
        start = self._at
        self.version("tensor", 2)
        shape = self._sizes()
        self._item = start
        size = math.prod(shape)
        if size * 4 > len(self._data) - self._at:
            self.fail(f"the file ends inside a tensor of {shape} values")
        values = np.frombuffer(self._data, "<f4", size, self._at).astype(np.float32)
        self._at += size * 4
        if not np.isfinite(values).all():
            self.fail(f"a tensor of {shape} holds a value that is not finite")
        return values

    def split(self, values: np.ndarray, *sizes: int) -> list[np.ndarray]:
        """The parts of `values`, which must be as long as all `sizes` together."""
        if len(values) != sum(sizes):
            self.fail(f"expected {' + '.join(map(str, sizes))} weights, found {len(values)}")
        return np.split(values, np.cumsum(sizes)[:-1])

    def end(self) -> None:
        self._item = self._at
        if self._at != len(self._data):
            self.fail(f"the network ends here, the file {len(self._data) - self._at} bytes later")

    def _sizes(self) -> tuple[int, int, int, int]:
        # each alone may be as long as the file, no longer
        limit = len(self._data)
        return self.count(limit), self.count(limit), self.count(limit), self.count(limit)

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            self.fail("the file ends early")
        taken = self._data[self._at : end]
        self._at = end
        return taken
