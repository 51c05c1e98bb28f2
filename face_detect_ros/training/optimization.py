# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameter groups, learning rate schedule and moving average."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import nn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.training.options import TrainOptions

_EMA_RAMP_STEPS = 2000.0


def freeze(model: nn.Module, beginnings: tuple[str, ...]) -> None:
    """Freeze the parameters whose names start with one of `beginnings`. Raises ConfigError if there are none."""
    for beginning in beginnings:
        of_it = [value for name, value in model.named_parameters() if name.startswith(beginning)]
        if not of_it:
            known = ", ".join(dict.fromkeys(name.split(".")[0] for name, _ in model.named_parameters()))
            raise ConfigError(f"freeze: no parameter's name begins with '{beginning}'; the parts are {known}")
        for value in of_it:
            value.requires_grad_(False)


def set_to_train(model: nn.Module, beginnings: tuple[str, ...]) -> None:
    """Switch to training mode, except for the statistics of frozen normalizations."""
    model.train()
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and name.startswith(beginnings or ("\0",)):
            module.eval()


def make_optimizer(model: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW. Biases, gates and normalizations do not decay."""
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for value in model.parameters():
        if value.requires_grad:
            (vectors if value.numel() == len(value) else matrices).append(value)
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if options.optimizer == "adamw":
        return torch.optim.AdamW(
            groups, lr=options.learning_rate, betas=(options.momentum, 0.999), fused=True
        )
    return torch.optim.SGD(
        groups, lr=options.learning_rate, momentum=options.momentum, nesterov=True, fused=True
    )


def rate_over_steps(options: TrainOptions, steps_per_epoch: int) -> Callable[[int], float]:
    """The share of the learning rate at each step: linear warm-up, then half a cosine."""
    warm = options.warmup_epochs * steps_per_epoch
    total = options.epochs * steps_per_epoch

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        progress = (step - warm) / max(1, total - warm)
        return (
            options.final_share + (1 - options.final_share) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
        )

    return share


class MovingAverage:
    """Exponential moving average of a model's weights and statistics, kept in a model of its own."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay
        # both models are only ever changed in place
        pairs = list(zip(self.model.state_dict().values(), model.state_dict().values(), strict=True))
        self._averaged, self._latest = zip(*(p for p in pairs if p[0].is_floating_point()), strict=True)
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update after step `step`, counted from 0. The decay rises from 0, so that the start is soon forgotten."""
        decay = self._decay * (1 - math.exp(-(step + 1) / _EMA_RAMP_STEPS))
        torch._foreach_lerp_(self._averaged, self._latest, 1 - decay)
        for value, latest in self._counts:
            value.copy_(latest)
