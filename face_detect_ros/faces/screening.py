# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A large gallery looked through by a quarter of its numbers, without missing anybody.

Comparing a face with every look takes as long as reading all embeddings from memory. Most of what tells embeddings
apart lies in few directions: for dlib's descriptor of 128 numbers, 30 directions hold four fifths of the variance. The
distance within these, together with the lengths of what they leave out, bounds the true distance from below. Only looks
whose bound allows them to be among the nearest are then compared in full.
"""

from __future__ import annotations

import numpy as np

_KEPT = 30  # directions; with two more numbers, a look is 128 bytes
_SAMPLE = 20_000  # looks that choose the directions; any directions give true bounds
_BLOCK = 8192  # rows projected at once
_SLACK = 1e-5  # of the squared lengths: many times what float32 loses in a sum of 32 products


class Screen:
    """Lower bounds of the distances to (N, D) embeddings, D more than 30."""

    def __init__(self, embeddings: np.ndarray) -> None:
        count, length = embeddings.shape
        sample = embeddings[:: max(1, count // _SAMPLE)].astype(np.float64)
        self._mean = sample.mean(axis=0)
        sample -= self._mean
        _, directions = np.linalg.eigh(sample.T @ sample)
        self._directions = directions[:, length - _KEPT :]  # eigh sorts ascending
        # of each look x: its kept part, the length of the rest, and -|x|^2 / 2
        self._table = np.empty((count, _KEPT + 2), np.float32)
        for start in range(0, count, _BLOCK):
            block = embeddings[start : start + _BLOCK]
            rows, squared = self._project(block)
            self._table[start : start + _BLOCK, :-1] = rows
            self._table[start : start + _BLOCK, -1] = squared / -2
        self._largest_squared = -2 * float(self._table[:, -1].min(initial=0.0))

    def lower_bounds(self, face: np.ndarray) -> np.ndarray:
        """(D,) to (N,) float32: squared distances that are not greater than the true ones."""
        # |a - b|^2 >= |a' - b'|^2 + (|a''| - |b''|)^2 for the kept parts a', b' and the rests a'', b''
        rows, squared = self._project(face[None])
        query = np.append(rows[0], 1.0).astype(np.float32)
        bounds = np.einsum("nd,d->n", self._table, query)
        bounds *= -2
        bounds += np.float32(squared[0] - _SLACK * (squared[0] + self._largest_squared))
        return bounds

    def _project(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, D) to (n, 31): the kept parts and the length of the rest; and (n,), the whole squared lengths."""
        centered = embeddings.astype(np.float64) - self._mean
        kept = centered @ self._directions
        squared = np.einsum("nd,nd->n", centered, centered)
        rest = np.sqrt(np.maximum(squared - np.einsum("nd,nd->n", kept, kept), 0.0))
        return np.column_stack([kept, rest]), squared
