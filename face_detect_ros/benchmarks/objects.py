# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Object detectors: before, in and after the network, at several sizes of input, beside peers and the limit.

Weights are random, so that nothing needs to be fetched, and made so that some hundred proposals pass the threshold
(`random_models`): time depends on that, not on what is found. The image has 640x480 pixels. The limit is the
time that the network's multiplications take in one large matrix product.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from face_detect_ros.benchmarks import limits, photos, random_models
from face_detect_ros.benchmarks.rows import Row
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import Detector, StageTimes
from face_detect_ros.detectors import catalogue

SIZES = (320, 480, 640)
VARIANTS = ("t", "s", "c")
CPU_BATCH, GPU_BATCH = 4, 8
GOAL_OF_PEER = 0.35
GOAL_BESIDE_NETWORK_MS = 3.0
ULTRALYTICS = "Ultralytics predict"
PIPELINE = "transformers pipeline"

_PEER_MODULE = "face_detect_ros.benchmarks.peers.ultralytics_speed"
_SECONDS_A_FIGURE = 1.0
_GPU_CALLS = 200


@dataclass(frozen=True)
class _Case:
    """One model at one size of input. products: multiplications for one image; None where they are not known."""

    model: str
    file: str
    size: int
    precision: str
    products: float | None = None
    peer_ms: float | None = None
    peer_name: str = ""

    @property
    def title(self) -> str:
        return f"{self.model} {self.precision}, input {self.size or 'of its own size'}"

    def detector(self, device: str) -> Detector:
        return catalogue.create(
            self.file, task="objects", device=device, precision=self.precision, input_size=self.size
        )


def run(peer_python: str = "", yolox: Path | None = None) -> list[Row]:
    """Rows for the CPU, and for the GPU where there is one.

    Args:
        peer_python: An interpreter that has Ultralytics; "": the rows have no peer.
        yolox: An ONNX file of YOLOX to measure too.

    Raises:
        ConfigError: `peer_python` cannot run the peer.
    """
    with tempfile.TemporaryDirectory(prefix="face_detect_ros_bench_") as folder:
        files = _Files(Path(folder))
        wanted = [f"{variant}:{size}" for variant in VARIANTS for size in SIZES]
        peers = ultralytics_ms(peer_python, wanted) if peer_python else {}
        rows: list[Row] = []
        for case in _yolov9_cases(files, peers, "cpu"):
            rows += _cpu_rows(case)
        for case in _other_cases(files, yolox):
            rows += _cpu_rows(case)
        if torch.cuda.is_available():
            for case in _yolov9_cases(files, {}, "cuda"):
                rows += _gpu_rows(case)
    return rows


def ultralytics_ms(python: str, models: Sequence[str]) -> dict[str, float]:
    """Milliseconds by model ("t:640"). Raises ConfigError if `python` cannot run it."""
    # where this package lies, so that the other interpreter finds it without having it installed
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(
            [python, "-m", _PEER_MODULE, *models], cwd=root, capture_output=True, text=True, check=False
        )
        took_ms: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError) as error:
        reason = (
            error if isinstance(error, OSError) else (done.stderr.strip().splitlines() or ["no answer"])[-1]
        )
        raise ConfigError(
            f"peer_python {python}: cannot measure Ultralytics there ({reason}); {_PEER_MODULE} says what it needs"
        ) from error
    return took_ms


