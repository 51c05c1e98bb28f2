# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Convolutions arranged for speed: the same values as a convolution, whatever the size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from face_detect_ros.nn.dlib.convolutions import ByTaps, FoldedConvolution, PairedColumns, fewer_products


def convolution(
    rows: int = 5, columns: int = 5, stride: int = 1, padding: int = 2, relu: bool = False
) -> FoldedConvolution:
    random = np.random.default_rng(rows)
    weight, bias = random.normal(0, 0.1, (7, 6, rows, columns)), random.normal(size=7)
    return FoldedConvolution(weight, bias, (stride, stride), (padding, padding), relu)


def pixels(count: int, height: int, width: int, channels: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(count, height, width, channels, generator=generator).permute(0, 3, 1, 2)


def expected(x: torch.Tensor, plain: FoldedConvolution) -> torch.Tensor:
    y = F.conv2d(x.double(), plain.weight.double(), plain.bias.double(), plain.stride, plain.padding)
    return (F.relu(y) if plain.relu else y).float()


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (3, 1), (4, 4), (5, 7), (8, 3), (21, 13)])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("relu", [False, True])
def test_fewer_products_give_the_same(size: tuple[int, int], count: int, relu: bool) -> None:
    plain = convolution(relu=relu)
    fast = fewer_products(plain)
    assert fast is not plain
    x = pixels(count, *size)
    before = x.clone()
    assert torch.allclose(fast(x), expected(x, plain), atol=1e-5)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("columns", "padding", "height"), [(5, 0, 5), (5, 0, 14), (3, 1, 6), (1, 0, 7), (5, 4, 3)]
)
def test_fewer_products_with_other_filters(columns: int, padding: int, height: int) -> None:
    plain = convolution(columns=columns, padding=padding)
    x = pixels(2, height, 11)
    assert torch.allclose(fewer_products(plain)(x), expected(x, plain), atol=1e-5)


def test_where_fewer_products_are_not_possible_the_convolution_stays() -> None:
    for plain in (convolution(rows=3), convolution(stride=2)):
        assert fewer_products(plain) is plain


def test_short_numbers_are_convolved_as_ever() -> None:
    plain = convolution().to(torch.bfloat16)
    fast = fewer_products(convolution()).to(torch.bfloat16)
    x = pixels(1, 9, 9).bfloat16()
    assert torch.equal(fast(x), plain(x))


def test_the_error_is_that_of_float32() -> None:
    # as in the network: 45 channels of positive values
    random = np.random.default_rng(0)
    plain = FoldedConvolution(random.normal(0, 0.05, (45, 45, 5, 5)), np.zeros(45), (1, 1), (2, 2), False)
    x = pixels(1, 40, 24, 45).relu()
    error = (fewer_products(plain)(x) - expected(x, plain)).abs().max()
    assert error < 3e-5


@pytest.mark.parametrize("rows", [3, 5])
def test_columns_in_pairs_and_taps_one_by_one(rows: int) -> None:
    first = convolution(rows=rows, columns=rows, stride=2, padding=0, relu=True)
    x = pixels(2, 15, 12)
    assert torch.allclose(PairedColumns(first)(x.permute(0, 2, 3, 1)), expected(x, first), atol=1e-5)
    last = convolution(rows=rows, columns=rows)
    assert torch.allclose(ByTaps(last)(x), expected(x, last), atol=1e-5)
