# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where in the image YOLOv9 saw what it took for one prediction: class activation of the fused levels.

The levels are those at the end of the neck's top-down path, where shallow and deep features have met. A cell's share of
a prediction is its activation times the gradient of the prediction's class logit with respect to it, summed over the
channels; what speaks against the class counts as 0 (HiResCAM, arXiv:2011.08891). Everything behind these levels, the
bottom-up path, cross-attention and the head, is part of the gradient, so what the prediction gathered from other cells
and levels shows.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.yolov9.network import Predictions, YoloV9


class ClassActivation:
    """One run of a network on one image that remembers how each prediction came about.

    Attributes:
        predictions: What the network gives for the image.
    """

    def __init__(self, network: YoloV9, image: Tensor) -> None:
        """Runs `network`.

        Args:
            network: In eval mode.
            image: (1, 3, H, W) as for the network's `forward`.

        Raises:
            ConfigError: In train mode, or for an image of another shape.
        """
        if network.training:
            raise ConfigError("class activation needs a network in eval mode; call eval() first")
        if len(image) != 1:
            raise ConfigError(f"class activation is of one image, not of {len(image)}")
        with torch.inference_mode(False), torch.no_grad():
            fused = network.fused_levels(image)
            self._levels = [level.clone().requires_grad_() for level in fused]
        with torch.inference_mode(False), torch.enable_grad():
            maps = network.from_fused(*self._levels)
            _, self._logits = network.head.cells(maps)  # (1, classes, N)
        with torch.no_grad():
            self.predictions = Predictions(*network.head.decode(maps))

    def of(self, index: int, class_id: int) -> Tensor:
        """The share of each cell in one class score of one prediction.

        Args:
            index: Entry of `predictions`.
            class_id: Class.

        Returns:
            (H / 8, W / 8) float32 on the network's device, none below 0. The share of a cell of a coarser level is
            spread over its area.
        """
        with torch.inference_mode(False), torch.enable_grad():
            gradients = torch.autograd.grad(
                self._logits[0, class_id, index], self._levels, retain_graph=True, allow_unused=True
            )
        size = self._levels[0].shape[2:]
        shares = torch.zeros((1, 1, *size), device=self._logits.device)
        for level, gradient in zip(self._levels, gradients, strict=True):
            if gradient is None:
                continue
            share = (level.detach().float() * gradient.float()).sum(dim=1, keepdim=True).relu()
            spread = share * (share.shape[2] * share.shape[3] / (size[0] * size[1]))
            shares += functional.interpolate(spread, size, mode="bilinear", align_corners=False)
        return shares[0, 0]
