# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Building blocks of GELAN, YOLOv9's network: convolutions, and how they are wired into layers.

Every block maps (B, channels_in, h, w) to (B, channels_out, h, w); AConv and ADown to (B, channels_out, h/2, w/2)
of even h and w. Their tensors and their order are those of the published networks (arXiv:2402.13616), whose
weights therefore fit. `fuse()` of a convolution folds what only training needs into one convolution with bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_BN_EPS = 1e-3
_BN_MOMENTUM = 0.03


class Conv(nn.Module):
    """Convolution without bias, batch normalization and SiLU; "same" padding.

    Args:
        channels_in: Of the input.
        channels_out: Of the output.
        kernel: Side of the kernel, odd.
        stride: In both directions.
        groups: Of channels that are convolved separately.
        activation: With SiLU.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(
            channels_out, eps=_BN_EPS, momentum=_BN_MOMENTUM
        )
        self.act: nn.Module = nn.SiLU(inplace=True) if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))

    @torch.no_grad()
    def fuse(self) -> None:
        """Folds the normalization into the convolution; again: nothing."""
        if isinstance(self.bn, nn.Identity):
            return
        weight, bias = self.folded()
        self.conv = _convolution(self.conv, weight, bias)
        self.bn = nn.Identity()

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that equals this block (without its activation) in inference.

        Computed in float64: rounding to the network's own numbers is all that is lost.
        """
        bn = self.bn
        weight, bias = self.conv.weight.double(), self.conv.bias
        if isinstance(bn, nn.Identity):
            return weight, weight.new_zeros(len(weight)) if bias is None else bias.double()
        mean, variance = bn.running_mean, bn.running_var
        if mean is None or variance is None:
            raise ValueError("a normalization without running statistics cannot be folded")
        scale = bn.weight.double() / (variance.double() + bn.eps).sqrt()
        return weight * scale[:, None, None, None], bn.bias.double() - mean.double() * scale


class RepConv(nn.Module):
    """3x3 and 1x1 convolution side by side, added, then SiLU: one 3x3 convolution once `fuse()` has run."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1: Conv | None = Conv(channels_in, channels_out, 3, activation=False)
        self.conv2: Conv | None = Conv(channels_in, channels_out, 1, activation=False)
        self.conv: nn.Conv2d | None = None
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.conv1 is None or self.conv2 is None:
            return self.act(self.conv(x))  # type: ignore[misc]
        return self.act(self.conv1(x) + self.conv2(x))

    @torch.no_grad()
    def fuse(self) -> None:
        """Adds both branches up into `conv`; again: nothing."""
        if self.conv1 is None or self.conv2 is None:
            return
        weight, bias = self.conv1.folded()
        center, more_bias = self.conv2.folded()
        self.conv = _convolution(
            self.conv1.conv, weight + functional.pad(center, (1, 1, 1, 1)), bias + more_bias
        )
        self.conv1 = self.conv2 = None


class RepBottleneck(nn.Module):
    """x + Conv(RepConv(x)), both 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = RepConv(channels, channels)
        self.conv2 = Conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x))


class RepNCSP(nn.Module):
    """Cross-stage partial block: bottlenecks on one half of the features, the other half goes past them.

    Args:
        channels_in: Of the input.
        channels_out: Of the output.
        depth: Number of bottlenecks.
    """

    def __init__(self, channels_in: int, channels_out: int, depth: int) -> None:
        super().__init__()
        half = channels_out // 2
        self.conv1 = Conv(channels_in, half)
        self.conv2 = Conv(channels_in, half)
        self.conv3 = Conv(2 * half, channels_out)
        self.bottlenecks = nn.Sequential(*(RepBottleneck(half) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(torch.cat([self.bottlenecks(self.conv1(x)), self.conv2(x)], dim=1))


class ELAN1(nn.Module):
    """Efficient layer aggregation of plain convolutions.

    Args:
        channels_in: Of the input.
        channels_out: Of the output.
        part: Channels that are split into two halves.
    """

    def __init__(self, channels_in: int, channels_out: int, part: int) -> None:
        super().__init__()
        half = part // 2
        self.conv1 = Conv(channels_in, part)
        self.conv2: nn.Module = Conv(half, half, 3)
        self.conv3: nn.Module = Conv(half, half, 3)
        self.conv4 = Conv(2 * part, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.conv1(x).chunk(2, dim=1)
        third = self.conv2(second)
        return self.conv4(torch.cat([first, second, third, self.conv3(third)], dim=1))


class RepNCSPELAN4(ELAN1):
    """ELAN1 whose two inner convolutions are a RepNCSP each, followed by a 3x3 convolution.

    Args:
        channels_in: Of the input.
        channels_out: Of the output.
        part: Channels that are split into two halves.
        depth: Bottlenecks of each RepNCSP.
    """

    def __init__(self, channels_in: int, channels_out: int, part: int, depth: int) -> None:
        super().__init__(channels_in, channels_out, part)
        half = part // 2
        self.conv2 = nn.Sequential(RepNCSP(half, half, depth), Conv(half, half, 3))
        self.conv3 = nn.Sequential(RepNCSP(half, half, depth), Conv(half, half, 3))


class AConv(nn.Module):
    """Halves a map: 2x2 average (stride 1), then a 3x3 convolution of stride 2."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = Conv(channels_in, channels_out, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.avg_pool2d(x, 2, stride=1))


class ADown(nn.Module):
    """Halves a map: 2x2 average, then one half of the channels by a 3x3 convolution, the other by maximum and 1x1."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = Conv(channels_in // 2, channels_out // 2, 3, 2)
        self.conv2 = Conv(channels_in // 2, channels_out // 2)

    def forward(self, x: Tensor) -> Tensor:
        first, second = functional.avg_pool2d(x, 2, stride=1).chunk(2, dim=1)
        second = functional.max_pool2d(second, 3, stride=2, padding=1)
        return torch.cat([self.conv1(first), self.conv2(second)], dim=1)


class SPPELAN(nn.Module):
    """Spatial pyramid pooling: maxima over 5x5, 9x9 and 13x13 cells beside the features themselves."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        half = channels_out // 2
        self.conv1 = Conv(channels_in, half)
        self.conv5 = Conv(4 * half, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.conv1(x)]
        for _ in range(3):
            maps.append(functional.max_pool2d(maps[-1], 5, stride=1, padding=2))
        return self.conv5(torch.cat(maps, dim=1))


def fuse(network: nn.Module) -> None:
    """Fuses every convolution block inside `network`, in place."""
    for module in list(network.modules()):
        if isinstance(module, (Conv, RepConv)):
            module.fuse()


def _convolution(like: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """A convolution with the shape, numbers and device of `like`, and these values."""
    made = nn.Conv2d(
        like.in_channels,
        like.out_channels,
        like.kernel_size,  # type: ignore[arg-type]
        like.stride,  # type: ignore[arg-type]
        like.padding,  # type: ignore[arg-type]
        groups=like.groups,
        device="meta",
    )
    made.weight = nn.Parameter(weight.to(like.weight.dtype))
    made.bias = nn.Parameter(bias.to(like.weight.dtype))
    return made.train(like.training)
