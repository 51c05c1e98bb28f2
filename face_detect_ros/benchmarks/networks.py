# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What YOLOv9's variants and their attention cost: `python -m face_detect_ros.benchmarks.networks`.

Parameters, operations (two a multiplication and addition, of convolutions and matrix products) and milliseconds of
one image through the network, fused, with random weights, as JSON lines. The variants of one size take turns, so
that a disturbance meets all of them.
"""

from __future__ import annotations

import argparse
import json
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from face_detect_ros.nn import devices
from face_detect_ros.nn.yolov9.network import VARIANTS, YoloV9

ATTENTION = {
    "none": (False, False),
    "self": (True, False),
    "cross": (False, True),
    "self and cross": (True, True),
}


def run(names: list[str], size: int, repeats: int, device: torch.device, dtype: torch.dtype) -> None:
    """Print a line of JSON for each network: its size, operations and time per image.

    Args:
        names: Variants of YOLOv9.
        size: Side of the square input in pixels.
        repeats: Runs that are timed.
        device: Where to compute.
        dtype: Numbers to compute in.
    """
    for name in names:
        networks = {kind: _network(name, kind, device, dtype) for kind in ATTENTION}
        images = torch.rand(1, 3, size, size, device=device).to(dtype, memory_format=torch.channels_last)
        times: dict[str, list[float]] = {kind: [] for kind in ATTENTION}
        with torch.inference_mode(), devices.exact(dtype):
            for _ in range(repeats + 2):
                for kind, network in networks.items():
                    times[kind].append(_time_ms(network, images))
        for kind, network in networks.items():
            counted = sorted(times[kind][2:])
            print(
                json.dumps(
                    {
                        "variant": name,
                        "attention": kind,
                        "size": size,
                        "device": str(device),
                        "dtype": str(dtype).removeprefix("torch."),
                        "parameters": sum(p.numel() for p in network.parameters()),
                        "operations": operations(name, kind, size),
                        "ms_median": round(counted[len(counted) // 2], 2),
                        "ms_least": round(counted[0], 2),
                    }
                ),
                flush=True,
            )


def operations(name: str, kind: str, size: int) -> int:
    """Floating-point operations for one image; counted from the shapes alone, without computing.

    Args:
        name: Variant of YOLOv9.
        kind: A key of `ATTENTION`.
        size: Side of the square input in pixels.
    """
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = YoloV9(name, self_attention=ATTENTION[kind][0], cross_attention=ATTENTION[kind][1]).fuse()
        network(torch.empty(1, 3, size, size))
    return int(counter.get_total_flops())


def _network(name: str, kind: str, device: torch.device, dtype: torch.dtype) -> YoloV9:
    own, cross = ATTENTION[kind]
    network = YoloV9(name, self_attention=own, cross_attention=cross).fuse()
    return network.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _time_ms(network: YoloV9, images: torch.Tensor) -> float:
    start = time.perf_counter()
    boxes, _ = network(images)
    boxes[0, 0, 0].item()  # waits for a GPU
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Cost of YOLOv9's variants and their attention, as JSON lines."
    )
    parser.add_argument("variants", nargs="*", default=list(VARIANTS), help="of: " + ", ".join(VARIANTS))
    parser.add_argument("--size", type=int, default=640, help="pixels of both sides")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32", choices=devices.PRECISIONS)
    options = parser.parse_args()
    run(options.variants, options.size, options.repeats, *devices.choose(options.device, options.precision))


if __name__ == "__main__":
    main()
