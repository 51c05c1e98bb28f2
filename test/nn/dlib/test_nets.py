# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's networks in PyTorch: folding, the shortcuts taken for speed, and descriptions that do not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from face_detect_ros.core.errors import ConfigError, DeviceError, WeightsError
from face_detect_ros.nn import devices
from face_detect_ros.nn.dlib.description import (
    MMOD_STRUCTURE,
    RESNET_STRUCTURE,
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
    Tag,
)
from face_detect_ros.nn.dlib.nets import DescriptorNetwork, MmodNetwork
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

RANDOM = np.random.default_rng(0)
OPTIONS = MmodOptions((DetectorWindow(20, 20), DetectorWindow(30, 20)), 0.4, 1.0, box_regression=False)


def convolution(out: int, inputs: int, side: int, stride: int = 1, padding: int = 0) -> Convolution:
    filters = RANDOM.normal(0, 0.2, (out, inputs, side, side)).astype(np.float32)
    return Convolution(filters, RANDOM.normal(size=out).astype(np.float32), (stride,) * 2, (padding,) * 2)


def affine(channels: int) -> Affine:
    return Affine(*RANDOM.normal(1, 0.5, (2, channels)).astype(np.float32))


def describe(layers: list[Layer], head: MmodOptions | MetricOptions) -> NetworkDescription:
    return NetworkDescription("some.dat", head, RgbInput((0, 0, 0)), tuple(layers))


def unfolded(x: torch.Tensor, layers: list[Layer]) -> torch.Tensor:
    """The layers one by one, the slow and obvious way; x: (N, C, H, W)."""
    kept: dict[int, torch.Tensor] = {}
    for layer in layers:
        if isinstance(layer, Convolution):
            weights = torch.from_numpy(layer.filters), torch.from_numpy(layer.bias)
            x = F.conv2d(x, *weights, stride=layer.stride, padding=layer.padding)
        elif isinstance(layer, Affine):
            scale, shift = (torch.from_numpy(v).view(1, -1, 1, 1) for v in (layer.scale, layer.shift))
            x = x * scale + shift
        elif isinstance(layer, Relu):
            x = x.clamp(min=0)
        elif isinstance(layer, Tag):
            kept[layer.number] = x
        elif isinstance(layer, Skip):
            x = kept[layer.number]
        elif isinstance(layer, Pool):
            window = layer.window if layer.window != (0, 0) else tuple(x.shape[2:])
            pool = nn.MaxPool2d if layer.kind == "max" else nn.AvgPool2d
            x = pool(window, layer.stride, layer.padding)(x)
        elif isinstance(layer, Add):
            other = kept[layer.number]
            total = torch.zeros([max(pair) for pair in zip(x.shape, other.shape, strict=True)])
            for part in (x, other):
                total[:, : part.shape[1], : part.shape[2], : part.shape[3]] += part
            x = total
        elif isinstance(layer, FullyConnected):
            x = x.flatten(1) @ torch.from_numpy(layer.weights)
    return x


MMOD_LAYERS: list[Layer] = [
    convolution(8, 3, 5, 2),
    affine(8),
    Relu(),
    convolution(7, 8, 3, 2),
    affine(7),
    Relu(),
    convolution(2, 7, 5, 1, 2),
]
BLOCK: list[Layer] = [convolution(9, 6, 3, 2), affine(9), Relu(), convolution(9, 9, 3, 1, 1), affine(9)]
RESIDUAL_LAYERS: list[Layer] = [
    convolution(6, 3, 7, 2),
    affine(6),
    Relu(),
    Pool("max", (3, 3), (2, 2), (0, 0)),
    Tag(1),
    *BLOCK,
    Tag(2),
    Skip(1),
    Pool("avg", (2, 2), (2, 2), (0, 0)),
    Add(2),
    Relu(),
    Pool("avg", (0, 0), (1, 1), (0, 0)),
    FullyConnected(RANDOM.normal(size=(9, 5)).astype(np.float32), None),
]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [(40, 44), (41, 46), (17, 18)])
def test_a_detector_equals_its_layers_one_by_one(count: int, size: tuple[int, int]) -> None:
    network = MmodNetwork(describe(MMOD_LAYERS, OPTIONS))
    canvas = torch.from_numpy(RANDOM.normal(size=(count, *size, 3)).astype(np.float32))
    expected = unfolded(canvas.permute(0, 3, 1, 2), MMOD_LAYERS)
    found = network(canvas)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("side", [31, 32, 33, 34, 35, 36, 37, 38])
def test_a_residual_network_equals_its_layers_one_by_one(side: int) -> None:
    # both summands are sometimes the smaller one
    network = DescriptorNetwork(describe(RESIDUAL_LAYERS, MetricOptions(0.04, 0.6)))
    x = torch.from_numpy(RANDOM.normal(size=(2, 3, side, side)).astype(np.float32))
    assert torch.allclose(network(x), unfolded(x, RESIDUAL_LAYERS), atol=1e-4)


