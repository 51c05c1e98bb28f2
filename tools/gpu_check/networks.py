# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The networks to check, made without any file from outside this repository."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from face_detect_ros.nn.dlib.description import (
    MMOD_STRUCTURE,
    RESNET_STRUCTURE,
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
from face_detect_ros.nn.dlib.description import Add as Sum
from face_detect_ros.nn.dlib.nets import DescriptorNetwork, MmodNetwork
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.published import coco, packaged
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights
from face_detect_ros.zoo.yolov9.weights import LoadedYoloV9

ROBOT = "yolov9_robot.safetensors"
_NUMBERED: dict[str, Callable[[int], Layer]] = {"tag": Tag, "skip": Skip, "add": Sum}
_MEAN = (122.782, 117.001, 104.298)


def photo(width: int = 640, height: int = 480) -> np.ndarray:
    """(height, width, 3) uint8 RGB: the documentation's image, or a drawn one where the folder docs is missing."""
    file = Path(__file__).parents[2] / "docs" / "annotated.jpg"
    image = cv2.imread(str(file)) if file.is_file() else None
    if image is None:
        y, x = np.mgrid[:480, :640]
        waves = [np.sin(x / 37 + phase) * np.cos(y / 23 - phase) * 100 + 128 for phase in (0.0, 2.0, 4.0)]
        image = np.stack(waves, axis=2).astype(np.uint8)
        cv2.ellipse(image, (320, 240), (90, 120), 0, 0, 360, (140, 170, 220), -1)
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized[..., ::-1])


@dataclass(frozen=True)
class Network:
    """A network with an input for it.

    Attributes:
        name: For the table.
        make: Returns a new one, float32, on the CPU.
        batch: Returns N images as the network takes them, float32, on the CPU.
        channels_last: Its detector keeps the weights in channels_last memory.
        limits: Largest difference from float32 on the CPU by precision, relative to the largest output.
    """

    name: str
    make: Callable[[], nn.Module]
    batch: Callable[[int], Tensor]
    channels_last: bool = False
    limits: Mapping[str, float] = field(
        default_factory=lambda: {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.1}
    )

    def outputs(self, module: nn.Module, images: Tensor) -> list[Tensor]:
        found = module(images)
        return [each.float() for each in (found if isinstance(found, tuple) else (found,))]


def all_networks(quick: bool) -> list[Network]:
    """Every network of this package that PyTorch computes and that needs no further library or file."""
    variants = ["t-attn"] if quick else ["t", "t-attn", "s", "m", "c", "e"]
    return [
        Network("yolov9-robot", lambda: robot().model.fuse(), _images(352, 448), True),
        *(
            Network(f"yolov9-{name}", functools.partial(_fused, name), _images(320, 416), True)
            for name in variants
        ),
        Network("mmod", lambda: MmodNetwork(mmod()), _canvases),
        descriptor_network(),
    ]


def descriptor_network() -> Network:
    return Network("dlib descriptor", lambda: DescriptorNetwork(descriptor()), _chips)


def _fused(name: str) -> nn.Module:
    variant, _, attention = name.partition("-")
    return yolov9(variant, attention=bool(attention)).model.fuse()


def robot() -> LoadedYoloV9:
    """The default object detector, which comes with the package."""
    return yolov9_weights.load(packaged.locate(ROBOT), attention=True)


def yolov9(variant: str, *, attention: bool = False) -> LoadedYoloV9:
    """Random weights; with attention, its gates are set to 0.1, or it would change nothing."""
    torch.manual_seed(0)
    model = YoloV9(variant, len(coco.CLASSES), self_attention=attention, cross_attention=attention).eval()
    for name, values in model.named_parameters():
        if name.endswith("gate"):
            nn.init.constant_(values, 0.1)
    return LoadedYoloV9(model, coco.CLASSES, "own", variant, 640, "none", "random")


def mmod() -> NetworkDescription:
    """dlib's face detector with random weights."""
    sides = [
        (5, 3, 16, 2),
        (5, 16, 32, 2),
        (5, 32, 32, 2),
        (5, 32, 45, 1),
        (5, 45, 45, 1),
        (5, 45, 45, 1),
        (9, 45, 1, 1),
    ]
    head = MmodOptions((DetectorWindow(80, 80),), 0.3, 0.9, box_regression=False)
    return _described(MMOD_STRUCTURE, sides, head, RgbInput(_MEAN, padding=10, outer_padding=11))


def descriptor() -> NetworkDescription:
    """dlib's face recognition network with random weights."""
    sides = [(7, 3, 32, 2), *[(3, 32, 32, 1)] * 6]
    for narrow, wide, blocks in ((32, 64, 3), (64, 128, 2), (128, 256, 2)):
        sides += [(3, narrow, wide, 2), *[(3, wide, wide, 1)] * (2 * blocks + 1)]
    sides += [(3, 256, 256, 2), (3, 256, 256, 1)]
    return _described(RESNET_STRUCTURE, sides, MetricOptions(0.04, 0.6), RgbInput(_MEAN, size=(150, 150)))


def _described(
    structure: Structure, sides: list[tuple[int, int, int, int]], head: Any, source: RgbInput
) -> NetworkDescription:
    """sides: (kernel, input channels, output channels, stride) of each convolution."""
    random = np.random.default_rng(0)
    left, layers, channels = list(sides), [], 0
    for kind in structure:
        layer: Layer
        name, _, number = kind.partition(" ")
        if name == "con":
            kernel, given, channels, stride = left.pop(0)
            scale = (2 / (kernel * kernel * given)) ** 0.5
            filters = random.normal(0, scale, (channels, given, kernel, kernel)).astype(np.float32)
            padding = 0 if stride == 2 else kernel // 2
            layer = Convolution(filters, np.zeros(channels, np.float32), (stride, stride), (padding, padding))
        elif name == "affine":
            layer = Affine(np.ones(channels, np.float32), np.zeros(channels, np.float32))
        elif name == "relu":
            layer = Relu()
        elif name == "max_pool":
            layer = Pool("max", (3, 3), (2, 2), (0, 0))
        elif name == "avg_pool":
            last = kind == structure[-2]
            layer = Pool("avg", (0, 0) if last else (2, 2), (1, 1) if last else (2, 2), (0, 0))
        elif name == "fc":
            layer = FullyConnected(random.normal(0, 0.05, (channels, 128)).astype(np.float32), None)
        else:
            layer = _NUMBERED[name](int(number))
        layers.append(layer)
    return NetworkDescription("random weights", head, source, tuple(layers))


def _images(height: int, width: int) -> Callable[[int], Tensor]:
    def batch(count: int) -> Tensor:
        pixels = np.stack([np.roll(photo(width, height), 7 * index, axis=1) for index in range(count)])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255

    return batch


def _canvases(count: int) -> Tensor:
    pixels = np.stack([np.roll(photo(662, 800), 7 * index, axis=1) for index in range(count)])
    return (torch.from_numpy(pixels).float() - 120) / 256


def _chips(count: int) -> Tensor:
    pixels = np.stack([np.roll(photo(150, 150), 7 * index, axis=1) for index in range(count)])
    return ((torch.from_numpy(pixels).float() - 120) / 256).permute(0, 3, 1, 2)
