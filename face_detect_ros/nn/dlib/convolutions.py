# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Convolutions arranged so that a CPU computes them fast; the products and sums stay those of a convolution.

Legend: N images, C channels, H height, W width. Tensors are NHWC in memory (channels_last).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


class FoldedConvolution(nn.Module):
    """A convolution with what follows it: (N, in, H, W) to (N, out, H', W')."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        weight: np.ndarray,
        bias: np.ndarray,
        stride: tuple[int, int],
        padding: tuple[int, int],
        relu: bool,
    ) -> None:
        """Copy the weights.

        Args:
            weight: (out, in, height, width), with the affine layer folded in.
            bias: (out,), likewise.
            stride: (y, x).
            padding: (y, x).
            relu: Whether a ReLU follows.
        """
        super().__init__()
        tensor = torch.from_numpy(np.ascontiguousarray(weight, np.float32))
        self.register_buffer("weight", tensor.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", torch.from_numpy(np.ascontiguousarray(bias, np.float32)))
        self.stride = stride
        self.padding = padding
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        return F.relu_(y) if self.relu else y


class PairedColumns(nn.Module):
    """A convolution of 3 channels by 2 columns a step, on pixels taken in pairs: 6 channels, 1 column a step.

    The same products and sums, in vectors twice as long; in bfloat16 40 % faster.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, convolution: FoldedConvolution) -> None:
        super().__init__()
        weight = convolution.weight  # (out, C, height, width)
        out, channels, height, width = weight.shape
        pairs = -(-width // 2)
        padded = F.pad(weight.contiguous(), (0, 2 * pairs - width)).view(out, channels, height, pairs, 2)
        paired = padded.permute(0, 4, 1, 2, 3).reshape(out, 2 * channels, height, pairs)
        self.register_buffer("weight", paired.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", convolution.bias)
        self._stride = (convolution.stride[0], 1)
        self._relu = convolution.relu

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C), W even, to (N, out, H', W')."""
        n, height, width, channels = x.shape
        pairs = x.view(n, height, width // 2, 2 * channels).permute(0, 3, 1, 2)
        y = F.conv2d(pairs, self.weight, self.bias, self._stride)
        return F.relu_(y) if self._relu else y


class ByTaps(nn.Module):
    """A convolution of few outputs: one matrix product for all taps of the filter, then their shifted sum.

    Always in float32: what it gives are the margins. On a CPU an eighth of the time of a convolution, which
    computes 16 channels whether wanted or not.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, convolution: FoldedConvolution) -> None:
        super().__init__()
        self.register_buffer("weight", convolution.weight)  # (out, in, height, width)
        self.register_buffer("bias", convolution.bias)
        self._padding = convolution.padding

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        # a move to another device is followed, a change of dtype is not
        kept = self.weight, self.bias
        super()._apply(fn, recurse)
        self.weight, self.bias = (value.to(self.weight.device) for value in kept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H', W') float32."""
        x = x.float()
        if x.device.type != "cpu":
            return F.conv2d(x, self.weight, self.bias, padding=self._padding)
        n, channels, height, width = x.shape
        out, _, rows, columns = self.weight.shape
        top, left = self._padding
        high, wide = height + 2 * top, width + 2 * left
        # the padded pixels one after the other; behind the last, what the taps of the last still reach
        pixels = x.new_zeros(n * high * wide + (rows - 1) * wide + columns - 1, channels)
        padded = pixels[: n * high * wide].view(n, high, wide, channels)
        padded[:, top : top + height, left : left + width] = x.permute(0, 2, 3, 1)
        taps = torch.mm(self.weight.permute(0, 2, 3, 1).reshape(-1, channels), pixels.t())
        # one output is the sum over its taps, each as much further on as the tap lies in the filter
        across = _shifted_sum(taps.view(out, rows, columns, -1), 1)
        sums = _shifted_sum(across, wide)[:, : n * high * wide].view(out, n, high, wide)
        whole = sums[:, :, : high - rows + 1, : wide - columns + 1]
        return whole.transpose(0, 1) + self.bias.view(1, -1, 1, 1)


def _shifted_sum(values: Tensor, step: int) -> Tensor:
    """(..., K, L) to (..., L - (K - 1) * step): the sum over k of values[..., k, k * step :]."""
    count, length = values.shape[-2:]
    length -= (count - 1) * step
    total = values[..., 0, :length].clone()
    for k in range(1, count):
        total += values[..., k, k * step : k * step + length]
    return total


_ROOTS = (1.0, 2.0, 0.5)
_TILE = 4  # rows of output made together


def fewer_products(convolution: FoldedConvolution) -> nn.Module:
    """`convolution`, by Winograd's way where that is possible."""
    possible = convolution.stride == (1, 1) and convolution.weight.shape[2] == 5
    return _Winograd(convolution) if possible else convolution


