# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""This package's own model files: safetensors, which hold numbers and a few texts, never code.

The texts describe the numbers: the network, its classes, its license. Tensors are named as in the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from face_detect_ros.core.errors import OutputError, WeightsError
from face_detect_ros.files.looking import exists
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.zoo.formats.model_folder import safetensors_opened

if TYPE_CHECKING:
    import torch

SUFFIX = ".safetensors"
_LARGEST_SIDE = 1 << 13  # pixels
# version 0.1 wrote the British spelling
_RENAMED = {"licence": "license"}
# older files lack them
_NEW = ("overlap_factor", "close_up_size", "close_up_classes")


@dataclass(frozen=True)
class ModelDescription:
    """What the numbers of a file are.

    Attributes:
        architecture: "yolov9".
        variant: size of the architecture, such as "t".
        classes: names in the network's order.
        self_attention: whether the network has it.
        cross_attention: whether the network has it.
        input_size: longest side of the images it was trained on, in pixels.
        license: SPDX identifier for the weights, or empty.
        source: where the weights come from, in words.
        overlap_factor: see `boxes.weaken_overlapping`; 1: overlapping boxes keep their scores.
        close_up_size: longest side in pixels of a second look, see `detectors.objects.two_looks`; 0: there
            is none.
        close_up_classes: classes that it is for.
    """

    architecture: str
    variant: str
    classes: tuple[str, ...]
    self_attention: bool = False
    cross_attention: bool = False
    input_size: int = 640
    license: str = ""
    source: str = ""
    overlap_factor: float = 1.0
    close_up_size: int = 0
    close_up_classes: tuple[str, ...] = ()


def write(
    path: Path, description: ModelDescription, tensors: Mapping[str, torch.Tensor], *, overwrite: bool = False
) -> None:
    """Write a file, completely or not at all.

    Args:
        path: The file.
        description: Its metadata: architecture, classes, license.
        tensors: By name.
        overwrite: Replace a file of this name.

    Raises:
        OutputError: It cannot be written, or exists and may not be replaced.
    """
    from safetensors.torch import save

    check_destination(path, overwrite=overwrite)
    metadata = {name: json.dumps(value) for name, value in asdict(description).items()}
    head, numbers = _in_order(save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata))
    try:
        with whole_file(path) as beside, beside.open("wb") as file:
            file.write(head)
            file.write(numbers)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}; make room or choose another folder"
        ) from error


def check_destination(path: Path, *, overwrite: bool) -> None:
    """Raises OutputError for a destination that `write` would refuse."""
    if path.suffix != SUFFIX:
        raise OutputError(f"{path}: such a file must be named *{SUFFIX}")
    if exists(path, OutputError) and not overwrite:
        raise OutputError(f"{path}: exists already; delete it or choose another name")


def read(path: Path) -> tuple[ModelDescription, dict[str, torch.Tensor]]:
    """Reads what `write` wrote.

    Returns:
        The description, and the tensors by name, on the CPU.

    Raises:
        WeightsError: the file cannot be read, is damaged or is something else.
        ConfigError: safetensors is not installed.
    """
    with safetensors_opened(path, "pt") as file:
        description = _description(path, file.metadata() or {})
        # copies: what the file holds may change under a mapping of it
        return description, {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118


def read_description(path: Path) -> ModelDescription:
    """Reads the description alone, without torch. Raises as `read` does."""
    with safetensors_opened(path, "np") as file:
        return _description(path, file.metadata() or {})


def _in_order(data: bytes) -> tuple[bytes, memoryview]:
    """Header and numbers of a file, with its texts in alphabetical order: the library's order is random."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # keeps the numbers aligned
    return len(text).to_bytes(8, "little") + text, memoryview(data)[end:]


def _description(path: Path, metadata: Mapping[str, str]) -> ModelDescription:
    if "architecture" not in metadata:
        raise WeightsError(
            f"{path}: does not say what its numbers are, so it was not written by this package; give the checkpoint "
            "it was made from"
        )
    metadata = {_RENAMED.get(name, name): text for name, text in metadata.items()}
    kinds: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool, "tuple[str, ...]": list}
    values: dict[str, Any] = {}
    for field in fields(ModelDescription):
        if field.name in _NEW and field.name not in metadata:
            continue
        try:
            value = json.loads(metadata[field.name])
        except (KeyError, ValueError, RecursionError) as error:
            raise WeightsError(f"{path}: damaged: its '{field.name}' is missing or unreadable") from error
        if type(value) is not kinds[str(field.type)]:
            raise WeightsError(f"{path}: damaged: its '{field.name}' is {value!r:.60}")
        values[field.name] = value
    if not all(isinstance(name, str) for name in values["classes"]):
        raise WeightsError(f"{path}: damaged: its classes are not texts")
    if not 0 <= values.get("overlap_factor", 1.0) <= 1:
        raise WeightsError(f"{path}: damaged: its overlap factor is {values['overlap_factor']}")
    if not 0 <= values.get("close_up_size", 0) <= _LARGEST_SIDE or values.get("close_up_size", 0) % 32:
        raise WeightsError(f"{path}: damaged: its close-up size is {values['close_up_size']}")
    if not 1 <= values["input_size"] <= _LARGEST_SIDE:
        raise WeightsError(f"{path}: damaged: its input size is {values['input_size']}")
    close_up_classes = tuple(values.get("close_up_classes", ()))
    if not all(name in values["classes"] for name in close_up_classes):
        raise WeightsError(f"{path}: damaged: its close-up classes are {close_up_classes!r:.60}")
    names = {"classes": tuple(values["classes"]), "close_up_classes": close_up_classes}
    return ModelDescription(**{**values, **names})
