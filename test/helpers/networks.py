# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Networks with random weights whose signals neither die out nor explode, so that comparing outputs means something."""

import math
from dataclasses import asdict, replace

import torch
from torch import nn

from face_detect_ros.nn.yolov9.variants import Elan, Variant


def narrow(variant: Variant, factor: int | None = None) -> Variant:
    """`variant` with all its layers and a fraction of its channels; without `factor`, as few as there can be."""
    channels = [*variant.stem, *variant.downs, variant.pooled, *variant.bottom_up_downs, variant.head_width]
    groups = "elans", "top_down", "bottom_up"
    channels += [
        width for group in groups for elan in getattr(variant, group) for width in asdict(elan).values()
    ]
    factor = factor or math.gcd(*channels) // 4  # attention takes multiples of 4

    def fewer(widths):
        return tuple(width // factor for width in widths)

    return replace(
        variant,
        stem=fewer(variant.stem),
        downs=fewer(variant.downs),
        pooled=variant.pooled // factor,
        bottom_up_downs=fewer(variant.bottom_up_downs),
        head_width=variant.head_width // factor,
        **{
            group: tuple(Elan(elan.out // factor, elan.part // factor) for elan in getattr(variant, group))
            for group in groups
        },
    )


def liven(network, *inputs):
    """`network`, ready for inference, with normalizations that fit what `inputs` bring to them, and uneven ones."""
    normalizations = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    network.train()  # runs what only training runs, too
    hooks = [module.eval().register_forward_pre_hook(_fit) for module in normalizations]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return network.eval()


def _fit(module, inputs):
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
    module.running_mean.copy_(mean)
    # Random layers in a long row are chaotic where SiLU bends much or a nearly constant channel is blown up:
    # rounding would grow there (float64, 1e-16, to 2e-6 pixels in e), and hide what a test looks for.
    module.running_var.copy_(variance.clamp(min=0.5 * variance.mean()))
    module.weight.uniform_(0.2, 0.4)
    module.bias.uniform_(-0.2, 0.2)


def open_gates(network):
    """`network` with its attention at work."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("gate"):
                parameter.uniform_(0.01, 0.03)
    return network
