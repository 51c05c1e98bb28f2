# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tensors that depend on sizes, numbers and devices only, kept from one call of a network to the next."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator

import torch
from torch import Tensor

_HERE = threading.local()


class SizeCache:
    """The latest few tensors that `get` made, by key. Not part of a network's state."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._made: dict[Hashable, Tensor] = {}

    def get(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        # a compiled or exported graph makes its own: what one graph computes must not live on in another
        if torch.compiler.is_compiling() or getattr(_HERE, "free", False):
            return make()
        found = self._made.get(key)
        if found is None:
            with torch.inference_mode(False), torch.no_grad():  # so that training may use it after inference
                found = make()
            kept = list(self._made.items())[-(self._most - 1) :]
            self._made = dict([*kept, (key, found)])  # replaced at once: another thread may be reading
        return found


@contextlib.contextmanager
def free_sizes() -> Iterator[None]:
    """Inside, this thread keeps and uses nothing: for a graph whose sizes stay free, which computes such tensors."""
    _HERE.free = True
    try:
        yield
    finally:
        _HERE.free = False
