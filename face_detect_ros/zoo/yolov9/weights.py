# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 from a weights file: the authors', the MIT re-implementation's, or this package's own; and into one of ours.

See `zoo.yolov9.reading` for what is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.formats import safetensors_file
from face_detect_ros.zoo.formats.safetensors_file import ModelDescription
from face_detect_ros.zoo.yolov9 import reading as yolov9_reading
from face_detect_ros.zoo.yolov9.reading import ARCHITECTURE, ATTENTION, Format, network


@dataclass(frozen=True)
class LoadedYoloV9:
    """A network and what its file says of it.

    Attributes:
        model: In float32 on the CPU, in eval mode.
        labels: Class names.
        source_format: Of the file.
        variant: Of YOLOv9.
        input_size: Longest side of the input that it was trained with, in pixels.
        license: Of the weights.
        source: Where they come from.
        overlap_factor: See `boxes.weaken_overlapping`; 1: overlapping boxes keep their scores.
        close_up_size: Longest side of the input of the second look, in pixels; 0: there is none.
        close_up_classes: Names of the classes that the second look is for.
    """

    model: YoloV9
    labels: tuple[str, ...]
    source_format: Format
    variant: str
    input_size: int
    license: str
    source: str
    overlap_factor: float = 1.0
    close_up_size: int = 0
    close_up_classes: tuple[str, ...] = ()


def load(
    path: Path, *, attention: bool = False, auxiliary: bool = False, labels: Sequence[str] | None = None
) -> LoadedYoloV9:
    """The network in the file `path`.

    Args:
        path: A file of this package, or one that is published in another layout.
        attention: With attention; if the file was trained without, it is new and changes nothing yet.
        auxiliary: With the auxiliary branch.
        labels: Class names instead of the file's; needed where it has none.

    Raises WeightsError for a file that cannot be read, is damaged or holds another network; ConfigError for labels that
    are missing or of another number, and for a file that was trained with attention if `attention` is false.
    """
    weights = yolov9_reading.read(path, labels, auxiliary=auxiliary)
    told, tensors = weights.description, weights.tensors
    if told.self_attention or told.cross_attention:
        if not attention:
            raise ConfigError(f"{path}: was trained with attention; load it as yolov9-attn:{path}")
    elif attention:
        told = replace(told, self_attention=True, cross_attention=True)
        new = network(told, tensors, auxiliary=auxiliary).state_dict()
        tensors = {**tensors, **{name: new[name] for name in new if name.startswith(ATTENTION)}}
    with torch.device("meta"):  # its own first numbers would be replaced at once
        model = network(told, tensors, auxiliary=auxiliary)
    floats = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    model.load_state_dict(floats, assign=True)
    return LoadedYoloV9(
        model.eval(), told.classes, weights.format, told.variant, told.input_size, told.license, told.source,
        told.overlap_factor, told.close_up_size, told.close_up_classes,
    )  # fmt: skip


def convert(
    source: Path,
    destination: Path,
    *,
    license: str = "",
    labels: Sequence[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write what `load` can read as a file of this package, with the same numbers and without the auxiliary branch.

    Args:
        source: What `load` can read.
        destination: The file to write, in safetensors.
        license: SPDX, of the weights; empty: as the source says.
        labels: As for `load`.
        overwrite: Whether `destination` may exist.

    Raises WeightsError and ConfigError as `load` does, OutputError if `destination` exists (and may not be
    overwritten) or cannot be written.
    """
    safetensors_file.check_destination(destination, overwrite=overwrite)  # before the work
    weights = yolov9_reading.read(source, labels, auxiliary=False)
    description = replace(weights.description, license=license or weights.description.license)
    safetensors_file.write(destination, description, weights.tensors, overwrite=overwrite)


def save(
    path: Path,
    model: YoloV9,
    labels: Sequence[str],
    *,
    input_size: int,
    license: str = "",
    source: str = "",
    overlap_factor: float = 1.0,
    close_up_size: int = 0,
    close_up_classes: Sequence[str] = (),
    halved: bool = False,
    overwrite: bool = False,
    leave_out: tuple[str, ...] = (),
) -> None:
    """Write a network, not fused, as a file of this package. Raises OutputError; ConfigError for wrong labels.

    Args:
        path: The file to write, in safetensors.
        model: As it was trained.
        labels: Names of its classes.
        input_size: Longest side of its input, in pixels.
        license: SPDX, of the weights.
        source: Where they come from, for people to read.
        overlap_factor, close_up_size, close_up_classes: As in `ModelDescription`.
        halved: Matrices in float16; the numbers of normalizations, and biases, stay as they are.
        overwrite: Whether `path` may exist.
        leave_out: Beginnings of the names of tensors that are not written.
    """
    description = ModelDescription(
        ARCHITECTURE,
        model.variant,
        yolov9_reading.labels_for(path, model.classes, labels),
        self_attention=model.self_attention is not None,
        cross_attention=model.cross_attention is not None,
        input_size=input_size,
        license=license,
        source=source,
        overlap_factor=overlap_factor,
        close_up_size=close_up_size,
        close_up_classes=tuple(close_up_classes),
    )
    tensors = {name: value for name, value in model.state_dict().items() if not name.startswith(leave_out)}
    if halved:
        tensors = {
            name: value.half() if value.is_floating_point() and value.dim() > 1 else value
            for name, value in tensors.items()
        }
    safetensors_file.write(path, description, tensors, overwrite=overwrite)