class _Files:
    """Weights files in a folder, made when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path] = {}

    def yolov9(self, variant: str, *, attention: bool = False) -> str:
        key = variant + ("-attn" if attention else "")
        if key not in self._made:
            self._made[key] = random_models.yolov9_file(self._folder, variant, attention=attention)
        return f"yolov9{'-attn' if attention else ''}:{self._made[key]}"

    def onnx(self) -> str:
        from face_detect_ros.detectors.export.onnx_file import export_onnx

        weights = random_models.yolov9_file(self._folder, "t", calm=True)
        exported = self._folder / "yolov9-t.onnx"
        export_onnx(f"yolov9:{weights}", exported)
        return f"onnx:{exported}"

    def detr(self) -> str:
        return f"detr:{random_models.detr_folder(self._folder)}"


def _yolov9_cases(files: _Files, peers: dict[str, float], device: str) -> list[_Case]:
    cases = []
    for variant, attention in (("t", False), ("t", True), ("s", False), ("c", False)):
        for size in SIZES:
            products = _yolov9_products(variant, attention, size)
            peer_ms = None if attention else peers.get(f"{variant}:{size}")
            for precision in limits.precisions(device):
                cases.append(
                    _Case(
                        f"yolov9-{variant}{'-attn' if attention else ''}",
                        files.yolov9(variant, attention=attention),
                        size,
                        precision,
                        products,
                        peer_ms,
                        ULTRALYTICS if peer_ms else "",
                    )
                )
    return cases


def _other_cases(files: _Files, yolox: Path | None) -> list[_Case]:
    cases = []
    if _installed("onnx", "onnxruntime"):
        # an exported file has a square input
        cases.append(_Case("yolov9-t through ONNX Runtime", files.onnx(), 640, "float32"))
    if yolox is not None:
        cases.append(_Case(f"{yolox.name} through ONNX Runtime", f"onnx:{yolox}", 0, "float32"))
    if _installed("transformers"):
        folder = files.detr()
        pipeline_ms = _pipeline_ms(folder.partition(":")[2])
        for size in SIZES:
            peer_ms, peer_name = (pipeline_ms, PIPELINE) if size == SIZES[-1] else (None, "")
            for precision in limits.precisions("cpu"):
                cases.append(_Case("RT-DETRv2-R18", folder, size, precision, None, peer_ms, peer_name))
    return cases


def _cpu_rows(case: _Case) -> list[Row]:
    limit = case.products and case.products / limits.products_per_ms(case.precision, "cpu")
    image = photos.photo(640, 480)
    with closing(case.detector("cpu")) as detector:
        total_ms, stages = _best(detector, [image])
        rows = [
            Row(
                f"{case.title}: total",
                "ms",
                total_ms,
                case.peer_ms,
                case.peer_name,
                limit,
                "matrix product" if limit else "",
                case.peer_ms * GOAL_OF_PEER if case.peer_ms and case.peer_name == ULTRALYTICS else None,
            ),
            Row(f"{case.title}: before the network", "ms", stages.pre_ms),
            Row(f"{case.title}: network", "ms", stages.network_ms),
            Row(f"{case.title}: after the network", "ms", stages.post_ms),
            Row(
                f"{case.title}: total without network",
                "ms",
                total_ms - stages.network_ms,
                goal=GOAL_BESIDE_NETWORK_MS if case.size == SIZES[-1] else None,
            ),
        ]
        several_ms, _ = _best(detector, [image] * CPU_BATCH)
        rows.append(Row(f"{case.title}, {CPU_BATCH} at once: total", "ms/image", several_ms / CPU_BATCH))
        return rows


def _gpu_rows(case: _Case) -> list[Row]:
    rows = []
    limit = case.products and case.products / limits.products_per_ms(case.precision, "cuda")
    image = photos.photo(640, 480)
    with closing(case.detector("cuda")) as detector:
        for count in (1, GPU_BATCH):
            times_ms = _call_times_ms(detector, [image] * count, _GPU_CALLS)
            p50, p99 = np.percentile(times_ms, [50, 99])
            name = f"{case.title}, {count} at once, GPU"
            rate = f"p50 ({1e3 * count / p50:.0f} images/s)"
            rows.append(
                Row(f"{name}: {rate}", "ms", p50, limit=limit and limit * count, limit_name="matrix product")
            )
            rows.append(Row(f"{name}: p99", "ms", p99))
            rows.append(Row(f"{name}: network", "ms", detector.times.network_ms))
    return rows


def _best(detector: Detector, images: list[np.ndarray]) -> tuple[float, StageTimes]:
    """The shortest of some calls and its stages: without what other programs took of the machine."""
    best_ms, stages = math.inf, StageTimes()
    for _ in range(3):  # may prepare for this size
        detector.detect(images, catalogue.OBJECT_OPTIONS)
    end_s = time.perf_counter() + _SECONDS_A_FIGURE
    while time.perf_counter() < end_s or best_ms == math.inf:
        (took_ms,) = _call_times_ms(detector, images, 1, warm=True)
        if took_ms < best_ms:
            best_ms, stages = took_ms, detector.times
    return best_ms, stages


def _call_times_ms(
    detector: Detector, images: list[np.ndarray], calls: int, *, warm: bool = False
) -> list[float]:
    for _ in range(0 if warm else 10):
        detector.detect(images, catalogue.OBJECT_OPTIONS)
    times_ms = []
    for _ in range(calls):
        start = time.perf_counter()
        detector.detect(images, catalogue.OBJECT_OPTIONS)
        times_ms.append((time.perf_counter() - start) * 1e3)
    return times_ms


def _yolov9_products(variant: str, attention: bool, size: int) -> float:
    """Multiplications for an image of 4:3."""
    from face_detect_ros.core.letterbox import Letterbox
    from face_detect_ros.nn.yolov9.network import YoloV9

    with torch.device("meta"):
        model = YoloV9(variant, self_attention=attention, cross_attention=attention).fuse()
        height, width = Letterbox.within((480, 640), size).target
        return limits.products(lambda: model(torch.empty(1, 3, height, width)))


def _pipeline_ms(folder: str) -> float:
    """The library's own way from an image to boxes."""
    import transformers
    from PIL import Image

    pipeline = transformers.pipeline("object-detection", model=folder, device="cpu")
    image = Image.fromarray(photos.photo(640, 480))
    best_s = math.inf
    end_s = time.perf_counter() + _SECONDS_A_FIGURE
    while time.perf_counter() < end_s or best_s == math.inf:
        start = time.perf_counter()
        pipeline(image, threshold=random_models.THRESHOLD)
        best_s = min(best_s, time.perf_counter() - start)
    return best_s * 1e3


def _installed(*packages: str) -> bool:
    import importlib.util

    return all(importlib.util.find_spec(package) for package in packages)
