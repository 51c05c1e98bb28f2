# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A config.json must not describe a network that its weights could not fill.

`transformers` builds whatever a config.json asks for. One with `"decoder_layers": 20000` keeps it busy for minutes, one
with a billion queries fills the memory. What the network may have is known before it is built: what the weights have.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules import module

from face_detect_ros.core.errors import ConfigError

_LARGEST_SIDE = 1 << 12  # pixels
_LARGEST_NUMBER = 1_000_000
_SIDES = ("anchor_image_size", "image_size")
# Modules without weights, weights that are shared or replaced after they were made: a network may have more parts than
# its file has tensors, but not many times as many.
_PARTS_PER_TENSOR, _OTHER_PARTS, _MOST_PARTS = 4, 1000, 10_000
_NUMBERS_PER_NUMBER, _OTHER_NUMBERS = 4, 10_000_000


def check_config(folder: Path, described: Mapping[str, Any]) -> None:
    """Checks the numbers in a config.json, however deep.

    Raises:
        ConfigError: one is larger than any model needs.
    """
    waiting: list[tuple[str, Any]] = list(described.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        elif isinstance(value, (int, float)):
            most = _LARGEST_SIDE if name in _SIDES else _LARGEST_NUMBER
            if not abs(value) <= most:
                raise ConfigError(
                    f"{folder / 'config.json'}: '{name}' is {value!r:.40}, more than any model needs; "
                    "copy it again from where it came from"
                )


@contextlib.contextmanager
def built_for(folder: Path, tensors: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Inside, this thread cannot build a network with many times the parts that `tensors` could fill.

    Raises:
        ConfigError: the network got that large.
    """
    parts = min(_PARTS_PER_TENSOR * len(tensors) + _OTHER_PARTS, _MOST_PARTS)
    numbers = _NUMBERS_PER_NUMBER * sum(tensor.numel() for tensor in tensors.values()) + _OTHER_NUMBERS
    left = {"modules": parts, "tensors": parts, "numbers": numbers}
    thread = threading.get_ident()

    def take(what: str, amount: int) -> None:
        if threading.get_ident() != thread:
            return
        left[what] -= amount
        if left[what] < 0:
            raise ConfigError(
                f"{folder / 'config.json'}: describes a network with many more {what} than its weights "
                f"({len(tensors)} tensors); copy both from one and the same model"
            )

    def on_module(_owner: Any, _name: str, _part: Any) -> None:
        take("modules", 1)

    def on_tensor(_owner: Any, _name: str, value: Any) -> None:
        take("tensors", 1)
        take("numbers", value.numel() if value is not None else 0)

    with contextlib.ExitStack() as hooks:
        for register, hook in (
            (module.register_module_module_registration_hook, on_module),
            (module.register_module_parameter_registration_hook, on_tensor),
            (module.register_module_buffer_registration_hook, on_tensor),
        ):
            hooks.callback(register(hook).remove)
        yield
