# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the training loop needs to know about a kind of network."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from face_detect_ros.core.protocols import Detector
from face_detect_ros.training.losses.detection import Losses, Truth


class Learner(Protocol):
    """A network and how it learns.

    Attributes:
        network: What is trained, in float32 on the CPU; `Trainer` moves it and keeps its average.
    """

    network: nn.Module

    def losses(self, network: nn.Module, images: Tensor, truth: Truth) -> Losses:
        """The losses for a batch.

        Args:
            network: In training mode.
            images: (B, 3, S, S) float32 RGB in [0, 1].
            truth: Their labels.
        """
        ...

    def detector(self, average: nn.Module, device: torch.device, dtype: torch.dtype) -> Detector:
        """A detector with a copy of the averaged weights.

        Args:
            average: The network with these weights.
            device: Where it computes.
            dtype: Numbers to compute in.
        """
        ...

    def result(self, folder: Path, name: str) -> Path:
        """Where `write` puts the weights of that name ("last", "best")."""
        ...

    def write(self, average: nn.Module, folder: Path, name: str) -> None:
        """Write the weights, completely or not at all.

        Args:
            average: The network with these weights.
            folder: Of the training.
            name: "last" or "best".

        Raises:
            OutputError: They cannot be written.
        """
        ...
