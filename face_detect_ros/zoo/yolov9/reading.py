# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reads YOLOv9's tensors from a file of any known format, under our names.

The content tells format, variant and number of classes; the file's name tells nothing. Every tensor of the network must
be there, of the right shape and finite, and nothing may be left over but the auxiliary branch of training.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.core.text import is_utf8
from face_detect_ros.nn.yolov9.heads import REG_MAX, HeadStyle
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.nn.yolov9.variants import VARIANTS, Variant
from face_detect_ros.zoo.formats import safetensors_file, torch_file, weights_file
from face_detect_ros.zoo.formats.safetensors_file import ModelDescription
from face_detect_ros.zoo.published import coco
from face_detect_ros.zoo.yolov9 import checkpoint as yolov9_checkpoint
from face_detect_ros.zoo.yolov9 import layouts as yolov9_layouts
from face_detect_ros.zoo.yolov9.layouts import Layout

ARCHITECTURE = "yolov9"
Format = Literal["plain", "dual", "mit", "libre", "own"]
"""`Layout`, or "own": a file of `safetensors_file`."""

ATTENTION = ("self_attention.", "cross_attention.")
"""What the names of tensors begin with that no published file has."""

Shape = tuple[int, ...]

_AUXILIARY = "auxiliary."
_CLASSES = "head.classes.0.2.weight"  # (classes, class width, 1, 1)
_BOXES = "head.boxes.0.1.conv.weight"  # (box width, box width / groups, 3, 3)
_DEPTHWISE = "head.classes.0.0.0.conv.weight"  # where there are no depthwise stacks, one is missing
_COUNTER = ".num_batches_tracked"  # in training; of no use later, so that some files leave it out
_LEVELS = ("conv1.conv", "elan2.conv4.conv", "elan3.conv4.conv", "elan4.conv4.conv", "elan5.conv4.conv")


@dataclass(frozen=True)
class Weights:
    """What a weights file holds.

    Attributes:
        format: Of the file.
        description: The network.
        tensors: By our names, in the numbers of the file; all that a network of this description has.
    """

    format: Format
    description: ModelDescription
    tensors: dict[str, Tensor]


def read(path: Path, labels: Sequence[str] | None, *, auxiliary: bool) -> Weights:
    """Read and check a weights file.

    Args:
        path: In any published format.
        labels: Class names instead of the file's.
        auxiliary: With the auxiliary branch.

    Raises:
        WeightsError: The file cannot be read, is damaged or holds another network.
        ConfigError: Labels are missing, or their number is wrong.
    """
    if _is_safetensors(path):
        return _read_own(path, labels, auxiliary=auxiliary)
    with torch_file.opened(path) as file:
        stored = yolov9_checkpoint.tensors(file)
        shapes = {name: tensor.shape for name, tensor in stored.items()}
        layout = _layout(path, shapes)
        variant = _variant(path, shapes, layout)
        parts = yolov9_layouts.published_names([_CLASSES, _BOXES, _DEPTHWISE], variant, layout)
        for name in (_CLASSES, _BOXES):
            if len(shapes.get(parts[name], ())) != 4:
                raise WeightsError(f"{path}: not a YOLOv9-{variant}: '{parts[name]}' is missing")
        classes = shapes[parts[_CLASSES]][0]
        style = _style({name: shapes[key] for name, key in parts.items() if key in shapes})
        for name in yolov9_layouts.constants(variant, layout):
            if name in stored:
                _check_constant(path, name, file.tensor(stored[name]))
                del shapes[name]
        if not auxiliary:
            unused = yolov9_layouts.auxiliary_prefixes(variant, layout)
            shapes = {name: shape for name, shape in shapes.items() if not name.startswith(unused)}
        names = labels_for(path, classes, labels, yolov9_checkpoint.class_names(file))
        description = ModelDescription(
            ARCHITECTURE,
            variant,
            names,
            input_size=yolov9_checkpoint.input_size(file) or ModelDescription.input_size,
            license=yolov9_checkpoint.license_of(file),
            source=path.name,
        )
        expected = _expected(description, style, auxiliary=auxiliary)
        published = yolov9_layouts.published_names(expected, variant, layout)
        # what the layout does not have is missing under our name
        named = {published.get(name, name): shape for name, shape in expected.items()}
        _check_shapes(path, variant, named, shapes)
        tensors = {
            name: _checked(path, key, file.tensor(stored[key]))
            for name, key in published.items()
            if key in stored
        }
    return Weights(layout, description, _with_counters(tensors, expected))


