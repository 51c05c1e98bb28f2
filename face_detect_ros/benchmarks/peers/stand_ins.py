# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Empty modules in place of what a peer imports and a comparison does not use.

Some peers import a dozen large packages, one of which (torchvision) has no CPU build for every version of PyTorch. What
is compared, networks and their weights, needs none of them.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_VERSION = "0.0.0"


class _AnyAttribute(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _Nothing(metaclass=_AnyAttribute):
    """Can be made, called, inherited from, and asked for any attribute."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> _Nothing:
        return self

    def __getattr__(self, name: str) -> _Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class _EmptyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Finder(MetaPathFinder, Loader):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self._packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _EmptyModule(spec.name)
        module.__version__ = _VERSION  # type: ignore[attr-defined]
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


def provide(*packages: str) -> None:
    """From now on, importing one of `packages` or any part of it gives an empty module."""
    sys.meta_path.insert(0, _Finder(packages))
    version = importlib.metadata.version

    def version_of(distribution_name: str) -> str:
        return _VERSION if distribution_name in packages else version(distribution_name)

    importlib.metadata.version = version_of
