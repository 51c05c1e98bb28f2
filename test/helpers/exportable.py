# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An object detector that is exported in no time."""

import torch

from face_detect_ros.detectors.export.parts import ExportParts
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.objects.two_looks import TwoLooks
from face_detect_ros.detectors.onnx.format import OnnxFormat


class Tiny(torch.nn.Module):
    """One box to an image; its sides and score are means of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.box = torch.nn.Linear(3, 4)
        self.score = torch.nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = images.mean(dim=(2, 3))[:, None]
        return 32 * self.box(mean), self.score(mean).sigmoid()


class TinyNetwork:
    """As much of an `ObjectNetwork` as export asks for."""

    labels = ("a", "b")
    device = "cpu"
    overlapping = True

    def export_parts(self) -> ExportParts:
        torch.manual_seed(0)
        return ExportParts(Tiny(), OnnxFormat("boxes_scores"), (32, 64))


def create_tiny(device: str, precision: str = "auto", input_size: int = 0) -> NetworkDetector:
    """Looks twice, as the packaged model does."""
    return NetworkDetector(TwoLooks(TinyNetwork(), TinyNetwork(), ("b",)))
