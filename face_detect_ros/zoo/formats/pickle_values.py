# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a pickle may name and call, and what it gets instead: nothing here runs what a file asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Named:
    """A class or function that the pickle names."""

    module: str
    name: str

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Inert:
    """What was an object of class `kind`.

    Attributes:
        kind: its class.
        arguments: what its constructor was called with.
        state: its attributes, or whatever it chose to save.
        mapping: the entries of a dict subclass.
        elements: the items of a list subclass.
    """

    kind: Named
    arguments: tuple = ()
    state: Any = None
    mapping: dict = field(default_factory=dict)
    elements: list = field(default_factory=list)

    def attribute(self, name: str) -> Any:
        """Returns the attribute of that name, or None."""
        return self.state.get(name) if isinstance(self.state, dict) else None


Call = Callable[..., Any]
"""Replaces a function: takes its arguments, plain; raises ValueError for wrong ones."""

# parts of Python itself that checkpoints do need; a class here becomes `Inert`
_LARGEST_KEY = 1 << 53
_LONGEST_KEY = 16
_HARMLESS_PACKAGES = ("datetime", "pathlib", "typing")
_HARMLESS = {
    *(f"builtins.{name}" for name in ("object", "dict", "list", "tuple", "int", "float", "str", "bool", "bytes")),
    "argparse.Namespace", "types.SimpleNamespace",
}  # fmt: skip
# classes of other packages that are called with what they keep
_INERT_CALLS = {
    "numpy.dtype", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "torch.Size", "torch.device", "torch._C.Generator", "torch.serialization._get_layout",
}  # fmt: skip
# names in protocol 2, which PyTorch uses
PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def is_refused(named: Named, known: Callable[[str], bool]) -> bool:
    """Whether `named` is a part of Python itself that no checkpoint needs.

    Args:
        named: what the pickle names.
        known: tells further names that are needed.
    """
    return named.package in sys.stdlib_module_names and not (_is_harmless(named) or known(str(named)))


def keeps_its_arguments(named: Named) -> bool:
    """Whether a call of `named` makes an object that keeps its arguments and does nothing else."""
    return str(named) in _INERT_CALLS or _is_harmless(named)


def _dictionary(pairs: Any = ()) -> dict:
    if not isinstance(pairs, (list, tuple)) or not all(
        isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs
    ):
        raise ValueError("a dictionary is made of something other than pairs")
    return {key(name): value for name, value in pairs}


def _collection(items: Any = ()) -> set:
    if not isinstance(items, (list, tuple)):
        raise ValueError("a set is made of something other than a list")
    return {key(item) for item in items}


def _object(kind: Any, *_base_and_state: Any) -> Inert:
    if not isinstance(kind, Named):
        raise ValueError("an object of something that is not a class")
    return Inert(kind)


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "utf-8"):
        raise ValueError("a text in another encoding")
    return text.encode(encoding)


CALLS: dict[str, Call] = {
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": lambda _factory=None: {},
    "collections.Counter": lambda counts: counts if isinstance(counts, dict) else {},
    "builtins.set": _collection,
    "builtins.frozenset": _collection,
    "builtins.complex": lambda *_parts: None,
    "builtins.slice": lambda *_ends: None,
    "builtins.bytearray": lambda *_content: b"",
    "copyreg._reconstructor": _object,
    "_codecs.encode": _encoded,
}
"""What replaces a call, by "module.name"."""


def _is_harmless(named: Named) -> bool:
    return str(named) in _HARMLESS or named.package in _HARMLESS_PACKAGES


def key(value: Any) -> Any:
    """Returns `value` as the key of a dictionary or member of a set.

    Numbers hash to what anybody can predict, so thousands of large ones with the same hash could be chosen, each to be
    compared with all others; the hash of a text is random. Large numbers and tuples therefore become texts.

    Raises:
        ValueError: it is something whose hash would take long, such as a deep structure.
    """
    if value is None or isinstance(value, (str, bytes, Named)):
        return value
    if isinstance(value, (int, float)):
        return value if abs(value) < _LARGEST_KEY else repr(value)
    if isinstance(value, tuple) and len(value) <= _LONGEST_KEY and all(map(_is_plain, value)):
        return repr(value)
    raise ValueError(f"a dictionary key or member of a set that is a {type(value).__name__}")


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes, int, float, Named))
