# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Makes the YOLOv9 detectors: `yolov9:FILE`, `yolov9-attn:FILE` and those whose weights are published or packaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from face_detect_ros.detectors.objects.attentive import AttentiveNetwork, AttentiveNetworkDetector
from face_detect_ros.detectors.objects.shared import shared
from face_detect_ros.detectors.objects.two_looks import looking_twice
from face_detect_ros.detectors.yolov9.graph_network import YoloV9GraphNetwork
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import graphs
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.engines.protocol import Compute

if TYPE_CHECKING:
    from face_detect_ros.detectors.yolov9.detector import YoloV9Network

_ATTENTION = "yolov9-attn"
_EXPORT = "face_detect_ros.detectors.yolov9.export:export"


def create(
    path: Path, compute: Compute, engine_names: list[str], input_size: int = 0
) -> AttentiveNetworkDetector:
    """The detector with the weights in `path`.

    Args:
        path: YOLOv9 in any published format.
        compute: device, precision and threads.
        engine_names: engines to try, best first.
        input_size: longest side of the network's input in pixels, a multiple of 32; 0: what it was trained with.

    Raises:
        EngineError: if no engine can compute it.
        DeviceError: for a device or precision that is not here.
        WeightsError: for a file that is missing, damaged or of another network.
        ConfigError: for an input size that does not fit or weights that were trained with attention.
    """

    def make(engine: str) -> AttentiveNetworkDetector:
        if engine == engines.TORCH:
            from face_detect_ros.detectors.yolov9 import detector

            torch_engine.use_threads(compute.threads)
            return detector.create(compute.device, path, compute.precision, input_size)
        network = _network(path, compute, engine, input_size, attention=False)
        return AttentiveNetworkDetector(network, name=f"yolov9:{path}")

    return engines.first(engine_names, make)


def create_with_attention(
    path: Path, compute: Compute, engine_names: list[str], input_size: int = 0
) -> AttentiveNetworkDetector:
    """As `create`, with attention, which changes nothing until it is trained: its gates are zero then.

    Arguments and errors are those of `create`.
    """

    def make(engine: str) -> AttentiveNetworkDetector:
        if engine == engines.TORCH:
            from face_detect_ros.detectors.yolov9 import detector

            torch_engine.use_threads(compute.threads)
            return detector.create_with_attention(compute.device, path, compute.precision, input_size)
        network = shared(
            (path.resolve(), compute, engine, input_size),
            lambda: _network(path, compute, engine, input_size, attention=True),
        )
        return AttentiveNetworkDetector(network, name=f"yolov9-attn:{path}")

    return engines.first(engine_names, make)


def export_beside(path: Path) -> Path:
    """Write the graph of a network with attention beside its weights, as the packaged model has it."""
    return graphs.export_beside(path, _ATTENTION, f"{_EXPORT}_with_attention")


def _network(
    path: Path, compute: Compute, engine: str, input_size: int, *, attention: bool
) -> AttentiveNetwork:
    kind, export = (_ATTENTION, f"{_EXPORT}_with_attention") if attention else ("yolov9", _EXPORT)
    graph = graphs.exported(path, kind, export)
    opened = engines.open_graph(engine, graph, compute, cache=graphs.folder())

    def in_torch() -> YoloV9Network:
        from face_detect_ros.detectors.yolov9 import detector

        return detector.load(compute.device, path, input_size=input_size, attention=attention)

    return looking_twice(YoloV9GraphNetwork(opened, graph, input_size, in_torch))
