# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where a DETR-like network looked for one detection: its query's cross-attention in the last decoder layer.

Most of the family sample a few points of each feature map; their weights go to the cells that the bilinear
interpolation reads there. DETR and its nearest relatives weigh every cell of one map. Heads and levels add up, and a
cell's weight spreads over its pixels.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors.detr.families import Family


class Recorder:
    """While open, keeps what a run of `model` with output_attentions says of its places; then draws it."""

    def __init__(self, model: Any, family: Family) -> None:
        self._model = model
        self._samples = family.samples
        self._sampling = _SamplingRecorder()
        self._usual = model.config._attn_implementation
        self._map_size = (0, 0)

    def __enter__(self) -> Recorder:
        self._attend("eager")  # PyTorch's fused attention keeps no weights
        if self._samples:
            self._sampling.__enter__()
        else:
            projection = self._model.get_submodule("model.input_projection")
            self._hook = projection.register_forward_hook(self._keep_map_size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._samples:
            self._sampling.__exit__(kind, error, trace)
        else:
            self._hook.remove()
        self._attend(self._usual)

    def _attend(self, way: str) -> None:
        if self._model.config._attn_implementation != way:
            self._model.set_attn_implementation({"": way})  # "": not of the backbone

    def _keep_map_size(self, module: Any, inputs: Any, output: torch.Tensor) -> None:
        self._map_size = (output.shape[2], output.shape[3])

    def heat_map(self, weights: torch.Tensor, query: int, place: Letterbox) -> np.ndarray:
        """(H, W) float32 of the image, greatest 1; all 0 if the query looked at nothing inside it.

        Args:
            weights: Of the last layer's cross-attention: (Q, heads, ...) over levels and points, or (heads, Q, cells).
            query: Which of the Q queries.
            place: How the image was fitted into the input.
        """
        if self._samples:
            levels = _cells(self._sampling.seen, weights.float(), query)
        else:
            levels = [weights[:, query].float().sum(0).reshape(1, 1, *self._map_size)]
        height, width = place.target
        heat = torch.zeros((1, 1, height, width), device=weights.device)
        for level in levels:
            density = level * (level.shape[2] * level.shape[3])  # cells of coarse maps are larger
            heat += functional.interpolate(density, (height, width), mode="bilinear", align_corners=False)
        inside = heat[..., : place.resized[0], : place.resized[1]]
        result = functional.interpolate(inside, place.original, mode="bilinear", align_corners=False)[0, 0]
        return (result / result.max().clamp(min=torch.finfo(result.dtype).tiny)).cpu().numpy()


class _SamplingRecorder(TorchFunctionMode):
    """Keeps each call of `grid_sample`: ((height, width) of the map, (heads, Q, points, 2) places from -1 to 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[tuple[int, int], torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.grid_sample:
            values, grid = args[:2]
            self.seen.append(((values.shape[2], values.shape[3]), grid))
        return func(*args, **(kwargs or {}))


def _cells(
    seen: list[tuple[tuple[int, int], torch.Tensor]], weights: torch.Tensor, query: int
) -> list[torch.Tensor]:
    """(1, 1, height, width) for each map of the last layer: how much each cell counted for the query."""
    waiting = weights[query].flatten(1)  # (heads, points of all levels)
    levels: list[torch.Tensor] = []
    for size, grid in reversed(seen):
        if waiting.shape[1] == 0:
            break
        points = grid.shape[2]
        waiting, own = waiting[:, :-points], waiting[:, -points:]
        levels.append(_spread(size, grid[:, query], own))
    if waiting.shape[1]:
        raise DetectorError(
            "this network samples its feature maps without interpolation; it cannot show where"
        )
    return levels


def _spread(size: tuple[int, int], places: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The opposite of sampling: (heads, points) weights to the cells that sampling at (heads, points, 2) reads."""
    with torch.inference_mode(False), torch.enable_grad():
        cells = torch.zeros((1, 1, *size), device=places.device, requires_grad=True)
        sampled = functional.grid_sample(cells, places.clone().reshape(1, 1, -1, 2), align_corners=False)
        (gradient,) = torch.autograd.grad(sampled, cells, weights.clone().reshape(1, 1, 1, -1))
    return gradient
