# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A DETR-like network with what comes before and after it as one module, for export to ONNX."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.detr.families import Family
from face_detect_ros.detectors.export.parts import ExportParts
from face_detect_ros.detectors.onnx.format import OnnxFormat
from face_detect_ros.detectors.preprocessor import InputSettings


def parts(model: Any, family: Family, columns: torch.Tensor, settings: InputSettings) -> ExportParts:
    """What is exported of a model of the RT-DETR family, from pixels to boxes and scores.

    Images that keep their aspect ratio are exported into the upper left corner of an input of one size.

    Args:
        model: Of `transformers`.
        family: Which kind of model it is.
        columns: (C,) int64; the logits that have a label.
        settings: Of the model's input.

    Raises:
        ConfigError: The model's input has no fixed size.
    """
    longest = settings.longest
    if not longest or (settings.within and settings.padded and settings.within != settings.padded):
        raise ConfigError(
            "a model whose images are neither stretched nor fitted into one size cannot be exported"
        )
    size = settings.padded or settings.size or (longest, longest)
    described = OnnxFormat(
        "boxes_scores",
        fit="stretch" if settings.size and not settings.padded else "top_left",
        fill=0,
        filter=settings.filter,
        size=longest,
        shortest=settings.edges[0] if settings.edges else 0,
        multiple=1,
        overlapping=False,
    )
    masked = described.fit != "stretch"
    return ExportParts(_PixelsToDetections(model, family, columns, settings), described, size, masked)


class _PixelsToDetections(nn.Module):
    """Normalizes inside, so that the file wants plain RGB in [0, 1]."""

    def __init__(
        self, model: nn.Module, family: Family, columns: torch.Tensor, settings: InputSettings
    ) -> None:
        super().__init__()
        self.model = model
        self.softmax = family.softmax
        self.columns = columns
        unit = 255 * settings.factor
        channel = (1, 3, 1, 1)
        self.scale = torch.tensor([unit / std for std in settings.std]).view(channel)
        self.shift = torch.tensor(
            [-mean / std for mean, std in zip(settings.mean, settings.std, strict=True)]
        ).view(channel)

    def forward(
        self, images: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ExportParts`."""
        pixels = images * self.scale + self.shift
        height, width = images.shape[2:]
        if mask is None:
            sides = torch.tensor([width, height, width, height], dtype=pixels.dtype)
        else:
            pixels = pixels * mask[:, None]
            rows, columns = mask.amax(dim=2).sum(dim=1), mask.amax(dim=1).sum(dim=1)
            sides = torch.stack([columns, rows, columns, rows], dim=1)[:, None].to(pixels.dtype)
        output = self.model(pixel_values=pixels, pixel_mask=mask)
        center, half = output.pred_boxes[..., :2], output.pred_boxes[..., 2:] / 2
        boxes = torch.cat([center - half, center + half], dim=-1) * sides
        if not self.softmax:
            return boxes, output.logits[..., self.columns].sigmoid()
        scores = output.logits.softmax(-1)[..., self.columns]
        # one class for each query
        return boxes, torch.where(scores == scores.amax(-1, keepdim=True), scores, 0.0)