def _read_own(path: Path, labels: Sequence[str] | None, *, auxiliary: bool) -> Weights:
    told, tensors = safetensors_file.read(path)
    if told.architecture != ARCHITECTURE or told.variant not in VARIANTS:
        raise WeightsError(f"{path}: holds a {told.architecture} {told.variant!r:.20}, not a YOLOv9")
    description = replace(told, classes=labels_for(path, len(told.classes), labels, told.classes))
    if not auxiliary:
        tensors = {name: value for name, value in tensors.items() if not name.startswith(_AUXILIARY)}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    expected = _expected(description, _style(found), auxiliary=auxiliary)
    _check_shapes(path, told.variant, expected, found)
    checked = {name: _checked(path, name, value) for name, value in tensors.items()}
    return Weights("own", description, _with_counters(checked, expected))


def _is_safetensors(path: Path) -> bool:
    """By its first bytes. Raises WeightsError if it is not a file of weights at all."""
    start = weights_file.check(path)
    # first this: the length of its texts, before the brace, may begin as a file of PyTorch does
    if start[8:9] == b"{":
        return True
    if start.startswith((torch_file.ZIP_START, torch_file.LEGACY_START)):
        return False
    raise WeightsError(f"{path}: is not a file of weights: neither of PyTorch nor safetensors")


def _layout(path: Path, names: Iterable[str]) -> Layout:
    """From the stacks of the head that only one of them has."""
    found = " ".join(names)
    if re.search(r"(?:^| )head\.cv3\.\d\.\d\.", found):
        return "libre"
    if re.search(r"\b\d+\.heads\.\d\.class_conv\.", found):
        return "mit"
    if re.search(r"\b\d+\.cv5\.\d\.\d\.", found):
        return "dual"
    if re.search(r"\b\d+\.cv3\.\d\.\d\.", found):
        return "plain"
    raise WeightsError(
        f"{path}: not a YOLOv9: no tensor is named as in its head; the first are {found[:80]!r}"
    )


def _variant(path: Path, shapes: Mapping[str, Shape], layout: Layout) -> str:
    """From the widths of the backbone."""
    for variant, sizes in VARIANTS.items():
        ours = [f"backbone.{layer}.weight" for layer in _LEVELS]
        names = yolov9_layouts.published_names(ours, variant, layout)
        if tuple(shapes.get(names[name], (0,))[0] for name in ours) == sizes.level_widths:
            return variant
    raise WeightsError(
        f"{path}: is another network, or a YOLOv9 of another size: its backbone is not as wide as any of "
        f"{', '.join(VARIANTS)}"
    )