class _Winograd(nn.Module):
    """A convolution of 5 rows that makes 4 rows of output from 8 products for each column of the filter, not 20.

    Winograd's F(4, 5) along the rows: the filter and the 8 rows it meets are polynomials, multiplied by their
    values in the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. Measured in float32 on a CPU: two thirds of the
    time, twice the rounding error (1e-5 of values up to 6). Anywhere else an ordinary convolution, because 8 bits
    of mantissa would suffer and GPUs have their own ways.
    """

    weight: Tensor
    bias: Tensor
    _filters: Tensor

    def __init__(self, convolution: FoldedConvolution) -> None:
        super().__init__()
        points = np.array([0.0, *(sign * root for root in _ROOTS for sign in (1, -1))])
        count = len(points) + 1

        def values(size: int) -> np.ndarray:  # of a polynomial with `size` coefficients in all points
            return np.vstack([points[:, None] ** np.arange(size), np.eye(size)[-1:]])

        weight = convolution.weight  # (out, C, 5, width)
        filters = torch.einsum("pr,ocrx->pocx", torch.from_numpy(values(5)), weight.double())
        self.register_buffer("weight", weight)
        self.register_buffer("bias", convolution.bias)
        self.register_buffer("_filters", filters.permute(0, 1, 3, 2)[:, :, None].float().contiguous())
        self.padding = convolution.padding
        self.relu = convolution.relu
        self._to_points = np.linalg.inv(values(count)).T

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H', W')."""
        if x.device.type != "cpu" or x.dtype != torch.float32:
            y = F.conv2d(x, self.weight, self.bias, padding=self.padding)
        else:
            y = self._by_tiles(x)
        return F.relu_(y) if self.relu else y

    def _by_tiles(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        top, left = self.padding
        height += 2 * top - 4
        width += 2 * left
        tiles = -(-height // _TILE)
        bottom = _TILE * tiles - height + top
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, left, left, top, bottom))
        blocks = padded.view(n, tiles + 1, _TILE, width, channels)
        rows = [blocks[:, k // _TILE : tiles + k // _TILE, k % _TILE] for k in range(2 * _TILE)]
        y = x.new_empty(n, tiles, _TILE, width - self.weight.shape[3] + 1, len(self.bias))
        y[:] = self.bias
        y[:, :, 0] += self._product(_combine(rows, self._to_points[0]), 0)
        y[:, :, -1] += self._product(_combine(rows, self._to_points[-1]), -1)
        # in pairs, which share their even and odd parts; each is used up at once, so that all stays in the cache
        for root, point in zip(_ROOTS, range(1, 2 * _TILE - 1, 2), strict=True):
            even, odd = (_combine(rows[k::2], self._to_points[point, k::2]) for k in (0, 1))
            plus = self._product(even + odd, point)
            minus = self._product(even.sub_(odd), point + 1)
            total, difference = plus + minus, plus.sub_(minus)
            for row in range(_TILE):
                y[:, :, row].add_(difference if row % 2 else total, alpha=root**row)
        return y.view(n, _TILE * tiles, *y.shape[3:]).permute(0, 3, 1, 2)[:, :, :height]

    def _product(self, values: Tensor, point: int) -> Tensor:
        """(N, tiles, W, C), the rows' values in a point, to (N, tiles, W', out), times the filter's."""
        weight = self._filters[point].permute(0, 3, 1, 2)
        return F.conv2d(values.permute(0, 3, 1, 2), weight).permute(0, 2, 3, 1)


def _combine(tensors: Sequence[Tensor], factors: Sequence[float] | np.ndarray) -> Tensor:
    """The sum of `tensors`, each times its factor."""
    (first, factor), *others = (pair for pair in zip(tensors, factors, strict=True) if abs(pair[1]) > 1e-12)
    total = first * float(factor)
    for tensor, factor in others:
        total.add_(tensor, alpha=float(factor))
    return total
