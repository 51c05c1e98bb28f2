# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The same answers on the device as on a CPU in float32."""

from __future__ import annotations

import threading
import time

import numpy as np
import torch

from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.engines import onnxruntime as engine
from face_detect_ros.nn import devices
from face_detect_ros.nn.recorded import Recorded
from face_detect_ros.zoo.published import packaged
from gpu_check import networks as made
from gpu_check.measuring import add_percentiles, detector, placed, precisions, times_s
from gpu_check.report import Report

_PARTS = "of the largest output"
_ONNX_LIMIT = 0.01
_RECORDED_LIMIT = 0.02
_APART_PX = 1.0


def networks(report: Report) -> None:
    """Every network in every precision, beside the CPU in float32."""
    device = torch.device(report.device)
    for network in made.all_networks(report.quick):
        batch = network.batch(2)
        with torch.inference_mode():
            expected = network.outputs(network.make().eval(), batch)
        for name, dtype in precisions(device).items():
            module = placed(network.make(), device, dtype, channels_last=network.channels_last)
            with torch.inference_mode(), devices.exact(dtype):
                found = network.outputs(module, batch.to(device, dtype))
            apart = float(np.max([_apart(a, b.cpu()) for a, b in zip(expected, found, strict=True)]))
            limit = network.limits[name]
            report.add(
                "networks", f"{network.name} {name}", apart, _PARTS, limit=limit, passed=apart <= limit
            )
    report.add("networks", "DETR family", "left out: needs transformers and a checkpoint")


def recordings(report: Report) -> None:
    """CUDA graphs (on a CPU: TorchScript) answer as the network itself, image by image."""
    device = torch.device(report.device)
    network = made.all_networks(report.quick)[0]
    chosen = list(precisions(device).items())
    for name, dtype in chosen[-1:] if report.quick else chosen:
        module = placed(network.make(), device, dtype, channels_last=True)
        recorded = Recorded(module)
        images = network.batch(5).to(device, dtype)
        apart = 0.0
        with torch.inference_mode(), devices.exact(dtype):
            for index in (0, 0, 1, 2, 3, 4):
                one = images[index : index + 1]
                plain = [each.clone() for each in network.outputs(module, one)]
                for a, b in zip(plain, network.outputs(recorded, one), strict=True):
                    apart = float(np.maximum(apart, _apart(a, b)))  # keeps nan
        title = f"{network.name} {name}"
        report.add("recordings", title, apart, _PARTS, limit=_RECORDED_LIMIT, passed=apart <= _RECORDED_LIMIT)
        shapes = sum(call is not module for call in recorded._calls.values())
        report.add("recordings", f"{title}: shapes recorded", shapes, passed=shapes > 0)


def onnx(report: Report) -> None:
    """ONNX Runtime on the device, with the packaged graph, beside ONNX Runtime on the CPU."""
    file = packaged.locate(made.ROBOT).with_suffix(".onnx")
    pixels = np.stack([made.photo(416, 320)] * 2)
    expected = engine.OnnxSession(file, "cpu", only=(engine.CPU,)).run({"pixels": pixels})
    available = engine.import_runtime().get_available_providers()
    for provider in (engine.CUDA, engine.TENSORRT) if report.device.startswith("cuda") else (engine.CPU,):
        if provider not in available:
            report.add("onnx", provider, "left out: not part of this ONNX Runtime")
            continue
        session = engine.OnnxSession(file, report.device, only=(provider,))
        found = session.run({"pixels": pixels})
        differences = [np.abs(a - b).max() / np.abs(a).max() for a, b in zip(expected, found, strict=True)]
        apart = float(np.max(differences))
        report.add(
            "onnx", f"{provider} float32", apart, _PARTS, limit=_ONNX_LIMIT, passed=apart <= _ONNX_LIMIT
        )
        calls = 3 if report.quick else 50
        took_s = times_s(lambda s=session: s.run({"pixels": pixels[:1]}), torch.device("cpu"), calls)
        add_percentiles(report, "onnx", f"{provider}, batch 1", took_s)


def streams(report: Report) -> None:
    """Two detectors in two threads give what they give alone; the time of both is compared with one after the other."""
    device = torch.device(report.device)
    dtype = list(precisions(device).values())[-1]
    pair = [detector(made.robot(), device, dtype) for _ in range(2)]
    images = [made.photo(), np.ascontiguousarray(made.photo()[:, ::-1])]
    calls = 100 if device.type == "cuda" else 3
    expected = [one.detect([image], OBJECT_OPTIONS)[0] for one, image in zip(pair, images, strict=True)]
    apart_px = [0.0, 0.0]

    def look(index: int) -> None:
        for _ in range(calls):
            (found,) = pair[index].detect([images[index]], OBJECT_OPTIONS)
            same = len(found) == len(expected[index])
            moved_px = float(np.abs(found.boxes - expected[index].boxes).max(initial=0)) if same else np.inf
            apart_px[index] = max(apart_px[index], moved_px)

    for index in range(2):  # what is prepared at first is prepared here
        look(index)
    start_s = time.perf_counter()
    for index in range(2):
        look(index)
    alone_s = time.perf_counter() - start_s
    threads = [threading.Thread(target=look, args=(index,)) for index in range(2)]
    start_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together_s = time.perf_counter() - start_s
    moved_px = max(apart_px)
    report.add(
        "streams", "boxes of two at once", moved_px, "px", limit=_APART_PX, passed=moved_px <= _APART_PX
    )
    report.add(
        "streams", "time of two at once, relative to one after the other", 100 * together_s / alone_s, "%"
    )


def _apart(expected: torch.Tensor, found: torch.Tensor) -> float:
    return float((expected - found).abs().max() / expected.abs().max())
