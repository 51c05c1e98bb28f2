# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""GELAN's blocks: shapes, what they compute, and that folding them for inference changes nothing."""

import copy

import pytest
import torch
from helpers.networks import liven
from torch.nn import functional

from face_detect_ros.nn.yolov9 import gelan
from face_detect_ros.nn.yolov9.pgi import CBFuse, CBLinear

BLOCKS = {
    "Conv": (lambda: gelan.Conv(8, 12, 3), 12, 1),
    "Conv, stride 2": (lambda: gelan.Conv(8, 12, 3, 2), 12, 2),
    "Conv, groups": (lambda: gelan.Conv(8, 12, 3, groups=4), 12, 1),
    "Conv, no activation": (lambda: gelan.Conv(8, 12, activation=False), 12, 1),
    "RepConv": (lambda: gelan.RepConv(8, 12), 12, 1),
    "RepBottleneck": (lambda: gelan.RepBottleneck(8), 8, 1),
    "RepNCSP": (lambda: gelan.RepNCSP(8, 12, 2), 12, 1),
    "ELAN1": (lambda: gelan.ELAN1(8, 12, 16), 12, 1),
    "RepNCSPELAN4": (lambda: gelan.RepNCSPELAN4(8, 12, 16, 2), 12, 1),
    "AConv": (lambda: gelan.AConv(8, 12), 12, 2),
    "ADown": (lambda: gelan.ADown(8, 12), 12, 2),
    "SPPELAN": (lambda: gelan.SPPELAN(8, 12), 12, 1),
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@torch.no_grad()
def test_a_fused_block_gives_the_same(name, dtype, tolerance):
    make, channels, stride = BLOCKS[name]
    x = torch.randn(2, 8, 12, 8, dtype=dtype)
    block = liven(make().to(dtype), x)
    before = block(x)
    assert before.shape == (2, channels, 12 // stride, 8 // stride)
    parameters = sum(parameter.numel() for parameter in block.parameters())
    gelan.fuse(block)
    torch.testing.assert_close(block(x), before, rtol=tolerance, atol=tolerance)
    assert block(x).dtype == dtype
    assert sum(parameter.numel() for parameter in block.parameters()) < parameters
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in block.modules())
    again = copy.deepcopy(block)
    gelan.fuse(again)  # nothing is left to fold
    assert torch.equal(again(x), block(x))


@torch.no_grad()
def test_a_convolution_block_is_convolution_normalisation_silu():
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    block = liven(gelan.Conv(4, 8, 3).double(), x)
    y = functional.conv2d(x, block.conv.weight, padding=1)
    mean, variance = block.bn.running_mean[:, None, None], block.bn.running_var[:, None, None]
    y = (y - mean) / torch.sqrt(variance + 1e-3) * block.bn.weight[:, None, None] + block.bn.bias[
        :, None, None
    ]
    torch.testing.assert_close(block(x), y / (1 + torch.exp(-y)), rtol=0, atol=1e-12)


@torch.no_grad()
def test_pyramid_pooling_sees_5_9_and_13_cells():
    x = torch.randn(1, 4, 16, 16, dtype=torch.float64)
    block = liven(gelan.SPPELAN(4, 8).double(), x)
    first = block.conv1(x)
    maps = [first, *(functional.max_pool2d(first, side, 1, side // 2) for side in (5, 9, 13))]
    torch.testing.assert_close(block(x), block.conv5(torch.cat(maps, dim=1)), rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_layer_keeps_half_of_what_it_splits_and_every_step_after():
    x = torch.randn(1, 4, 8, 8, dtype=torch.float64)
    layer = liven(gelan.RepNCSPELAN4(4, 8, 8, 1).double(), x)
    split = layer.conv1(x)
    third = layer.conv2(split[:, 4:])
    everything = torch.cat([split, third, layer.conv3(third)], dim=1)
    torch.testing.assert_close(layer(x), layer.conv4(everything), rtol=0, atol=1e-12)


def test_links_split_one_convolution_among_levels():
    link, x = CBLinear(4, (2, 3, 5)), torch.randn(1, 4, 3, 3)
    maps = link(x)
    assert [part.shape[1] for part in maps] == [2, 3, 5]
    assert torch.equal(torch.cat(maps, dim=1), link.conv(x))


def test_fused_links_are_enlarged_and_added():
    target = torch.randn(1, 3, 8, 12, dtype=torch.float64)
    maps = [torch.randn(1, 3, 8 // 2**n, 12 // 2**n, dtype=torch.float64) for n in range(3)]
    expected = target + sum(functional.interpolate(x, size=(8, 12), mode="nearest") for x in maps)
    torch.testing.assert_close(CBFuse()(target, maps), expected, rtol=0, atol=1e-14)
