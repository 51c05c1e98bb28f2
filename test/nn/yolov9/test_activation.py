# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Class activation of YOLOv9's fused levels, beside what it is by definition."""

from dataclasses import replace

import pytest
import torch
from helpers.networks import liven, narrow, open_gates

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.yolov9.activation import ClassActivation
from face_detect_ros.nn.yolov9.network import VARIANTS, YoloV9


def image(dtype=torch.float64, count=1):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, 64, 96, generator=generator, dtype=torch.float64).to(dtype)


KINDS = ["t", "e", "t with attention"]


def made(kind):
    """Narrow, and with no more than two bottlenecks in a row."""
    torch.manual_seed(0)
    variant, _, attention = kind.partition(" ")
    wanted = bool(attention)
    with pytest.MonkeyPatch.context() as patch:
        small = replace(narrow(VARIANTS[variant]), depth=2 if variant == "e" else 1)
        patch.setitem(VARIANTS, variant, small)
        network = YoloV9(variant, 5, self_attention=wanted, cross_attention=wanted)
    network = liven(network, image(torch.float32))
    return (open_gates(network) if wanted else network).double().eval()


@pytest.fixture(scope="module", params=KINDS)
def network(request):
    """Not to be changed."""
    return made(request.param)


def test_predictions_are_those_of_the_network(network):
    activation = ClassActivation(network, image())
    expected = network(image())
    torch.testing.assert_close(activation.predictions.boxes, expected.boxes)
    torch.testing.assert_close(activation.predictions.scores, expected.scores)


@pytest.mark.parametrize("level", [0, 1, 2])
@torch.no_grad()
def test_a_share_is_how_the_score_grows_with_what_is_in_a_cell(network, level):
    """Of a prediction of each level; only the parts of the coarsest level, whose cells are told apart most easily."""
    index = (0, 96, 120)[level] + 2
    activation = ClassActivation(network, image())
    fused = network.fused_levels(image())

    def logit(factor, row, column):
        changed = [values.clone() for values in fused]
        changed[2][:, :, row, column] *= factor
        return network.head.cells(network.from_fused(*changed))[1][0, 3, index]

    step = 1e-4
    grown = torch.tensor(
        [
            [
                (logit(1 + step, row, column) - logit(1 - step, row, column)) / (2 * step)
                for column in range(3)
            ]
            for row in range(2)
        ],
        dtype=torch.float64,
    )
    for finer in activation._levels[:2]:
        finer.data.zero_()  # their shares are left out of the sum
    shares = activation.of(index, 3)
    assert shares.shape == (8, 12)
    assert shares.sum().item() == pytest.approx(grown.relu().sum().item(), rel=1e-4, abs=1e-7)


def test_a_share_differs_with_the_class_and_the_prediction(network):
    activation = ClassActivation(network, image())
    first = activation.of(0, 0)
    assert first.min() >= 0
    assert first.dtype == torch.float32
    assert (activation.of(0, 1) - first).abs().max() > 0
    assert (activation.of(95, 0) - first).abs().max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_it_works_after_and_inside_of_inference_mode(kind):
    network = made(kind)  # has kept nothing from other calls
    with torch.inference_mode():
        network(image())
        inside = ClassActivation(network, image().clone()).of(3, 2)
    torch.testing.assert_close(inside.clone(), ClassActivation(network, image()).of(3, 2))


def test_what_it_refuses():
    network = made("t")
    with pytest.raises(ConfigError, match="one image, not of 2"):
        ClassActivation(network, image(count=2))
    with pytest.raises(ConfigError, match="call eval"):
        ClassActivation(network.train(), image())
