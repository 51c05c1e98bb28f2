# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The training step of the default model: the loss beside that on a CPU, and the time."""

from __future__ import annotations

import time

import numpy as np
import torch

from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.training.losses.detection import DetectionLoss, Losses, Truth
from face_detect_ros.training.optimization import make_optimizer
from face_detect_ros.training.options import TrainOptions
from gpu_check import networks as made
from gpu_check.report import Report

_SIDE_PX = 288
_CLASSES = 2


def training(report: Report) -> None:
    """One loss in float32 beside the CPU's, then steps in bfloat16, which must reduce it."""
    device = torch.device(report.device)
    gpu = device.type == "cuda"
    images, truth = _batch(16 if gpu else 2)
    cpu = _one_step(torch.device("cpu"), images[:2], _part(truth, 2))
    here = _one_step(device, images[:2], _part(truth, 2))
    apart = abs(here - cpu) / cpu
    report.add("training", "loss in float32 beside the CPU", apart, "of it", limit=1e-3, passed=apart <= 1e-3)

    model, loss = _network(device), DetectionLoss(_CLASSES)
    options = TrainOptions(optimizer="adamw", learning_rate=1e-3)
    optimizer = make_optimizer(model, options)
    dtype = torch.bfloat16
    there, labels = images.to(device), truth.to(device)
    values: list[float] = []
    times_s: list[float] = []
    for _ in range(40 if gpu else 4 if report.quick else 20):
        start_s = time.perf_counter()
        with torch.autocast(device.type, dtype):
            losses = _losses(model, loss, there, labels)
        optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        optimizer.step()
        values.append(float(losses.total.detach()))  # waits for the device
        times_s.append(time.perf_counter() - start_s)
    report.add(
        "training", f"step of {len(images)} images of {_SIDE_PX} px, bfloat16", np.median(times_s) * 1e3, "ms"
    )
    report.add(
        "training",
        "last loss relative to the first",
        values[-1] / values[0],
        limit=1.0,
        passed=values[-1] < values[0],
    )


def _network(device: torch.device) -> YoloV9:
    torch.manual_seed(0)
    model = YoloV9("t", _CLASSES, self_attention=True, cross_attention=True)
    return model.train().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _losses(model: YoloV9, loss: DetectionLoss, images: torch.Tensor, truth: Truth) -> Losses:
    output = model(images)
    return loss(output.main, output.auxiliary, truth)


def _one_step(device: torch.device, images: torch.Tensor, truth: Truth) -> float:
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        losses = _losses(_network(device), DetectionLoss(_CLASSES), images.to(device), truth.to(device))
        return float(losses.total.detach())


def _batch(count: int) -> tuple[torch.Tensor, Truth]:
    """Images with three labeled boxes each, which are brighter than the rest."""
    random = np.random.default_rng(0)
    pixels = np.stack([np.roll(made.photo(_SIDE_PX, _SIDE_PX), 31 * index, axis=1) for index in range(count)])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    corners = random.integers(0, 150, (count, 3, 2))
    boxes = np.concatenate([corners, corners + random.integers(40, 120, (count, 3, 2))], axis=2)
    for index, image in enumerate(images):
        for left, top, right, bottom in boxes[index]:
            image[:, top:bottom, left:right] += 0.3
    truth = Truth(
        boxes=torch.from_numpy(boxes.astype(np.float32)),
        class_ids=torch.from_numpy(random.integers(0, _CLASSES, (count, 3))),
        valid=torch.ones(count, 3, dtype=torch.bool),
        crowd_boxes=torch.empty(count, 0, 4),
        crowd_class_ids=torch.empty(count, 0, dtype=torch.int64),
        known=torch.ones(count, _CLASSES, dtype=torch.bool),
    )
    return images.clamp(max=1), truth


def _part(truth: Truth, count: int) -> Truth:
    return Truth(*(getattr(truth, name)[:count] for name in truth.__dataclass_fields__))
