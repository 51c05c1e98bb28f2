# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What this machine could do at best: the multiplications of a network as one large matrix product."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from face_detect_ros.benchmarks.rows import best_ms
from face_detect_ros.nn import devices


def precisions(device: str) -> tuple[str, ...]:
    """float32, and what "auto" means on `device` if that is another."""
    best = devices.choose_dtype("auto", torch.device(device))
    return tuple(dict.fromkeys(("float32", str(best).removeprefix("torch."))))


def products(forward: Callable[[], object]) -> float:
    """Multiplications of two numbers in a call."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        forward()
    return counter.get_total_flops() / 2


@functools.cache
def products_per_ms(precision: str, device: str) -> float:
    """Multiplications in a large matrix product, the best of five."""
    side = 1536 if device == "cpu" else 8192
    matrix = torch.ones(side, side, dtype=getattr(torch, precision), device=device)

    def multiply() -> None:
        matrix @ matrix
        if device != "cpu":
            torch.cuda.synchronize()

    return side**3 / best_ms(multiply, 5)
