# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Makes the package importable where only PyTorch, NumPy, OpenCV and ONNX Runtime are installed.

A library that is installed is never replaced.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def install() -> list[str]:
    """Put a stand-in in place of each missing library. Returns their names."""
    missing = [name for name in _MAKE if importlib.util.find_spec(name) is None]
    for name in missing:
        sys.modules[name] = _MAKE[name]()
    return missing


def _yaml() -> types.ModuleType:
    """Enough to import `files.reading`; nothing here reads YAML."""
    module = types.ModuleType("yaml")

    class SafeLoader:
        @classmethod
        def add_constructor(cls, *_: Any) -> None:
            """Nothing is loaded."""

    for name in (
        "Node",
        "CollectionStartEvent",
        "CollectionEndEvent",
        "AliasEvent",
        "ScalarEvent",
        "YAMLError",
    ):
        setattr(module, name, type(name, (Exception,), {}))
    module.SafeLoader = SafeLoader  # type: ignore[attr-defined]
    return module


def _safetensors() -> types.ModuleType:
    module = types.ModuleType("safetensors")
    module.SafetensorError = ValueError  # type: ignore[attr-defined]
    module.safe_open = _safe_open  # type: ignore[attr-defined]
    return module


class _SafeFile:
    _NUMBERS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}  # noqa: RUF012

    def __init__(self, content: bytes) -> None:
        start = 8 + int.from_bytes(content[:8], "little")
        self._header = json.loads(content[8:start])
        self._texts = self._header.pop("__metadata__", {})
        self._numbers = content[start:]

    def metadata(self) -> dict[str, str]:
        return dict(self._texts)

    def keys(self) -> list[str]:
        return list(self._header)

    def get_tensor(self, name: str) -> Any:
        import torch

        about = self._header[name]
        first, last = about["data_offsets"]
        values = np.frombuffer(self._numbers[first:last], self._NUMBERS[about["dtype"]])
        return torch.from_numpy(values.reshape(about["shape"]).copy())


@contextlib.contextmanager
def _safe_open(path: Path, _framework: str) -> Iterator[_SafeFile]:
    yield _SafeFile(Path(path).read_bytes())


_MAKE = {"yaml": _yaml, "safetensors": _safetensors}
