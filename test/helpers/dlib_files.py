# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writes small networks in dlib's file format, for tests of the reader."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def integer(value: int) -> bytes:
    size = max(1, -(-abs(value).bit_length() // 8))
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def integers(*values: int) -> bytes:
    return b"".join(map(integer, values))


def real(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return integers(int(mantissa * 2**53), exponent - 53)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: np.ndarray | Sequence[float], *shape: int) -> bytes:
    array = np.asarray(values, "<f4").ravel()
    sizes = (shape or (len(array), *[1 if len(array) else 0] * 3)) if len(array) or shape else (0, 0, 0, 0)
    return integers(2, *sizes) + array.tobytes()


def shape(*sizes: int) -> bytes:
    return integers(1, *sizes)


MULTIPLIERS = real(1) + real(1) + real(1) + real(0)
LEFTOVERS = b"100" + tensor([]) * 3


def convolution(
    filters: np.ndarray, bias: np.ndarray, stride: int = 1, padding: int = 0, version: str = "con_4"
) -> bytes:
    outputs, inputs, height, width = filters.shape
    return (
        text(version)
        + tensor(np.concatenate([filters.ravel(), bias]))
        + integers(outputs, height, width, stride, stride, padding, padding)
        + shape(outputs, inputs, height, width)
        + shape(1, outputs, 1, 1)
        + MULTIPLIERS
        + (b"1" if version == "con_5" else b"")
    )


def affine(scale: Sequence[float], shift: Sequence[float], mode: int = 0) -> bytes:
    sizes = shape(1, len(scale), 1, 1)
    return text("affine_") + tensor([*scale, *shift]) + sizes + sizes + integer(mode)


def batch_normalization(
    scale: Sequence[float],
    shift: Sequence[float],
    means: Sequence[float],
    variances: Sequence[float],
    epsilon: float,
) -> bytes:
    sizes = shape(1, len(scale), 1, 1)
    return (
        text("bn_con2")
        + tensor([*scale, *shift])
        + sizes
        + sizes
        + tensor([]) * 2
        + tensor(means)
        + tensor(variances)
        + integers(7, 100)
        + MULTIPLIERS
        + real(epsilon)
    )


def pool(kind: str, window: int, stride: int, padding: int = 0) -> bytes:
    return text(f"{kind}_pool_2") + integers(window, window, stride, stride, padding, padding)


def fully_connected(weights: np.ndarray, bias: np.ndarray | None = None) -> bytes:
    inputs, outputs = weights.shape
    values = weights.ravel() if bias is None else np.concatenate([weights.ravel(), bias])
    sizes = shape(0, 0, 0, 0) if bias is None else shape(1, outputs, 1, 1)
    return (
        text("fc_2")
        + integers(outputs, inputs)
        + tensor(values)
        + shape(inputs, outputs, 1, 1)
        + sizes
        + integer(1 if bias is None else 0)
        + MULTIPLIERS
    )


METRIC = text("loss_metric_2") + real(0.04) + real(0.6)
SIZED_INPUT = text("input_rgb_image_sized") + real(122.5) + real(117) + real(104.25) + integers(150, 150)


def mmod(windows: Sequence[tuple[int, int, str]], version: int = 4, regression: bool = False) -> bytes:
    listed = b"".join(integers(2, width, height) + text(label) for width, height, label in windows)
    return (
        text("loss_mmod_")
        + integer(version)
        + (integers(*windows[0][:2]) if version == 1 else integer(len(windows)) + listed)
        + real(1) * 2
        + real(0.5)
        + real(0.25) + real(0.75)
        + real(0.5) * 2
        + (b"\x01" if version >= 3 else b"")
        + ((b"1" if regression else b"0") + real(100) if version >= 4 else b"")
    )  # fmt: skip


def network(layers: Sequence[tuple[str, bytes]], head: bytes = METRIC, source: bytes = SIZED_INPUT) -> bytes:
    """layers: (kind as in a Structure, details) from input to output; the first must not be a tag."""
    versions = [1 if kind.startswith(("tag", "skip")) else 2 for kind, _ in layers]
    versions[0] = 3
    data = integer(1) + head + integers(*reversed(versions)) + source
    for index, (kind, details) in enumerate(layers):
        if kind.startswith(("tag", "skip")):
            continue
        data += details + LEFTOVERS + (integer(1) if index == 0 else b"")
    return data
