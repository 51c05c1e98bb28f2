# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Our YOLOv9 beside the MIT re-implementation's, with the same random weights: are boxes and scores the same?

    PYTHONPATH=YOLO python -m face_detect_ros.benchmarks.peers.yolov9_mit [VARIANT...]

YOLO is a checkout of github.com/MultimediaTechLab/YOLO. It takes an environment that has this package's requirements
and the few of theirs that their network needs:

    python -m venv --system-site-packages peers
    peers/bin/pip install --no-deps einops omegaconf antlr4-python3-runtime==4.9.3

Their networks, with the auxiliary branch, are saved as the published ``v9-*.pt`` are, and read by `zoo.yolov9.weights`.
They have no e.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from face_detect_ros.benchmarks.peers import stand_ins
from face_detect_ros.benchmarks.peers.comparison import SIDE, Differences, enliven, random_images
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

_CLASSES = 80
_UNUSED = (
    "torchvision", "lightning", "torchmetrics", "wandb", "loguru", "graphviz", "requests", "hydra", "pycocotools",
)  # fmt: skip


def main(variants: list[str]) -> None:
    stand_ins.provide(*_UNUSED)
    import yolo  # type: ignore[import-not-found]
    from omegaconf import OmegaConf  # type: ignore[import-not-found]
    from yolo.model.yolo import YOLO  # type: ignore[import-not-found]
    from yolo.utils.bounding_box_utils import Vec2Box  # type: ignore[import-not-found]

    configurations = Path(yolo.__file__).parent / "config" / "model"
    images = random_images()
    differences = Differences()
    with tempfile.TemporaryDirectory() as folder:
        for variant in variants:
            torch.manual_seed(0)
            configuration = OmegaConf.load(configurations / f"v9-{variant}.yaml")
            theirs = YOLO(configuration, class_num=_CLASSES)
            enliven(theirs, images, _CLASSES, theirs)
            path = Path(folder) / "weights.pt"
            torch.save(theirs.model.state_dict(), path)
            ours = yolov9_weights.load(path).model.double()
            to_boxes = Vec2Box(theirs, configuration.anchor, [SIDE, SIDE], "cpu")
            with torch.inference_mode():
                found = _outputs(theirs.double(), to_boxes, images.double())
                differences.add(variant, ours(images.double()), found)
    differences.end()


def _outputs(network: torch.nn.Module, to_boxes: object, images: Tensor) -> tuple[Tensor, Tensor]:
    scores, _, boxes = to_boxes(network(images)["Main"])  # type: ignore[operator]
    return boxes, scores.sigmoid()


if __name__ == "__main__":
    main(sys.argv[1:] or ["t", "s", "m", "c"])
