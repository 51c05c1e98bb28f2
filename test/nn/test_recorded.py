# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recordings on the CPU: the same network is traced once in a process, since torch never frees what it has traced."""

import pytest
import torch
from torch import nn

from face_detect_ros.nn import recorded


class Doubles(nn.Module):
    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([factor]), requires_grad=False)

    def forward(self, images):
        return (images * self.factor,)


@pytest.fixture
def traced(monkeypatch):
    """Networks that were traced."""
    found = []
    trace = torch.jit.trace
    monkeypatch.setattr(recorded, "_SCRIPTS", {})
    monkeypatch.setattr(
        torch.jit, "trace", lambda network, *a, **k: found.append(network) or trace(network, *a, **k)
    )
    return found


def answers(factor, size=4):
    call = recorded.Recorded(Doubles(factor).eval())
    with torch.inference_mode():
        return [float(call(torch.ones(1, 3, size, size))[0].mean()) for _ in range(3)]


def test_the_same_network_is_traced_once(traced):
    assert answers(2.0) == answers(2.0) == [2.0, 2.0, 2.0]
    assert len(traced) == 1


def test_other_weights_and_other_sizes_are_traced_again(traced):
    assert answers(2.0) == [2.0] * 3
    assert answers(3.0) == [3.0] * 3
    assert answers(3.0, size=8) == [3.0] * 3
    assert len(traced) == 3


def test_few_scripts_are_kept(traced):
    for factor in range(recorded.MOST_SHAPES + 3):
        answers(float(factor))
    assert len(recorded._SCRIPTS) == recorded.MOST_SHAPES
