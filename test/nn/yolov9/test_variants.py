# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The variants of YOLOv9 are as large as published."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from face_detect_ros.nn.yolov9.network import VARIANTS, YoloV9

# arXiv:2402.13616, inference at 640 x 640: 10^6 parameters, 10^9 operations (a multiplication and an addition are two)
PUBLISHED = {"t": (2.0, 7.7), "s": (7.1, 26.4), "m": (20.0, 76.3), "c": (25.3, 102.1), "e": (57.3, 189.0)}


def costs(network):
    """(10^6 parameters, 10^9 operations of convolutions and matrix products at 640 x 640), computed without data."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, 640, 640, device="meta"))
    return sum(p.numel() for p in network.parameters()) / 1e6, counter.get_total_flops() / 1e9


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_and_operations_are_the_published_ones(variant):
    with torch.device("meta"):
        network = YoloV9(variant, auxiliary=True).fuse()
        parameters, operations = costs(network)
    assert (parameters, operations) == pytest.approx(PUBLISHED[variant], rel=0.01)
