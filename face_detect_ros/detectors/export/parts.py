# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a network in PyTorch gives to be exported to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from face_detect_ros.detectors.onnx.format import OnnxFormat


@dataclass(frozen=True)
class ExportParts:
    """A network from pixels to detections as one module in float32 on the CPU.

    Attributes:
        module: Takes (B, 3, H, W) pixels as `format` says; gives boxes (B, N, 4) xyxy in input pixels and
            scores (B, N, C). Where masked, it also takes (B, H, W) int64 that is 1 where images are and 0
            in the padding.
        format: Of layout boxes_scores.
        size: (H, W).
    """

    module: nn.Module
    format: OnnxFormat
    size: tuple[int, int]
    masked: bool = False


@runtime_checkable
class Exportable(Protocol):
    """An `ObjectNetwork` that can be exported."""

    labels: tuple[str, ...]

    def export_parts(self) -> ExportParts: ...
