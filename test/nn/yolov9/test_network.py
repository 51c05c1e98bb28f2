# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9: attention that starts as nothing, folding, shapes, heat-map rows, training."""

import functools
from dataclasses import replace

import pytest
import torch
from helpers.networks import liven, narrow, open_gates

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.yolov9.heads import REG_MAX
from face_detect_ros.nn.yolov9.network import VARIANTS, Predictions, YoloV9

ATTENTION = {"self_attention": True, "cross_attention": True}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    """Every variant with fewer channels, and with no more than two bottlenecks in a row: nothing here counts them."""
    for name, variant in VARIANTS.items():
        monkeypatch.setitem(VARIANTS, name, replace(narrow(variant), depth=2 if name == "e" else 1))


def _images(batch=2, height=64, width=96, dtype=torch.float32):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1)).to(dtype)


@functools.cache
def _weights(variant):
    """A state with attention and auxiliary branch, whose outputs depend much on the image."""
    torch.manual_seed(0)
    network = liven(YoloV9(variant, 5, auxiliary=True, **ATTENTION), _images())
    with torch.no_grad():
        for stack in (*network.head.boxes, *network.head.classes):
            stack[-1].weight.mul_(5)
        for stack in network.head.classes:
            stack[-1].bias.zero_()
    return network.state_dict()


def _network(variant="t", *, dtype=torch.float32, **options):
    with torch.device("meta"):
        network = YoloV9(variant, 5, **options)
    wanted = network.state_dict()
    weights = {name: value.clone() for name, value in _weights(variant).items() if name in wanted}
    network.load_state_dict(weights, assign=True)
    return network.to(dtype).eval()


@functools.cache
def _kept(**options):
    """`_network`, not to be changed."""
    return _network(**options)


@pytest.mark.parametrize("variant", ["t", "m", "e"])  # all kinds of blocks
@torch.no_grad()
def test_attention_changes_no_bit_until_trained(variant):
    plain, attentive = _network(variant), _network(variant, **ATTENTION)
    with torch.device("meta"):
        fresh = YoloV9(variant, 5, **ATTENTION)
    missing, left_over = fresh.load_state_dict(plain.state_dict(), strict=False, assign=True)
    assert missing
    assert all(name.split(".")[0] in ("self_attention", "cross_attention") for name in missing)
    assert not left_over
    images = _images(1)
    for _ in ("as trained", "fused"):
        for expected, got in zip(plain(images), attentive(images), strict=True):
            assert torch.equal(expected, got)
        plain.fuse()
        attentive.fuse()
    assert plain(images).scores.std() > 0.05  # of something that depends on the image
    changed = open_gates(attentive)(images)
    assert (changed.boxes - plain(images).boxes).abs().max() > 1e-3


@torch.no_grad()
def test_attention_changes_no_bit_of_channels_last_images():
    images = _images().contiguous(memory_format=torch.channels_last)
    plain, attentive = (
        network.to(memory_format=torch.channels_last) for network in (_network(), _network(**ATTENTION))
    )
    for expected, got in zip(plain(images), attentive(images), strict=True):
        assert torch.equal(expected, got)


@pytest.mark.parametrize("variant", ["t", "c"])  # of either way to halve a map
@torch.no_grad()
def test_a_fused_network_gives_the_same(variant):
    images = _images()
    network = _network(variant, auxiliary=True)
    before = network(images)
    after = network.fuse()(images)
    torch.testing.assert_close(after.boxes, before.boxes, rtol=0, atol=0.02)
    torch.testing.assert_close(after.scores, before.scores, rtol=0, atol=1e-4)
    assert network.auxiliary is None
    assert before.scores.std() > 0.05


@pytest.mark.parametrize("variant", ["t", "m", "e"])  # all kinds of blocks
@torch.no_grad()
def test_a_fused_network_is_exact_in_float64(variant):
    images = _images(dtype=torch.float64)
    network = open_gates(_network(variant, dtype=torch.float64, **ATTENTION))
    before = network(images)
    after = network.fuse()(images)
    torch.testing.assert_close(after.boxes, before.boxes, rtol=0, atol=1e-10)
    torch.testing.assert_close(after.scores, before.scores, rtol=0, atol=1e-10)
    again = network.fuse()(images)
    assert torch.equal(again.boxes, after.boxes)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 160), (96, 32)])
@torch.no_grad()
def test_any_multiple_of_32(height, width):
    boxes, scores = open_gates(_network(**ATTENTION))(_images(1, height, width))
    count = height * width * (1 / 64 + 1 / 256 + 1 / 1024)
    assert boxes.shape == (1, count, 4)
    assert scores.shape == (1, count, 5)
    assert boxes.dtype == scores.dtype == torch.float32
    assert (boxes[..., 2:] >= boxes[..., :2]).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


