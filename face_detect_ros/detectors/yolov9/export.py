# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 as an ONNX file for engines: any batch and size, from bytes of pixels to what boxes are decoded from.

Decoding stays outside: in 8 bits of mantissa a box of 400 px would be a pixel or two off.

`python -m face_detect_ros.detectors.yolov9.export FILE`: the graph of a network with attention, beside its weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.detectors.yolov9.graph_network import LOGITS, META_KEY, PIXELS, SIDES
from face_detect_ros.engines import torch_export
from face_detect_ros.nn.size_cache import free_sizes
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.formats import onnx_graph
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

_TRACED = (2, 96, 64, 3)  # small, and no two sides alike


def export(weights: Path, destination: Path) -> None:
    """Write the network in `weights` as a graph. Raises WeightsError, ConfigError, EngineError."""
    _export(weights, destination, attention=False)


def export_with_attention(weights: Path, destination: Path) -> None:
    """The same with attention, which changes nothing until it is trained."""
    _export(weights, destination, attention=True)


class _FromPixels(nn.Module):
    def __init__(self, network: YoloV9) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, H, W, 3) uint8 RGB to (B, 64, N) and (B, C, N) float32."""
        return self.network.cells(pixels.permute(0, 3, 1, 2).float() * (1 / 255))


def _export(weights: Path, destination: Path, *, attention: bool) -> None:
    loaded = yolov9_weights.load(weights, attention=attention)
    if len(loaded.labels) != loaded.model.classes:
        raise WeightsError(f"{weights}: {loaded.model.classes} classes, but {len(loaded.labels)} labels")
    if not all(values.isfinite().all() for values in loaded.model.parameters()):
        raise WeightsError(f"{weights}: holds weights that are not finite; fetch or convert it again")
    network = _FromPixels(loaded.model.fuse()).eval()
    cells = {0: "batch", 2: "cells"}
    with free_sizes():
        torch_export.export(
            network,
            torch.zeros(_TRACED, dtype=torch.uint8),
            destination,
            inputs={PIXELS: {0: "batch", 1: "height", 2: "width"}},
            outputs={SIDES: cells, LOGITS: cells},
            source=weights,
        )
    described = json.dumps(
        {
            "labels": loaded.labels,
            "input_size": loaded.input_size,
            "overlap_factor": loaded.overlap_factor,
            "close_up_size": loaded.close_up_size,
            "close_up_classes": loaded.close_up_classes,
        }
    )
    destination.write_bytes(onnx_graph.with_metadata(destination.read_bytes(), {META_KEY: described}))


if __name__ == "__main__":
    from face_detect_ros.detectors.yolov9.factory import export_beside

    print(export_beside(Path(sys.argv[1])))
