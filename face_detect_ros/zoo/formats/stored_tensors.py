# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tensors that lie in a PyTorch file, and the few calls in its pickle that describe them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from face_detect_ros.zoo.formats.pickle_values import Call, Named

_MOST_DIMENSIONS = 8
_DTYPES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class Storage:
    """Numbers in the file.

    Attributes:
        key: Their name.
        dtype: Their type.
        length: How many there are.
    """

    key: str
    dtype: torch.dtype
    length: int

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.length * torch.empty(0, dtype=self.dtype).element_size()


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in the file.

    Attributes:
        storage: Its numbers.
        offset: Where it begins, in numbers of the storage.
        shape: Of the tensor.
        strides: In numbers of the storage.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def persistent(identity: Any) -> Any:
    """The storage that a persistent id names, or (before PyTorch 1.6) a class saved with its source code.

    Raises:
        ValueError: PyTorch writes no such id.
    """
    if isinstance(identity, tuple) and len(identity) >= 2 and isinstance(identity[1], Named):
        kind, named = identity[:2]
        if kind == "module":
            return named
        if kind == "storage" and len(identity) in (5, 6) and identity[5:] in ((), (None,)):
            dtype = _DTYPES.get(named.name) if named.module in ("torch", "torch.cuda") else None
            if dtype is None:
                raise ValueError(f"numbers of kind {str(named)!r:.60}, which are not supported")
            key, length = identity[2], identity[4]
            if isinstance(key, str) and _is_count(length):
                return Storage(key, dtype, length)
    raise ValueError("a reference to something that PyTorch does not write")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_training: Any) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    if not (_is_count(offset) and _are_counts(shape) and _are_counts(strides) and len(shape) == len(strides)):
        raise ValueError("a tensor of impossible shape")
    count = math.prod(shape)
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count and (count > storage.length or last >= storage.length):
        raise ValueError(f"a tensor of shape {shape} reaches beyond its storage of {storage.length} numbers")
    return StoredTensor(storage, offset, shape, strides)


def _parameter(tensor: Any, *_training: Any) -> StoredTensor:
    if not isinstance(tensor, StoredTensor):
        raise ValueError("a parameter that is not a tensor")
    return tensor


def _with_attributes(function: Any, _kind: Any, arguments: Any, _state: Any = None) -> StoredTensor:
    call = CALLS.get(str(function)) if isinstance(function, Named) else None
    if call not in (_tensor, _parameter) or not isinstance(arguments, tuple):
        raise ValueError("a tensor that is made in an unknown way")
    return call(*arguments)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and len(values) <= _MOST_DIMENSIONS and all(map(_is_count, values))


CALLS: dict[str, Call] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _with_attributes,
}
"""What replaces a call, by "module.name"; see `pickles.read`."""
