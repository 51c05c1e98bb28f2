# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the sections share: precisions, placing a network, timing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.yolov9.detector import YoloV9Network
from face_detect_ros.nn import devices
from face_detect_ros.zoo.yolov9.weights import LoadedYoloV9
from gpu_check.report import Report

_LONGEST_S = 20.0  # of one measurement
_WARM_CALLS = 3  # in which libraries choose their algorithms


def precisions(device: torch.device) -> dict[str, torch.dtype]:
    """Those that the device computes in, by name."""
    found = {}
    for name in ("float32", "bfloat16", "float16"):
        try:
            found[name] = devices.choose_dtype(name, device)
        except PerceptionError:
            continue
    return found


def placed(module: nn.Module, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> nn.Module:
    """The module on the device, as the detectors place it."""
    module = module.eval().to(device, dtype)
    return module.to(memory_format=torch.channels_last) if channels_last else module  # type: ignore[call-overload,no-any-return]


def detector(
    loaded: LoadedYoloV9, device: torch.device, dtype: torch.dtype, **options: int
) -> NetworkDetector:
    """An object detector as the catalogue makes it."""
    network = YoloV9Network(loaded, device, dtype, options.pop("input_size", 0), "gpu_check")
    return NetworkDetector(network, **options)  # type: ignore[arg-type]


def times_s(action: Callable[[], object], device: torch.device, calls: int) -> np.ndarray:
    """Seconds of single calls, each completed before the next; fewer calls where they are slow."""
    times: list[float] = []
    start_s = time.perf_counter()
    for index in range(calls + _WARM_CALLS):
        if times and time.perf_counter() - start_s > _LONGEST_S:
            break
        before_s = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if index >= _WARM_CALLS:
            times.append(time.perf_counter() - before_s)
    return np.array(times)


def add_percentiles(report: Report, section: str, name: str, took_s: np.ndarray) -> None:
    p50, p99 = np.percentile(took_s * 1e3, [50, 99])
    report.add(section, f"{name}: p50", p50, "ms")
    report.add(section, f"{name}: p99", p99, "ms")
