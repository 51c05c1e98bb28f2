# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Attention over maps: the same as PyTorch's and as the formula written out; windows, weights, rows, errors."""

import math

import pytest
import torch
from torch import nn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.attention import CrossAttention2d, SelfAttention2d
from face_detect_ros.nn.positions import sine_positions


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def _maps(*sizes, batch=2):
    return [torch.randn(batch, *size, dtype=torch.float64) for size in sizes]


def _tokens(x):
    return x.flatten(2).transpose(1, 2)


def _placed(x):
    return _tokens(x) + sine_positions(*x.shape[2:], x.shape[1], dtype=x.dtype)


def _uneven(attention):
    """With biases: those that attention starts with are zero."""
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return attention.double()


def _as_torch(attention):
    """The same weights in PyTorch's attention."""
    same = nn.MultiheadAttention(
        attention.channels,
        attention.heads,
        kdim=attention.key_channels,
        vdim=attention.key_channels,
        batch_first=True,
        dtype=torch.float64,
    )
    parts = [attention.query, attention.key, attention.value]
    with torch.no_grad():
        if same.in_proj_weight is None:
            for name, part in zip("qkv", parts, strict=True):
                getattr(same, f"{name}_proj_weight").copy_(part.weight)
        else:
            same.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        same.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        same.out_proj.load_state_dict(attention.out.state_dict())
    return same


def _written_out(attention, queries, keys, values):
    """softmax(q k^T / sqrt(D)) v, number by number. queries (Nq, C), keys and values (Nk, Ck) of one image."""
    q, k, v = attention.query(queries), attention.key(keys), attention.value(values)
    width = attention.channels // attention.heads
    mixed = torch.zeros_like(q)
    for head in range(attention.heads):
        part = slice(head * width, (head + 1) * width)
        for i in range(len(q)):
            likeness = [math.exp(float(q[i, part] @ k[j, part]) / math.sqrt(width)) for j in range(len(k))]
            for j in range(len(k)):
                mixed[i, part] += likeness[j] / sum(likeness) * v[j, part]
    return attention.out(mixed)


def test_self_attention_is_that_of_pytorch():
    attention = _uneven(SelfAttention2d(16, 4))
    (x,) = _maps((16, 5, 3))
    output, weights = _as_torch(attention)(_placed(x), _placed(x), _tokens(x), average_attn_weights=False)
    ours, our_weights = attention.with_weights(x)
    torch.testing.assert_close(_tokens(attention(x)), output, rtol=0, atol=1e-12)
    torch.testing.assert_close(_tokens(ours), output, rtol=0, atol=1e-12)
    torch.testing.assert_close(our_weights, weights, rtol=0, atol=1e-12)


def test_cross_attention_is_that_of_pytorch():
    attention = _uneven(CrossAttention2d(16, 12, 2))
    x, y = _maps((16, 4, 6), (12, 2, 3))
    output, weights = _as_torch(attention)(_placed(x), _placed(y), _tokens(y), average_attn_weights=False)
    ours, our_weights = attention.with_weights(x, y)
    torch.testing.assert_close(_tokens(attention(x, y)), output, rtol=0, atol=1e-12)
    torch.testing.assert_close(_tokens(ours), output, rtol=0, atol=1e-12)
    torch.testing.assert_close(our_weights, weights, rtol=0, atol=1e-12)


def test_a_set_of_queries_attends_to_a_map():
    attention = _uneven(CrossAttention2d(8, 12, 2))
    (y,) = _maps((12, 2, 3))
    queries, positions = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)
    output, weights = _as_torch(attention)(
        queries + positions, _placed(y), _tokens(y), average_attn_weights=False
    )
    ours, our_weights = attention.with_weights(queries, y, positions)
    torch.testing.assert_close(attention(queries, y, positions), output, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours, output, rtol=0, atol=1e-12)
    torch.testing.assert_close(our_weights, weights, rtol=0, atol=1e-12)
    assert not torch.allclose(attention(queries, y), output)  # positions count


