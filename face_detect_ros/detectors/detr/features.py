# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The part of a DETR-like model that makes feature maps, made fast: folded, merged, in fewer bits.

Folding is exact up to float32's rounding. Fewer bits stop where queries begin: 8 bits of mantissa would put a box
corner 2 px off in an image of 640 px, so queries and boxes are float32 always, and cost little.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from face_detect_ros.detectors.detr.families import Family

_FOLDED = (
    ("conv", "norm"),
    ("convolution", "normalization"),
)  # (convolution, its norm), called in this order
_NORMS = ("running_mean", "running_var", "weight", "bias")


def speed_up(model: nn.Module, family: Family, device: torch.device, dtype: torch.dtype) -> None:
    """Move a model to a device and make it fast there. In place.

    Args:
        model: Of `transformers`, in float32.
        family: Which kind of model it is.
        device: Where it computes.
        dtype: Of the features.
    """
    for module in list(model.modules()):
        for names in _FOLDED:
            _fold(module, *names)
        if isinstance(module, nn.Sequential) and len(module) == 2:
            _fold(module, "0", "1")
    if family.two_branches:
        _merge_branches(model)
    model.to(device)
    parts = [model.get_submodule(name) for name in family.features]
    for part in parts:
        part.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if dtype == torch.float32:
        return
    lasts = parts[-1] if isinstance(parts[-1], nn.ModuleList) else parts[-1:]
    tokens = [module for name, module in model.named_modules() if name.endswith(family.tokens)]
    for module in tokens:
        module.to(dtype)
    for module in (parts[0], *tokens):
        module.register_forward_pre_hook(lambda _, inputs: _cast(inputs, dtype))
    for module in (*lasts, *tokens):
        module.register_forward_hook(lambda _, inputs, output: _cast(output, torch.float32))


def _cast(values: Any, dtype: torch.dtype) -> Any:
    """The same with each tensor of floats in `dtype`; tuples and lists may nest."""
    if isinstance(values, torch.Tensor):
        return values.to(dtype) if values.is_floating_point() else values
    if isinstance(values, (tuple, list)):
        return type(values)(_cast(value, dtype) for value in values)
    return values


def _fold(parent: nn.Module, conv_name: str, norm_name: str) -> None:
    """Multiply the norm's scale, with its fixed statistics, into the convolution before it."""
    conv, norm = getattr(parent, conv_name, None), getattr(parent, norm_name, None)
    if not isinstance(conv, nn.Conv2d) or not all(hasattr(norm, name) for name in _NORMS):
        return
    mean, variance, weight, bias = (getattr(norm, name).detach().double() for name in _NORMS)
    scale = weight / (variance + getattr(norm, "eps", 1e-5)).sqrt()  # the frozen kind has no field for it
    before = 0.0 if conv.bias is None else conv.bias.detach().double()
    _set(conv, conv.weight.detach().double() * scale.view(-1, 1, 1, 1), bias + (before - mean) * scale)
    setattr(parent, norm_name, nn.Identity())


def _merge_branches(model: nn.Module) -> None:
    """Put each block's 1x1 convolution into the center of the 3x3 one beside it; both are folded already."""
    for parent in list(model.modules()):
        for name, block in list(parent.named_children()):
            if not type(block).__name__.endswith("RepVggBlock"):
                continue
            wide, narrow = (block.get_submodule(f"{branch}.conv") for branch in ("conv1", "conv2"))
            if not (isinstance(wide, nn.Conv2d) and isinstance(narrow, nn.Conv2d)):
                continue
            if wide.bias is None or narrow.bias is None:
                continue  # its norm was of another kind and is still there
            weight = wide.weight.detach().double()
            weight[:, :, 1:2, 1:2] += narrow.weight.detach().double()
            _set(wide, weight, wide.bias.detach().double() + narrow.bias.detach().double())
            parent.register_module(name, nn.Sequential(wide, block.get_submodule("activation")))


def _set(conv: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor) -> None:
    conv.weight = nn.Parameter(weight.float(), requires_grad=False)
    conv.bias = nn.Parameter(bias.float(), requires_grad=False)
