# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Our YOLOv9 beside Ultralytics', with the same random weights: are boxes and scores the same?

    python -m face_detect_ros.benchmarks.peers.yolov9_ultralytics [VARIANT...]

It takes an environment that has this package's requirements and, without their dependencies, the peer's:

    python -m venv --system-site-packages peers
    peers/bin/pip install --no-deps ultralytics ultralytics-thop requests urllib3 charset-normalizer idna certifi

(Ultralytics is AGPL-3.0: for comparing only, never imported by the package.)

Ultralytics' head is another one: its convolutions for boxes are not grouped. So its weights between the groups are set
to zero, and what is left is written as the authors' format has it, to be read by `zoo.yolov9.weights`.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from face_detect_ros.benchmarks.peers import stand_ins
from face_detect_ros.benchmarks.peers.comparison import Differences, enliven, random_images
from face_detect_ros.nn.yolov9.variants import VARIANTS
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

_CLASSES = 80
_GROUPS = 4
_BOX_STACK = re.compile(r"model\.\d+\.cv2\.\d\.(1\.conv|2)\.weight")


def main(variants: list[str]) -> None:
    stand_ins.provide("torchvision")
    from ultralytics.nn.tasks import DetectionModel  # type: ignore[import-not-found]

    images = random_images()
    differences = Differences()
    with tempfile.TemporaryDirectory() as folder:
        for variant in variants:
            torch.manual_seed(0)
            theirs = DetectionModel(f"yolov9{variant}.yaml", nc=_CLASSES, verbose=False)
            _cut_between_groups(theirs)  # before their outputs are normalized
            enliven(theirs, images, _CLASSES, theirs)
            _cut_between_groups(theirs)  # and those that are new now
            path = Path(folder) / "weights.pt"
            state = theirs.state_dict()
            torch.save({"model": {name: _grouped(name, value) for name, value in state.items()}}, path)
            ours = yolov9_weights.load(path).model.double()
            with torch.inference_mode():
                differences.add(variant, ours(images.double()), _outputs(theirs.double(), images.double()))
    differences.end()


@torch.no_grad()
def _cut_between_groups(network: torch.nn.Module) -> None:
    for name, weight in network.named_parameters():
        if _BOX_STACK.fullmatch(name):
            for group, rows in enumerate(weight.chunk(_GROUPS)):
                columns = rows.chunk(_GROUPS, dim=1)
                for other, block in enumerate(columns):
                    if other != group:
                        block.zero_()


def _grouped(name: str, value: Tensor) -> Tensor:
    """What is left of the weights of a convolution in the box stacks, as a grouped convolution has it."""
    if not _BOX_STACK.fullmatch(name):
        return value
    return torch.cat([rows.chunk(_GROUPS, dim=1)[group] for group, rows in enumerate(value.chunk(_GROUPS))])


def _outputs(network: torch.nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes and scores as ours gives them, from center, size and scores."""
    rows = network(images)[0].transpose(1, 2)
    center, size, scores = rows[..., :2], rows[..., 2:4], rows[..., 4:]
    return torch.cat([center - size / 2, center + size / 2], dim=2), scores


if __name__ == "__main__":
    main(sys.argv[1:] or list(VARIANTS))
