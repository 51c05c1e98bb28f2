# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Memory: how much a batch takes, that calls leave none behind, and what happens when it runs out."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import torch

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.nn import devices
from gpu_check import networks as made
from gpu_check.measuring import detector, precisions
from gpu_check.report import Report

_MIB = 1 << 20


def memory(report: Report) -> None:
    """Peak by batch size, and growth over many calls."""
    device = torch.device(report.device)
    if device.type != "cuda":
        report.add("memory", "all", "left out: of a GPU only")
        return
    one = detector(made.robot(), device, list(precisions(device).values())[-1])
    for count in (1, 8, 32):
        one.largest_batch = count
        torch.cuda.reset_peak_memory_stats(device)
        one.detect([made.photo()] * count, OBJECT_OPTIONS)
        peak_mib = torch.cuda.max_memory_allocated(device) / _MIB
        report.add("memory", f"yolov9-robot, batch {count}: peak", peak_mib, "MiB")
    for _ in range(5):
        one.detect([made.photo()], OBJECT_OPTIONS)
    before = torch.cuda.memory_allocated(device)
    for _ in range(100):
        one.detect([made.photo()], OBJECT_OPTIONS)
    grown_mib = (torch.cuda.memory_allocated(device) - before) / _MIB
    report.add("memory", "growth over 100 calls", grown_mib, "MiB", limit=1.0, passed=grown_mib <= 1.0)


def out_of_memory(report: Report) -> None:
    """A batch that does not fit is halved; an image that does not fit is a DetectorError; both leave no trace."""
    device = devices.choose_device(report.device)  # with its number, which limits of memory take
    gpu = device.type == "cuda"
    count, side_px = (32, 1280) if gpu else (8, 640)
    loaded = made.yolov9("c") if gpu else made.yolov9("t")
    one = detector(loaded, device, torch.float32, input_size=side_px, largest_batch=count)
    images = [made.photo(side_px, side_px * 3 // 4)] * count
    one.detect(images[:1], OBJECT_OPTIONS)
    with _memory_limit(device, 3072 if gpu else 64):
        found = one.detect(images, OBJECT_OPTIONS)
        halved = len(found) == count and one.largest_batch < count
        report.add(
            "out of memory", f"batch of {count} continues with", one.largest_batch, "images", passed=halved
        )
    image = made.photo(4096, 4096)
    with _memory_limit(device, 64 if gpu else 1):
        try:
            one.detect([image], OBJECT_OPTIONS)
            report.add("out of memory", "single image", "fitted")
        except DetectorError as error:
            told = "too little memory" in str(error)
            report.add("out of memory", "single image", str(error)[:80], passed=told)
    again = one.detect(images[:1], OBJECT_OPTIONS)
    report.add("out of memory", "afterwards", "works", passed=len(again) == 1)


@contextlib.contextmanager
def _memory_limit(device: torch.device, mib: int) -> Iterator[None]:
    """Inside, only that much more memory can be allocated."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(
            (torch.cuda.memory_reserved(device) + mib * _MIB) / total, device
        )
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, device)
            torch.cuda.empty_cache()
        return
    usual = resource.getrlimit(resource.RLIMIT_DATA)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    used = next(int(line.split()[1]) for line in lines if line.startswith("VmData")) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (used + mib * _MIB, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, usual)