@torch.no_grad()
def test_batch_equals_singles_of_changing_sizes():
    network = open_gates(_network(dtype=torch.float64, **ATTENTION))
    for size in ((64, 96), (96, 64), (64, 96)):
        images = _images(3, *size, dtype=torch.float64)
        together = network(images)
        for one in range(3):
            alone = network(images[one : one + 1])
            torch.testing.assert_close(alone.boxes[0], together.boxes[one], rtol=0, atol=1e-9)
            torch.testing.assert_close(alone.scores[0], together.scores[one], rtol=0, atol=1e-9)


@torch.no_grad()
def test_no_image_gives_no_prediction():
    boxes, scores = _kept()(torch.empty(0, 3, 64, 96))
    assert boxes.shape == (0, 126, 4)
    assert scores.shape == (0, 126, 5)


@torch.no_grad()
def test_half_precision_is_near():
    network, images = _network(**ATTENTION).fuse(), _images()
    exact = network(images)
    half = network.to(torch.bfloat16, memory_format=torch.channels_last)(images.bfloat16())
    assert half.boxes.dtype == torch.float32
    assert (half.boxes - exact.boxes).abs().mean() < 3
    assert (half.scores - exact.scores).abs().mean() < 0.02


@torch.no_grad()
def test_an_exported_network_takes_any_batch():
    network = open_gates(_network(**ATTENTION)).fuse()
    network(_images())  # what it has kept from one call must not be taken over
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(network, (_images(),), dynamic_shapes={"images": {0: batch}}).module()
    for count in (1, 3):
        expected, got = network(_images(count)), exported(_images(count))
        torch.testing.assert_close(got[0], expected.boxes, rtol=0, atol=1e-4)
        torch.testing.assert_close(got[1], expected.scores, rtol=0, atol=1e-6)
    assert isinstance(network(_images()), Predictions)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 60, 64), "multiples of 32, not 64x60"),
        ((1, 3, 64, 100), "multiples of 32, not 100x64"),
        ((1, 3, 0, 64), "multiples of 32, not 64x0"),
        ((1, 1, 64, 64), r"images \(B, 3, H, W\), not \(1, 1, 64, 64\)"),
        ((3, 64, 64), r"images \(B, 3, H, W\), not \(3, 64, 64\)"),
    ],
)
def test_images_that_do_not_fit(shape, message):
    with pytest.raises(ConfigError, match=message):
        _kept()(torch.zeros(shape))


def test_networks_that_do_not_exist():
    with pytest.raises(ConfigError, match="no variant 'x'; choose one of: t, s, m, c, e"):
        YoloV9("x")
    with pytest.raises(ConfigError, match="at least one class, not 0"):
        YoloV9("t", 0)


@pytest.mark.parametrize("variant", ["t", "m", "e"])
def test_training_reaches_every_parameter(variant):
    network = open_gates(_network(variant, auxiliary=True, **ATTENTION)).train()
    main, auxiliary = network(_images())
    for maps in (main, auxiliary):
        assert [x.shape for x in maps] == [(2, 4 * REG_MAX + 5, 64 // s, 96 // s) for s in (8, 16, 32)]
    sum(x.square().mean() for x in (*main, *auxiliary)).backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("variant", ["t", "m", "e"])  # each kind of auxiliary branch
def test_the_auxiliary_loss_teaches_the_backbone_and_not_the_main_path(variant):
    network = _network(variant, auxiliary=True).train()
    sum(x.square().mean() for x in network(_images()).auxiliary).backward()
    taught = {
        name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert taught == {"backbone", "auxiliary"}


def test_gates_learn_first():
    network = _network(**ATTENTION).train()
    sum(x.square().mean() for x in network(_images()).main).backward()
    gates = [p for name, p in network.named_parameters() if name.endswith("gate")]
    assert len(gates) == 3
    assert all(gate.grad.any() for gate in gates)


def test_training_without_auxiliary_branch():
    main, auxiliary = _network().train()(_images())
    assert len(main) == 3
    assert auxiliary is None


@torch.no_grad()
def test_the_auxiliary_branch_does_not_matter_to_inference():
    with_it, without = _network(auxiliary=True)(_images()), _kept()(_images())
    assert torch.equal(with_it.boxes, without.boxes)


@torch.no_grad()
def test_raw_outputs_decode_to_the_predictions():
    """Both modes see the same numbers: what training gives is what inference decodes."""
    network = _network("t").double()
    images = _images(dtype=torch.float64)
    predictions = network(images)
    seen = []
    network.head.register_forward_hook(lambda head, inputs, output: seen.append((inputs[0], output)))
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    main = network(images).main
    scores = torch.cat([x[:, 4 * REG_MAX :].flatten(2) for x in main], dim=2).transpose(1, 2).sigmoid()
    torch.testing.assert_close(scores, predictions.scores, rtol=0, atol=1e-12)
    torch.testing.assert_close(network.head.decode(seen[0][0])[0], predictions.boxes, rtol=0, atol=1e-9)
