"""What a pickle may name and call, and what stands for it: nothing here runs what a file asks for."""

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

    arguments: given to its constructor. state: its attributes, or whatever it chose to keep. mapping, elements: of
    a dict or list subclass.
    """

    kind: Named
    arguments: tuple = ()
    state: Any = None
    mapping: dict = field(default_factory=dict)
    elements: list = field(default_factory=list)

    def attribute(self, name: str) -> Any:
        """Its attribute, or None."""
        return self.state.get(name) if isinstance(self.state, dict) else None


Call = Callable[..., Any]  # of the plain arguments; raises ValueError for wrong ones

# of Python's own modules; a class here becomes `Inert`
_HARMLESS_PACKAGES = ("datetime", "pathlib", "typing")
_HARMLESS = {
    *(f"builtins.{name}" for name in ("object", "dict", "list", "tuple", "int", "float", "str", "bool", "bytes")),
    "argparse.Namespace", "types.SimpleNamespace",
}  # fmt: skip
# classes of others that are called with what they keep
_INERT_CALLS = {
    "numpy.dtype", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "torch.Size", "torch.device", "torch._C.Generator", "torch.serialization._get_layout",
}  # fmt: skip
# what protocol 2, PyTorch's, calls them
PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def is_refused(named: Named, known: Callable[[str], bool]) -> bool:
    """Whether it is a part of Python itself that no checkpoint needs; `known`: further names that are needed."""
    return named.package in sys.stdlib_module_names and not (_is_harmless(named) or known(str(named)))


def keeps_its_arguments(named: Named) -> bool:
    """Whether calling it makes an object that keeps what it is called with, and does no more."""
    return str(named) in _INERT_CALLS or _is_harmless(named)


def _dictionary(pairs: Any = ()) -> dict:
    if not isinstance(pairs, (list, tuple)) or not all(
        isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs
    ):
        raise ValueError("a dictionary is made of something else than pairs")
    return {key(name): value for name, value in pairs}


def _collection(items: Any = ()) -> set:
    if not isinstance(items, (list, tuple)):
        raise ValueError("a set is made of something else than a list")
    return {key(item) for item in items}


def _object(kind: Any, *_base_and_state: Any) -> Inert:
    if not isinstance(kind, Named):
        raise ValueError("an object of something that is no class")
    return Inert(kind)


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "utf-8"):
        raise ValueError(f"a text in encoding {encoding!r:.40}")
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
"""What stands for calling what "module.name" names."""


def _is_harmless(named: Named) -> bool:
    return str(named) in _HARMLESS or named.package in _HARMLESS_PACKAGES


def key(value: Any) -> Any:
    """`value`, if it may be a key: others cost more to hash than a damaged file should be able to ask for."""
    plain = (str, int, float, bytes, type(None), Named)
    if isinstance(value, plain) or (
        isinstance(value, tuple) and all(isinstance(item, plain) for item in value)
    ):
        return value
    raise ValueError(f"a dictionary key or member of a set that is a {type(value).__name__}")