def labels_for(
    path: Path, classes: int, given: Sequence[str] | None, stored: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Names of the classes: those given, else those stored, else COCO's 80.

    Args:
        path: The file, for errors.
        classes: How many there are.
        given: By the user.
        stored: In the file.

    Raises:
        WeightsError: The file stores another number of names, or one that is not valid Unicode.
        ConfigError: There are no names, or another number is given.
    """
    if given is not None:
        if len(given) != classes:
            raise ConfigError(f"{path}: has {classes} classes, but {len(given)} class names are given")
        return tuple(given)
    if stored is not None:
        if len(stored) != classes:
            raise WeightsError(f"{path}: has {classes} classes, but the names of {len(stored)}")
        if wrong := [name for name in stored if not is_utf8(name)]:
            raise WeightsError(f"{path}: class name {wrong[0]!r:.40} is not valid Unicode; give the names")
        return tuple(stored)
    if classes == len(coco.CLASSES):
        return coco.CLASSES
    raise ConfigError(f"{path}: does not name its {classes} classes; give their names")


def network(description: ModelDescription, tensors: Mapping[str, Tensor], *, auxiliary: bool) -> YoloV9:
    """A new network that tensors fit into.

    Args:
        description: What the file says.
        tensors: By name.
        auxiliary: With the auxiliary branch.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    return _network(description, _style(shapes), auxiliary=auxiliary)


def _style(shapes: Mapping[str, Shape]) -> HeadStyle:
    """What the head is made of, by the shapes of its tensors, under our names."""
    classes, boxes = shapes.get(_CLASSES, ()), shapes.get(_BOXES, ())
    return HeadStyle(
        class_width=classes[1] if len(classes) == 4 else None,
        box_groups=1 if len(boxes) == 4 and boxes[0] == boxes[1] else HeadStyle.box_groups,
        depthwise=_DEPTHWISE in shapes,
    )


def _network(description: ModelDescription, style: HeadStyle, *, auxiliary: bool) -> YoloV9:
    attention = description.self_attention, description.cross_attention
    return _new(description.variant, len(description.classes), attention, auxiliary, style)


def _expected(description: ModelDescription, style: HeadStyle, *, auxiliary: bool) -> Mapping[str, Shape]:
    attention = description.self_attention, description.cross_attention
    sizes = VARIANTS[description.variant]
    return _shapes(sizes, description.variant, len(description.classes), attention, auxiliary, style)


# kept: on the meta device a network takes longer to be built than on a real one
@functools.lru_cache(maxsize=32)
def _shapes(_: Variant, *parts: Any) -> Mapping[str, Shape]:
    with torch.device("meta"):
        model = _new(*parts)
    return MappingProxyType({name: tuple(value.shape) for name, value in model.state_dict().items()})


def _new(
    variant: str, classes: int, attention: tuple[bool, bool], auxiliary: bool, head: HeadStyle
) -> YoloV9:
    self_attention, cross_attention = attention
    return YoloV9(
        variant,
        classes,
        self_attention=self_attention,
        cross_attention=cross_attention,
        auxiliary=auxiliary,
        head=head,
    )


def _check_shapes(
    path: Path, variant: str, expected: Mapping[str, Shape], found: Mapping[str, Shape]
) -> None:
    """Raises WeightsError that says which tensors are missing, left over or of another shape."""
    missing = [name for name in expected if name not in found and not name.endswith(_COUNTER)]
    left_over = [name for name in found if name not in expected]
    other = [
        f"{name} {found[name]} for {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    faults = [
        f"{len(names)} {fault} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for fault, names in (("missing", missing), ("left over", left_over), ("of another shape", other))
        if names
    ]
    if faults:
        raise WeightsError(f"{path}: does not fit YOLOv9-{variant}; tensors: {'; '.join(faults)}")


def _check_constant(path: Path, name: str, value: Tensor) -> None:
    if value.numel() != REG_MAX or not torch.equal(value.flatten().float(), torch.arange(REG_MAX).float()):
        raise WeightsError(f"{path}: '{name}' is not 0, 1, ... {REG_MAX - 1}, so it is another network's")


def _checked(path: Path, name: str, value: Tensor) -> Tensor:
    """`value`, if it can be what `name` says: finite numbers, variances at least 0, counters whole."""
    if name.endswith(_COUNTER):
        return value.long()
    if not value.is_floating_point():
        raise WeightsError(
            f"{path}: '{name}' holds {value.dtype} numbers; give weights that are not quantized"
        )
    value = value if value.element_size() <= 4 else value.float()
    if not value.isfinite().all():
        raise WeightsError(f"{path}: '{name}' holds numbers that are not finite; its training failed")
    if name.endswith(".running_var") and (value < 0).any():
        raise WeightsError(f"{path}: damaged: '{name}' holds a variance below 0")
    return value


def _with_counters(tensors: dict[str, Tensor], expected: Iterable[str]) -> dict[str, Tensor]:
    zero = {name: torch.tensor(0) for name in expected if name.endswith(_COUNTER) and name not in tensors}
    return {**tensors, **zero}
