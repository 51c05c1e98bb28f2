# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What scripts that compare networks with random weights have in common.

Networks are compared in float64. In float32, two orders of adding the same numbers may be far apart after a hundred
layers of random weights: for YOLOv9-e 0.04 pixels and 1e-3, where either is a pixel from its own result in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import skimage.data
import torch
from torch import Tensor, nn

SIDE = 320  # of the images, in pixels
BOX_LIMIT_PX = 0.1
SCORE_LIMIT = 1e-4


def random_images() -> Tensor:
    """(3, 3, SIDE, SIDE) float32 RGB in [0, 1]: a person, a cat, and noise."""
    photos = [cv2.resize(photo, (SIDE, SIDE)) for photo in (skimage.data.astronaut(), skimage.data.chelsea())]
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return torch.from_numpy(np.stack([*photos, noise])).permute(0, 3, 1, 2).contiguous() / 255


@torch.no_grad()
def enliven(network: nn.Module, images: Tensor, classes: int, run: Callable[[Tensor], object]) -> None:
    """Give a network random weights such as a training could have left, and leave it in eval mode.

    Freshly made networks give the same score everywhere, so a comparison would find little. Here normalizations have
    the statistics of what they see, and scores differ.

    Args:
        network: Changed in place.
        images: What `run` computes, for the statistics.
        classes: Number of classes; layers with this number of outputs give scores.
        run: The network's forward pass.
    """
    random = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.7, 1.3, generator=random)
            module.bias.normal_(0, 0.3, generator=random)
            module.reset_running_stats()
            module.momentum = None  # the mean of all that it sees
        elif isinstance(module, nn.Conv2d) and module.bias is not None and module.out_channels == classes:
            module.weight.normal_(0, 2 / module.weight[0].numel() ** 0.5, generator=random)
            module.bias.normal_(-3, 0.5, generator=random)
    network.train()
    run(images)
    network.eval()


class Differences:
    """The largest that were seen, over every cell of every image."""

    def __init__(self) -> None:
        print("| variant | boxes, px | scores | scores from | to |")
        print("| --- | --- | --- | --- | --- |")
        self._too_large: list[str] = []

    def add(self, variant: str, ours: tuple[Tensor, Tensor], theirs: tuple[Tensor, Tensor]) -> None:
        """Compare two networks and print a row of the table.

        Args:
            variant: Name of the row.
            ours: Boxes (B, N, 4) xyxy in pixels, and scores (B, N, classes).
            theirs: The same of the other implementation.
        """
        box, score = (float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))
        low, high = float(theirs[1].min()), float(theirs[1].max())
        print(f"| {variant} | {box:.1e} | {score:.1e} | {low:.1e} | {high:.3f} |", flush=True)
        if not (box <= BOX_LIMIT_PX and score <= SCORE_LIMIT):
            self._too_large.append(variant)

    def end(self) -> None:
        """Raises SystemExit if any was too large."""
        if self._too_large:
            raise SystemExit(f"not the same: {', '.join(self._too_large)}")
