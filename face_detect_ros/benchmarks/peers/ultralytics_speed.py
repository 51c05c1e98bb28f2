# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How long Ultralytics' `predict` takes with YOLOv9: one JSON object of milliseconds on the standard output.

    python -m face_detect_ros.benchmarks.peers.ultralytics_speed t:320 t:640 s:640

`bench objects --peer-python` runs it in the environment that `yolov9_ultralytics` describes. A photo of 640x480 pixels;
random weights of which some hundred proposals pass the threshold, as in `random_models`.
"""

from __future__ import annotations

import json
import math
import sys
import time

import torch

from face_detect_ros.benchmarks import photos, random_models
from face_detect_ros.benchmarks.peers import stand_ins
from face_detect_ros.benchmarks.peers.comparison import enliven

REPEATS = 15


def main(models: list[str]) -> None:
    stand_ins.provide("torchvision")
    import torchvision.ops  # type: ignore[import-not-found, import-untyped]
    from ultralytics import YOLO  # type: ignore[import-not-found]
    from ultralytics.utils.nms import TorchNMS  # type: ignore[import-not-found]

    torchvision.ops.nms = TorchNMS.nms  # what it has for places without torchvision
    took_ms = {}
    for model in models:
        variant, _, size = model.partition(":")
        torch.manual_seed(0)
        detector = YOLO(f"yolov9{variant}.yaml", verbose=False)
        _propose(detector.model)
        took_ms[model] = _best_ms(detector, int(size))
    print(json.dumps(took_ms))


@torch.no_grad()
def _propose(network: torch.nn.Module) -> None:
    """Shifts the scores so that `random_models.CANDIDATES` cells of the photo reach the threshold."""
    image = torch.from_numpy(photos.photo(640, 480)).permute(2, 0, 1)[None] / 255
    enliven(network, image, 80, network)
    scores = network(image)[0][0, 4:].amax(dim=0)
    reached, threshold = (
        float(scores.topk(random_models.CANDIDATES).values[-1].clamp(1e-6, 1 - 1e-6)),
        random_models.THRESHOLD,
    )
    shift = math.log(threshold / (1 - threshold)) - math.log(reached / (1 - reached))
    for stack in network.model[-1].cv3:  # type: ignore[index, union-attr]
        stack[-1].bias += shift


def _best_ms(detector: object, size: int) -> float:
    image = photos.photo(640, 480)[..., ::-1].copy()  # it takes BGR
    options = {"imgsz": size, "conf": random_models.THRESHOLD, "iou": 0.6, "device": "cpu", "verbose": False}
    best_s = math.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        detector.predict(image, **options)  # type: ignore[attr-defined]
        best_s = min(best_s, time.perf_counter() - start)
    return best_s * 1e3


if __name__ == "__main__":
    main(sys.argv[1:])