def test_where_a_cell_looks() -> None:
    network = MmodNetwork(describe(MMOD_LAYERS, OPTIONS))
    # 5 wide by 2, then 3 wide by 2, then centered: 2 + 2 * 1
    assert (network.stride, network.origin) == ((4, 4), (4, 4))
    assert network(torch.zeros(1, network.smallest_px, 12, 3)).shape[2] == 1
    with pytest.raises(RuntimeError):
        network(torch.zeros(1, network.smallest_px - 1, 12, 3))
    published = MmodNetwork(dlib_file.load(dlib_models.CNN_DETECTOR, MMOD_STRUCTURE))
    assert (published.stride, published.origin, published.smallest_px) == ((8, 8), (14, 14), 29)


def test_the_margins_stay_float32() -> None:
    network = MmodNetwork(describe(MMOD_LAYERS, OPTIONS)).to(torch.bfloat16)
    assert network(torch.zeros(1, 20, 20, 3, dtype=torch.bfloat16)).dtype == torch.float32


def test_the_published_descriptor_network() -> None:
    network = DescriptorNetwork(dlib_file.load(dlib_models.DESCRIPTOR, RESNET_STRUCTURE))
    assert network(torch.zeros(2, 3, 150, 150)).shape == (2, 128)
    assert not network.training
    assert not list(network.parameters())  # nothing to train


@pytest.mark.parametrize(
    ("layers", "head", "reason"),
    [
        pytest.param(MMOD_LAYERS, MetricOptions(0.04, 0.6), "not an object detector", id="head"),
        pytest.param(MMOD_LAYERS, replace(OPTIONS, box_regression=True), "regression", id="regression"),
        pytest.param(
            MMOD_LAYERS, replace(OPTIONS, windows=OPTIONS.windows * 2), "2 values for 4", id="windows"
        ),
        pytest.param(MMOD_LAYERS[3:], OPTIONS, "takes 8 channels, gets 3", id="channels"),
        pytest.param([*MMOD_LAYERS[:1], affine(7), *MMOD_LAYERS[2:]], OPTIONS, "7 affine", id="affine"),
        pytest.param([affine(3), *MMOD_LAYERS], OPTIONS, "Affine stands", id="affine first"),
        pytest.param([*MMOD_LAYERS, Relu()], OPTIONS, "first or last", id="relu last"),
        pytest.param(MMOD_LAYERS[:3], OPTIONS, "not a chain", id="short"),
        pytest.param([*MMOD_LAYERS, Tag(1)], OPTIONS, "not a chain", id="tag"),
        pytest.param([*MMOD_LAYERS, Skip(1)], OPTIONS, "number 1, which does not", id="skip"),
    ],
)
def test_a_description_that_does_not_fit(layers: list[Layer], head, reason: str) -> None:
    with pytest.raises(WeightsError, match=rf"^some\.dat: .*{reason}"):
        MmodNetwork(describe(layers, head))


def test_a_descriptor_description_that_does_not_fit() -> None:
    with pytest.raises(WeightsError, match="gives no descriptors"):
        DescriptorNetwork(describe(RESIDUAL_LAYERS, OPTIONS))
    wrong = FullyConnected(np.zeros((8, 5), np.float32), None)
    with pytest.raises(WeightsError, match="takes 8 values, gets 9"):
        DescriptorNetwork(describe([*RESIDUAL_LAYERS[:-1], wrong], MetricOptions(0.04, 0.6)))


# --- devices ---


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "", "cpu:0"])
def test_a_device_that_is_none(device: str) -> None:
    with pytest.raises(DeviceError, match="not known"):
        devices.choose_device(device)


def test_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose_device("auto").type == "cpu"
    assert devices.choose_device("cpu").type == "cpu"
    with pytest.raises(DeviceError, match=r"cuda:1.*set device to cpu"):
        devices.choose_device("cuda:1")


def test_with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(devices.choose_device(name)) for name in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
        "cpu",
    ]
    with pytest.raises(DeviceError, match="has 2 CUDA"):
        devices.choose_device("cuda:2")


CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("flags", "auto", "missing"),
    [
        ({}, torch.float32, ("bfloat16", "float16")),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32, ("bfloat16", "float16")),
        ({"avx512_bf16": True}, torch.bfloat16, ("float16",)),
        ({"avx512_bf16": True, "avx512_fp16": True}, torch.bfloat16, ()),
    ],
)
def test_precision_of_a_cpu(flags, auto, missing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    assert devices.choose_dtype("auto", CPU) == auto
    assert devices.choose_dtype("float32", CPU) == torch.float32
    for name in ("bfloat16", "float16"):
        if name in missing:
            with pytest.raises(DeviceError, match=f"'{name}'.*cpu does not compute in it.*float32"):
                devices.choose_dtype(name, CPU)
        else:
            assert devices.choose_dtype(name, CPU) == getattr(torch, name)


def test_precision_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert devices.choose_dtype("auto", CUDA) == torch.float16
    with pytest.raises(DeviceError, match="bfloat16"):
        devices.choose_dtype("bfloat16", CUDA)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert devices.choose_dtype("bfloat16", CUDA) == torch.bfloat16


def test_a_precision_that_is_none() -> None:
    with pytest.raises(ConfigError, match="auto, float32, bfloat16, float16"):
        devices.choose_dtype("int8", CPU)
