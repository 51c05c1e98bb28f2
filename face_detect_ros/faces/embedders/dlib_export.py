# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's descriptor network as an ONNX file for engines: from the bytes of chips to descriptors, any number of them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from face_detect_ros.engines import torch_export
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders.dlib import CHIPS, DESCRIPTORS
from face_detect_ros.nn.dlib.description import RESNET_STRUCTURE, NetworkDescription
from face_detect_ros.nn.dlib.nets import DescriptorNetwork
from face_detect_ros.zoo.formats import dlib_file


def export(weights: Path, destination: Path) -> None:
    """Write the network in `weights` as a graph. Raises WeightsError, EngineError."""
    network = _FromChips(dlib_file.read(weights, RESNET_STRUCTURE)).eval()
    side = align.CHIP_SIDE_PX
    torch_export.export(
        network,
        torch.zeros(2, side, side, 3, dtype=torch.uint8),
        destination,
        inputs={CHIPS: {0: "faces"}},
        outputs={DESCRIPTORS: {0: "faces"}},
        source=weights,
    )


class _FromChips(nn.Module):
    mean: Tensor

    def __init__(self, description: NetworkDescription) -> None:
        super().__init__()
        self.network = DescriptorNetwork(description)
        self.register_buffer("mean", torch.tensor(description.input.mean))

    def forward(self, chips: Tensor) -> Tensor:
        """(N, 150, 150, 3) uint8 RGB to (N, 128) float32."""
        descriptors: Tensor = self.network(((chips.float() - self.mean) / 256.0).permute(0, 3, 1, 2))
        return descriptors
