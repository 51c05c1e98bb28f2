# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Finds the weights of a network, and its class names, in what a training saved.

A training saves a whole network or its tensors, alone or in a dictionary beside an optimizer, a second network that is
the moving average of the first, and whatever else it wants to go on from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.formats.pickle_values import Inert
from face_detect_ros.zoo.formats.stored_tensors import StoredTensor
from face_detect_ros.zoo.formats.torch_file import TorchFile

_MOST_PARTS = 100_000  # modules and tensors
_MOST_LEVELS = 50
_LONGEST_NAME = 1000
_LIBREYOLO = "backbone.conv0.conv.weight"
_MULTIPLE, _LARGEST_PX = 32, 4096  # of inputs that are possible
_NUMBERED = re.compile(r"((?:[A-Za-z_]\w*\.)*)(\d+\..+)")


def tensors(file: TorchFile) -> dict[str, StoredTensor]:
    """The tensors of the network, by name.

    Layers that have numbers are named from the number on, "4.cv1.conv.weight"; LibreYOLO's have names, and keep them.
    Of a network and its moving average, those of the average are taken.

    Raises:
        WeightsError: There is no such network, or more than that.
    """
    path, network = file.path, _network(file.content)
    if network is None:
        raise WeightsError(f"{path}: holds no network: {_overview(file.content)}")
    found = dict(_tensors(path, network)) if isinstance(network, Inert) else network
    others = [name for name, value in found.items() if not isinstance(value, StoredTensor)]
    if others:
        raise WeightsError(f"{path}: holds no network: {others[0]!r:.80} is not a tensor")
    if _LIBREYOLO in found:
        return found
    groups: dict[str, dict[str, StoredTensor]] = {}
    for name, tensor in found.items():
        match = _NUMBERED.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise WeightsError(f"{path}: is not a YOLOv9 that is known here: it has a tensor {name!r:.80}")
        groups.setdefault(match[1], {})[match[2]] = tensor
    # PyTorch Lightning saves both in one dictionary
    if {"model.model.", "ema.model."} == groups.keys():
        return groups["ema.model."]
    if len(groups) != 1:
        raise WeightsError(
            f"{path}: its tensors belong to {len(groups)} networks: {', '.join(map(repr, groups))[:200]}"
        )
    return groups.popitem()[1]


def class_names(file: TorchFile) -> tuple[str, ...] | None:
    """Names of the classes in order, if the file has any."""
    for holder in (_network(file.content), file.content):
        names = holder.attribute("names") if isinstance(holder, Inert) else _entry(holder, "names")
        if isinstance(names, dict) and sorted(names, key=repr) == sorted(range(len(names)), key=repr):
            names = [names[index] for index in range(len(names))]
        if (
            isinstance(names, (list, tuple))
            and names
            and all(isinstance(name, str) and name for name in names)
        ):
            # the authors' code numbers classes that nobody has named
            return None if list(names) == [str(index) for index in range(len(names))] else tuple(names)
    return None


def input_size(file: TorchFile) -> int:
    """The longest side in pixels that the file says the network was trained with; 0 if it does not say a usable one."""
    arguments = _entry(file.content, "train_args")  # of Ultralytics
    for value in (_entry(file.content, "imgsz"), _entry(arguments, "imgsz")):
        if isinstance(value, int) and not isinstance(value, bool) and _usable(value):
            return value
    return 0


def license_of(file: TorchFile) -> str:
    """SPDX identifier of the license that the file names; empty if it names none."""
    value = _entry(file.content, "license")
    match = re.match(r"[A-Za-z0-9.+-]{1,40}", value) if isinstance(value, str) else None
    return match[0] if match else ""


def _usable(size: int) -> bool:
    return _MULTIPLE <= size <= _LARGEST_PX and size % _MULTIPLE == 0


def _network(content: Any) -> Inert | dict | None:
    """The network that is meant for use: a whole one or its tensors."""
    if isinstance(content, Inert):
        return content
    for name in ("ema", "model", "state_dict"):
        found = _entry(content, name)
        if isinstance(found, (Inert, dict)) and found:
            return found
    if isinstance(content, dict) and any(isinstance(value, StoredTensor) for value in content.values()):
        return content
    return None


def _entry(content: Any, name: str) -> Any:
    return content.get(name) if isinstance(content, dict) else None


def _tensors(path: Path, network: Inert) -> Iterator[tuple[str, StoredTensor]]:
    """Names and tensors of a PyTorch module, as its state_dict() would give them. Raises WeightsError."""
    waiting = [("", network)]
    seen = 0
    while waiting:
        prefix, module = waiting.pop()
        items = {kind: _named(module.attribute(kind)) for kind in ("_parameters", "_buffers", "_modules")}
        seen += 1 + sum(map(len, items.values()))
        if seen > _MOST_PARTS or prefix.count(".") > _MOST_LEVELS or len(prefix) > _LONGEST_NAME:
            raise WeightsError(f"{path}: damaged: a part of its network contains itself")
        passing = module.attribute("_non_persistent_buffers_set")
        passing = passing if isinstance(passing, set) else set()
        for name, value in items["_parameters"] + items["_buffers"]:
            if isinstance(value, StoredTensor) and name not in passing:
                yield prefix + name, value
        parts = [(f"{prefix}{name}.", part) for name, part in items["_modules"]]
        waiting += [(name, part) for name, part in reversed(parts) if isinstance(part, Inert)]


def _named(items: Any) -> list[tuple[str, Any]]:
    if not isinstance(items, Mapping) or len(items) > _MOST_PARTS:
        return []
    return [item for item in items.items() if isinstance(item[0], str) and len(item[0]) <= _LONGEST_NAME]


def _overview(content: Any) -> str:
    if isinstance(content, dict):
        return (
            f"its entries are {', '.join(repr(key) for key in content)[:200]}" if content else "it is empty"
        )
    return f"it is a {type(content).__name__}"