@torch.no_grad()
def test_attention_is_the_formula_written_out():
    attention = _uneven(CrossAttention2d(8, 4, 2))
    x, y = _maps((8, 2, 3), (4, 2, 2))
    for one in range(2):
        expected = _written_out(attention, _placed(x)[one], _placed(y)[one], _tokens(y)[one])
        torch.testing.assert_close(_tokens(attention(x, y))[one], expected, rtol=0, atol=1e-12)
    attention = _uneven(SelfAttention2d(8, 1))
    expected = _written_out(attention, _placed(x)[0], _placed(x)[0], _tokens(x)[0])
    torch.testing.assert_close(_tokens(attention(x))[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "window"),
    [((6, 4), (3, 2)), ((5, 7), (2, 3)), ((3, 3), (8, 8)), ((4, 4), (1, 4))],
    ids=["dividing", "with a rest", "larger than the map", "strips"],
)
def test_a_window_is_attention_in_which_the_rest_weighs_nothing(size, window):
    attention = _uneven(SelfAttention2d(8, 2, window=window))
    (x,) = _maps((8, *size))
    dense, weights = attention.with_weights(x)
    torch.testing.assert_close(attention(x), dense, rtol=0, atol=1e-12)
    rows, columns = torch.meshgrid(*(torch.arange(side) for side in size), indexing="ij")
    places = torch.stack([rows.flatten() // window[0], columns.flatten() // window[1]], dim=1)
    together = (places[:, None] == places[None]).all(dim=2)
    assert torch.equal(weights > 0, together.expand_as(weights))
    torch.testing.assert_close(weights.sum(3), torch.ones_like(weights[..., 0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("key_size", [(4, 4), (3, 5)], ids=["dividing", "with a rest"])
def test_windows_of_two_maps_cover_the_same_places(key_size):
    attention = _uneven(CrossAttention2d(8, 12, 2, window=(2, 2)))
    x, y = _maps((8, 2 * key_size[0], 4 * key_size[1]), (12, *key_size))
    dense, weights = attention.with_weights(x, y)
    torch.testing.assert_close(attention(x, y), dense, rtol=0, atol=1e-12)
    seen = (weights[0, 0] > 0).unflatten(1, key_size).unflatten(0, tuple(x.shape[2:]))
    assert seen[3, 7, :2, :2].all()  # row 3 of 2 a key: key row 1; column 7 of 4 a key: key column 1
    assert seen[3, 7].sum() == 4
    assert seen[4, 8, 2:, 2:].any()
    assert not seen[4, 8, :2].any()
    assert not seen[4, 8, :, :2].any()


def test_batch_equals_singles_and_memory_layout_does_not_matter():
    attention = SelfAttention2d(16, 4, window=(2, 3)).double()
    (x,) = _maps((16, 5, 4), batch=3)
    together = attention(x)
    for one in range(3):
        torch.testing.assert_close(attention(x[one : one + 1])[0], together[one], rtol=0, atol=1e-12)
    other = attention(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(other, together, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_precision_add_up_to_one(dtype):
    _, weights = SelfAttention2d(16, 2).to(dtype).with_weights(torch.randn(1, 16, 8, 8).to(dtype))
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(3), torch.ones(1, 2, 64))


@pytest.mark.parametrize("window", [None, (2, 2)], ids=["everything", "window"])
def test_gradients_are_those_of_finite_differences(window):
    attention = _uneven(CrossAttention2d(4, 4, 2, window=window))
    x, y = _maps((4, 3, 3), (4, 3, 3), batch=1)
    assert torch.autograd.gradcheck(attention, (x.requires_grad_(), y.requires_grad_()), fast_mode=True)


def test_inference_first_then_training():
    attention = SelfAttention2d(8, 2)
    x = torch.randn(1, 8, 3, 3)
    with torch.inference_mode():
        attention(x)
    attention(x).sum().backward()
    assert attention.query.weight.grad is not None


def test_positions_are_sines_of_the_cell_s_place():
    positions = sine_positions(3, 5, 16, dtype=torch.float64)
    for row, column in ((0, 0), (2, 1), (1, 4)):
        expected = []
        for place in ((row + 0.5) / 3, (column + 0.5) / 5):
            for pair in range(4):
                angle = 2 * math.pi * place / 10_000 ** (2 * pair / 8)
                expected += [math.sin(angle), math.cos(angle)]
        assert positions[row * 5 + column].tolist() == pytest.approx(expected, abs=1e-12)


def test_one_place_has_one_position_at_every_level():
    coarse, fine = sine_positions(2, 2, 8, dtype=torch.float64), sine_positions(6, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(coarse[0], fine[1 * 6 + 1], rtol=0, atol=1e-12)
    torch.testing.assert_close(coarse[3], fine[4 * 6 + 4], rtol=0, atol=1e-12)
    assert len({tuple(position) for position in fine.tolist()}) == 36


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((16, 16, 3), {}, "16 channels cannot be divided among 3 heads"),
        ((16, 16, 0), {}, "among 0 heads"),
        ((6, 16, 2), {}, "channels must be a positive multiple of 4, not 6"),
        ((16, 10, 2), {}, "key_channels must be a positive multiple of 4, not 10"),
        ((16, 16, 2), {"window": (0, 2)}, "window of 0x2 cells is empty"),
    ],
)
def test_what_cannot_be_built(arguments, options, message):
    with pytest.raises(ConfigError, match=message):
        CrossAttention2d(*arguments, **options)


def test_positions_of_unsuitable_channels():
    with pytest.raises(ConfigError, match="multiple of 4 channels, not 6"):
        sine_positions(2, 2, 6)


def test_inputs_that_do_not_fit():
    own, cross, windows = (
        SelfAttention2d(8, 2),
        CrossAttention2d(8, 4, 2),
        CrossAttention2d(8, 4, 2, window=(2, 2)),
    )
    x, y = torch.zeros(1, 8, 4, 4), torch.zeros(1, 4, 2, 2)
    with pytest.raises(ConfigError, match=r"a map \(B, 8, h, w\) is needed, not \(1, 4, 2, 2\)"):
        own(y)
    with pytest.raises(ConfigError, match=r"keys' map \(B=1, 4, hk, wk\) is needed, not \(2, 4, 2, 2\)"):
        cross(x, y.repeat(2, 1, 1, 1))
    with pytest.raises(ConfigError, match=r"\(B, Nq, 8\) are needed, not \(1, 5, 4\)"):
        cross(torch.zeros(1, 5, 4), y)
    with pytest.raises(ConfigError, match="must be a map, not a set"):
        windows(torch.zeros(1, 5, 8), y)
    with pytest.raises(ConfigError, match=r"queries' map \(4, 4\) must be a multiple of the keys' \(3, 2\)"):
        windows(x, torch.zeros(1, 4, 3, 2))
    with pytest.raises(ConfigError, match="give none"):
        cross(x, y, torch.zeros(16, 8))
