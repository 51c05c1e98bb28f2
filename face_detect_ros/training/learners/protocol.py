# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a training needs to know of the kind of network that it trains."""

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
        """Of `network`, in training mode. images: (B, 3, S, S) float32 RGB in [0, 1]."""
        ...

    def detector(self, average: nn.Module, device: torch.device, dtype: torch.dtype) -> Detector:
        """One that works with the average; its numbers are copied."""
        ...

    def result(self, folder: Path, name: str) -> Path:
        """Where `write` puts what it is given under that name ("last", "best")."""
        ...

    def write(self, average: nn.Module, folder: Path, name: str) -> None:
        """Whole or not at all. Raises OutputError."""
        ...
