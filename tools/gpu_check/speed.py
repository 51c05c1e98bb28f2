# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How fast: what the chip reaches at best, and what the detectors and embedders reach of it."""

from __future__ import annotations

import numpy as np
import torch

from face_detect_ros.benchmarks import limits
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.detectors.faces.mmod import MmodScan
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.nn import devices
from gpu_check import networks as made
from gpu_check.measuring import add_percentiles, detector, placed, precisions, times_s
from gpu_check.report import Report

_GOAL_P99_MS = 8.0  # of the default detector, one 640x480 image, from pixels to boxes
_GOAL_SHARE = 0.8  # of the images per second that the network reaches alone, in batches of 8
_COPY_BYTES = 1 << 26


def chip(report: Report) -> None:
    """Matrix products and copies at their best: the limits of everything else."""
    device = torch.device(report.device)
    for name in precisions(device):
        rate = 2 * limits.products_per_ms(name, device.type) / 1e9
        report.add("chip", f"matrix product {name}", rate, "TFLOP/s")
    host = torch.empty(_COPY_BYTES, dtype=torch.uint8, pin_memory=device.type == "cuda")
    there = host.to(device, copy=True)
    for name, copy in (
        ("host to device", lambda: there.copy_(host, non_blocking=True)),
        ("within the device", lambda: there.clone()),
        ("device to host", lambda: host.copy_(there, non_blocking=True)),
    ):
        report.add("chip", f"copy {name}", _COPY_BYTES / times_s(copy, device, 10).min() / 1e9, "GB/s")


def objects(report: Report) -> None:
    """From decoded images to boxes, beside the network alone."""
    device = torch.device(report.device)
    models = {"yolov9-robot": made.robot}
    if not report.quick:
        models["yolov9-c"] = lambda: made.yolov9("c")
    for model, load in models.items():
        chosen = list(precisions(device).items())
        for name, dtype in chosen[-1:] if report.quick else chosen:
            one = detector(load(), device, dtype)
            for count in _counts(report, 1, 8, 32):
                _detect_speed(report, one, f"{model} {name}, batch {count}", count, name)


def _detect_speed(report: Report, one: NetworkDetector, title: str, count: int, precision: str) -> None:
    device = torch.device(report.device)
    gpu = device.type == "cuda"
    one.largest_batch = count
    images = [made.photo()] * count
    network = one.network
    calls = _calls(report, 200)
    whole_s = times_s(lambda: one.detect(images, OBJECT_OPTIONS), device, calls)
    batch = network.prepare(images, [network.place(480, 640)] * count)
    alone_s = times_s(lambda: network.run(batch), device, calls)
    model = network._model  # type: ignore[attr-defined]
    at_best_s = limits.products(lambda: model(batch)) / limits.products_per_ms(precision, device.type) / 1e3

    p50, p99 = np.percentile(whole_s * 1e3, [50, 99])
    report.add("objects", f"{title}: p50", p50, "ms")
    if gpu and count == 1 and title.startswith("yolov9-robot"):
        report.add("objects", f"{title}: p99", p99, "ms", limit=_GOAL_P99_MS, passed=p99 < _GOAL_P99_MS)
    else:
        report.add("objects", f"{title}: p99", p99, "ms")
    alone = float(np.median(alone_s))
    report.add("objects", f"{title}: network alone", alone * 1e3, "ms", share=at_best_s / alone)
    report.add("objects", f"{title}: rate", count / float(np.median(whole_s)), "images/s")
    reached = alone / float(np.median(whole_s))
    goal = {"limit": 100 * _GOAL_SHARE, "passed": reached >= _GOAL_SHARE} if gpu and count == 8 else {}
    report.add("objects", f"{title}: share of the rate of the network alone", 100 * reached, "%", **goal)


def faces(report: Report) -> None:
    """dlib's detector on 640x480 images and its descriptors, both with random weights."""
    device = torch.device(report.device)
    for name, dtype in precisions(device).items():
        scan = MmodScan(made.mmod(), device, dtype)
        for count in _counts(report, 1, 8):
            images = [made.photo()] * count
            took_s = times_s(lambda scan=scan, images=images: scan(images, 10.0), device, _calls(report, 100))
            add_percentiles(report, "faces", f"mmod {name}, batch {count}", took_s)
        descriptor = made.descriptor_network()
        module = placed(descriptor.make(), device, dtype, channels_last=descriptor.channels_last)
        for count in _counts(report, 1, 8, 32, 256):
            chips = descriptor.batch(count).to(device, dtype)
            with torch.inference_mode(), devices.exact(dtype):
                took_s = times_s(lambda m=module, c=chips: m(c), device, _calls(report, 100))
                products = limits.products(lambda m=module, c=chips: m(c))
            at_best_s = products / limits.products_per_ms(name, device.type) / 1e3
            took_ms = float(np.median(took_s)) * 1e3
            title = f"descriptor {name}, batch {count}"
            report.add("faces", title, took_ms / count, "ms/face", share=1e3 * at_best_s / took_ms)


def _counts(report: Report, *counts: int) -> tuple[int, ...]:
    """The batch sizes to measure: a CPU gains nothing from large ones."""
    return tuple(count for count in counts if report.device != "cpu" or count <= (2 if report.quick else 8))


def _calls(report: Report, on_gpu: int) -> int:
    return (2 if report.quick else 8) if report.device == "cpu" else on_gpu
