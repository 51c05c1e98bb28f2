# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Multi-head attention over feature maps: within one (self), or from one map or a set of queries to another (cross).

Legend of shapes:
    B           images of a batch
    C, Ck       channels of the queries and of the result; of the map that keys and values come from
    H, D        heads; channels of one head, C / H
    h, w        rows and columns of the queries' map; Nq = h * w queries, row by row
    hk, wk      rows and columns of the keys' map; Nk = hk * wk keys, row by row

For each head: result = softmax(q k^T / sqrt(D)) v with q = Wq (x + P), k = Wk (y + P), v = Wv y, where P are the 2-D
sine positions of `positions.py`; the heads' results, side by side, go through a last linear projection.

Memory: the fast path (`forward`) never holds the (Nq, Nk) weights; `with_weights` does, for every head. A window
limits both time and what a cell can see to its neighborhood.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.positions import sine_positions
from face_detect_ros.nn.size_cache import SizeCache


class MapAttention(nn.Module):
    """What self- and cross-attention share.

    Args:
        channels, key_channels: C and Ck, multiples of 4 (sine positions).
        heads: H, divides C.
        window: (rows, columns) of keys that a query can see: the keys' map is cut into such windows from its top left
            corner, the queries' map into as many of the same places; None: every query sees every key.

    Raises ConfigError for channels, heads or a window that do not fit.
    """

    def __init__(
        self, channels: int, key_channels: int, heads: int, *, window: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        for name, count in (("channels", channels), ("key_channels", key_channels)):
            if count <= 0 or count % 4:
                raise ConfigError(f"attention: {name} must be a positive multiple of 4, not {count}")
        if heads <= 0 or channels % heads:
            raise ConfigError(f"attention: {channels} channels cannot be divided among {heads} heads")
        if window is not None and min(window) < 1:
            raise ConfigError(
                f"attention: a window of {window[0]}x{window[1]} cells is empty; give None for all"
            )
        self.channels = channels
        self.key_channels = key_channels
        self.heads = heads
        self.window = window
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(key_channels, channels)
        self.value = nn.Linear(key_channels, channels)
        self.out = nn.Linear(channels, channels)
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        self._positions = SizeCache()

    def _attend(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, C, h, w) from x (B, C, h, w) and y (B, Ck, hk, wk), without holding weights."""
        self._check_maps(x, y)
        size, key_size = _size(x), _size(y)
        queries, keys, values = self._placed(x), self._placed(y), _tokens(y)
        if self.window is None:
            return _map(self._mix(queries, keys, values), size)
        key_window = self.window
        window = tuple(side * size[i] // key_size[i] for i, side in enumerate(key_window))
        mask = None
        if any(cells % side for cells, side in zip(key_size, key_window, strict=True)):
            real = torch.ones((1, key_size[0] * key_size[1], 1), dtype=torch.bool, device=y.device)
            mask = _cut(real, key_size, key_window).repeat(y.shape[0], 1, 1)[:, None, None, :, 0]
        mixed = self._mix(
            _cut(queries, size, window),
            _cut(keys, key_size, key_window),
            _cut(values, key_size, key_window),
            mask,
        )
        return _map(_joined(mixed, size, window), size)

    def _mix(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, Nq, C) from (B, Nq, C), (B, Nk, Ck), (B, Nk, Ck) and what may be seen, broadcast to (B, H, Nq, Nk)."""
        q, k, v = (
            self._split(self.query(queries)),
            self._split(self.key(keys)),
            self._split(self.value(values)),
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (B, H, Nq, D)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _weights(self, queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, H, Nq, Nk), each row adds up to 1; at least float32, so that it does."""
        q, k = self._split(self.query(queries)), self._split(self.key(keys))
        logits = (q * (self.channels // self.heads) ** -0.5) @ k.transpose(2, 3)
        if mask is not None:
            logits = logits.masked_fill(~mask, -torch.inf)
        return logits.softmax(3, dtype=torch.promote_types(logits.dtype, torch.float32))

    def _weighted(self, weights: Tensor, values: Tensor) -> Tensor:
        """(B, Nq, C) from (B, H, Nq, Nk) and (B, Nk, Ck)."""
        mixed = weights.to(values.dtype) @ self._split(self.value(values))  # (B, H, Nq, D)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _seen(self, size: tuple[int, int], key_size: tuple[int, int], device: torch.device) -> Tensor | None:
        """(Nq, Nk) bool: query and key are in one window; None without windows."""
        if self.window is None:
            return None
        axes = []
        for cells, key_cells, side in zip(size, key_size, self.window, strict=True):
            keys = torch.arange(key_cells, device=device) // side
            axes.append(keys.repeat_interleave(cells // key_cells)[:, None] == keys)  # (cells, key_cells)
        rows, columns = axes
        return (rows[:, None, :, None] & columns[None, :, None, :]).flatten(2).flatten(0, 1)

    def _placed(self, x: Tensor) -> Tensor:
        """(B, h * w, channels): the cells of x with their positions added."""
        (height, width), channels = _size(x), x.shape[1]
        return _tokens(x) + self._positions.get(
            (height, width, channels, x.device, x.dtype),
            lambda: sine_positions(height, width, channels, device=x.device, dtype=x.dtype),
        )

    def _split(self, tokens: Tensor) -> Tensor:
        """(B, N, C) to (B, H, N, D)."""
        return tokens.unflatten(2, (self.heads, self.channels // self.heads)).transpose(1, 2)

    def _check_maps(self, x: Tensor, y: Tensor) -> None:
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ConfigError(f"attention: a map (B, {self.channels}, h, w) is needed, not {tuple(x.shape)}")
        self._check_context(x, y)
        if self.window is not None and (x.shape[2] % y.shape[2] or x.shape[3] % y.shape[3]):
            raise ConfigError(
                f"attention in windows: the queries' map {_size(x)} must be a multiple of the keys' {_size(y)}"
            )

    def _check_context(self, x: Tensor, y: Tensor) -> None:
        if y.ndim != 4 or y.shape[1] != self.key_channels or y.shape[0] != x.shape[0]:
            raise ConfigError(
                f"attention: keys' map (B={x.shape[0]}, {self.key_channels}, hk, wk) is needed, not {tuple(y.shape)}"
            )


class SelfAttention2d(MapAttention):
    """Every cell of a map gathers from all its cells (or those of its window).

    Args:
        channels: C.
        heads: H.
        window: (rows, columns) or None.

    Raises ConfigError as `MapAttention`, and for a map of another shape.
    """

    def __init__(self, channels: int, heads: int, *, window: tuple[int, int] | None = None) -> None:
        super().__init__(channels, channels, heads, window=window)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C, h, w)."""
        return self._attend(x, x)

    def with_weights(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` and the weights (B, H, Nq, Nk), at least float32; zero outside of a query's window."""
        self._check_maps(x, x)
        placed = self._placed(x)
        weights = self._weights(placed, placed, self._seen(_size(x), _size(x), x.device))
        return _map(self._weighted(weights, _tokens(x)), _size(x)), weights


class CrossAttention2d(MapAttention):
    """Cells of a map, or a set of queries, gather from the cells of another map (or those of their window).

    Args:
        channels: C.
        key_channels: Ck.
        heads: H.
        window: (rows, columns) of the keys' map, or None.

    Raises:
        ConfigError: As `MapAttention`; for inputs of another shape; for a set of queries where there are windows (a
            set has no place in the image); for windows where the queries' map is not a whole multiple of the keys'.
    """

    def forward(self, x: Tensor, y: Tensor, positions: Tensor | None = None) -> Tensor:
        """The shape of x, from keys and values of y.

        Args:
            x: A map (B, C, h, w), or a set (B, Nq, C).
            y: A map (B, Ck, hk, wk).
            positions: Of a set: added to its queries; broadcast to (B, Nq, C).
        """
        if x.ndim == 3:
            return self._mix(self._placed_set(x, y, positions), self._placed(y), _tokens(y))
        self._refuse(positions)
        return self._attend(x, y)

    def with_weights(self, x: Tensor, y: Tensor, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As `forward`, and the weights too.

        Args:
            x: A map (B, C, h, w), or a set (B, Nq, C).
            y: A map (B, Ck, hk, wk).
            positions: Of a set: added to its queries; broadcast to (B, Nq, C).

        Returns:
            The shape of x, and weights (B, H, Nq, Nk), at least float32; zero outside of a query's window.
        """
        if x.ndim == 3:
            weights = self._weights(self._placed_set(x, y, positions), self._placed(y))
            return self._weighted(weights, _tokens(y)), weights
        self._refuse(positions)
        self._check_maps(x, y)
        weights = self._weights(self._placed(x), self._placed(y), self._seen(_size(x), _size(y), y.device))
        return _map(self._weighted(weights, _tokens(y)), _size(x)), weights

    def _placed_set(self, x: Tensor, y: Tensor, positions: Tensor | None) -> Tensor:
        if x.shape[2] != self.channels:
            raise ConfigError(f"attention: queries (B, Nq, {self.channels}) are needed, not {tuple(x.shape)}")
        if self.window is not None:
            raise ConfigError("attention in windows: the queries must be a map, not a set")
        self._check_context(x, y)
        return x if positions is None else x + positions

    def _refuse(self, positions: Tensor | None) -> None:
        if positions is not None:
            raise ConfigError("attention: the queries of a map have sine positions; give none")


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]


def _tokens(x: Tensor) -> Tensor:
    """(B, C, h, w) to (B, h * w, C); no copy where the map is channels_last."""
    return x.flatten(2).transpose(1, 2)


def _map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, h * w, C) to (B, C, h, w)."""
    return tokens.transpose(1, 2).unflatten(2, size)


def _cut(tokens: Tensor, size: tuple[int, int], window: tuple[int, ...]) -> Tensor:
    """(B, h * w, C) to (B * windows, cells of a window, C); zeros below and right of the map where it ends early."""
    (height, width), (rows, columns) = size, window
    padded = functional.pad(tokens.unflatten(1, size), (0, 0, 0, -width % columns, 0, -height % rows))
    cut = padded.unflatten(2, (-1, columns)).unflatten(1, (-1, rows))  # (B, nh, rows, nw, columns, C)
    return cut.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def _joined(tokens: Tensor, size: tuple[int, int], window: tuple[int, ...]) -> Tensor:
    """Undoes `_cut`."""
    (height, width), (rows, columns) = size, window
    down, across = -(-height // rows), -(-width // columns)
    cut = tokens.unflatten(0, (-1, down, across)).unflatten(3, (rows, columns)).transpose(2, 3)
    whole = cut.flatten(3, 4).flatten(1, 2)  # (B, padded h, padded w, C)
    return whole[:, :height, :width].flatten(1, 2)
