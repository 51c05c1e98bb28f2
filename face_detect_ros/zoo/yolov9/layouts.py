# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where published YOLOv9 checkpoints keep each tensor of our network.

Four layouts, as of the authors' repository (github.com/WongKinYiu/yolov9), of the MIT re-implementation
(github.com/MultimediaTechLab/YOLO) and of LibreYOLO (github.com/LibreYOLO/libreyolo):

plain: the authors' gelan-* and yolov9-*-converted, and Ultralytics' files, without the auxiliary branch.
dual: the authors' yolov9-* as they come from training, with it and one head for both.
mit: v9-*, with it or without.
libre: LibreYOLO9*, t, s, m and c, with it or without.

The first three number the layers in the order of their configurations, where enlarging, joining and adding are layers
too. A published name begins with that number; what precedes it differs from file to file. LibreYOLO names its layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from face_detect_ros.nn.yolov9.variants import VARIANTS

Layout = Literal["plain", "dual", "mit", "libre"]


def published_names(names: Iterable[str], variant: str, layout: Layout) -> dict[str, str]:
    """Our names of tensors to those of a published layout.

    Args:
        names: Tensors of a `YoloV9`.
        variant: Of YOLOv9.
        layout: The published one.

    Returns:
        Ours -> published; without those that the layout does not have, such as attention.
    """
    if layout == "libre":
        named = {name: _libre(name) for name in names}
        return {name: published for name, published in named.items() if published}
    layers = {name: number for number, name in enumerate(_layers(variant, layout))}
    found = {name: _head(name, layers, layout) or _layer(name, layers, layout) for name in names}
    return {name: published for name, published in found.items() if published}


def constants(variant: str, layout: Layout) -> list[str]:
    """Published names of tensors that are 0, 1, 2, ... in every file; our network computes them."""
    if layout == "libre":
        return [f"{head}.dfl.conv.weight" for head in ("head", "aux_head")]
    layers = _layers(variant, layout)
    if layout == "mit":
        heads = (layers.index("head"), layers.index("auxiliary.head"))
        return [f"{head}.heads.{level}.anc2vec.anc2vec.weight" for head in heads for level in range(3)]
    names = ("dfl", "dfl2") if layout == "dual" else ("dfl",)
    return [f"{layers.index('head')}.{name}.conv.weight" for name in names]


def auxiliary_prefixes(variant: str, layout: Layout) -> tuple[str, ...]:
    """What the published names begin with of all that only training needs: the auxiliary branch."""
    if layout == "libre":
        return ("aux.", "aux_head.")
    layers = _layers(variant, layout)
    branch = [f"{number}." for number, layer in enumerate(layers) if layer.startswith("auxiliary.")]
    if layout == "dual":
        branch += [f"{layers.index('head')}.{name}." for name in ("cv2", "cv3")]
    return tuple(branch)


_NOTHING = ""  # a layer without tensors
_BACKBONE = tuple(
    f"backbone.{layer}"
    for layer in ("conv1", "conv2", "elan2", "down3", "elan3", "down4", "elan4", "down5", "elan5")
)
_TOP_DOWN = ("pooling", _NOTHING, _NOTHING, "top_down.elan4", _NOTHING, _NOTHING, "top_down.elan3")
_BOTTOM_UP = (
    "bottom_up.down4", _NOTHING, "bottom_up.elan4", "bottom_up.down5", _NOTHING, "bottom_up.elan5",
)  # fmt: skip
_AUXILIARY_NECK = tuple(layer and f"auxiliary.{layer}" for layer in _TOP_DOWN)


def _column(name: str, first: int) -> tuple[str, ...]:
    """A reversible column whose levels from `first` to 5 are linked to the backbone."""
    layers = [f"{name}.links.{index}" for index in range(6 - first)]
    for level in range(1, 6):
        layers.append(f"{name}.{'conv' if level <= 2 else 'down'}{level}")
        layers += [_NOTHING] if level >= first else []
        layers += [f"{name}.elan{level}"] if level >= 2 else []
    return tuple(layers)


def _layers(variant: str, layout: Layout) -> tuple[str, ...]:
    """Our names of the layers in published order."""
    sizes = VARIANTS[variant]
    main = (*_BACKBONE, *(_column("column", 1) if sizes.column else ()))
    neck = (*_TOP_DOWN, *_BOTTOM_UP)
    branch = _AUXILIARY_NECK if sizes.branch == "neck" else _column("auxiliary.column", 3)
    if layout == "mit":
        return (*main, *neck, "head", *branch, "auxiliary.head")
    # a column begins at the image, which therefore is a layer
    has_column = sizes.column or (layout == "dual" and sizes.branch == "column")
    image = (_NOTHING,) if has_column else ()
    if layout == "plain":
        return (*image, *main, *neck, "head")
    if sizes.column:
        return (*image, *main, *branch, *neck, "head")
    return (*image, *main, *neck, *branch, "head")


def _head(name: str, layers: dict[str, int], layout: Layout) -> str | None:
    match = re.fullmatch(r"(auxiliary\.)?head\.(boxes|classes)\.(\d)\.(.+)", name)
    if match is None:
        return None
    branch, part, level, rest = match.groups(default="")
    if layout == "mit":
        stack = "anchor_conv" if part == "boxes" else "class_conv"
        return f"{layers[f'{branch}head']}.heads.{level}.{stack}.{rest}"
    if branch and layout == "plain":
        return None
    # in the head for both, the auxiliary branch comes first
    first = 4 if layout == "dual" and not branch else 2
    return f"{layers['head']}.cv{first + (part == 'classes')}.{level}.{rest}"


def _layer(name: str, layers: dict[str, int], layout: Layout) -> str | None:
    parts = name.split(".")
    # links are numbered two levels further down than other layers are named
    for length in (1, 2, 3, 4):
        number = layers.get(".".join(parts[:length]))
        if number is not None:
            rest = ".".join(parts[length:])
            return f"{number}.{_mit_inner(rest) if layout == 'mit' else _authors_inner(rest)}"
    return None


_LIBRE = {
    "backbone.conv1": "backbone.conv0",
    "backbone.conv2": "backbone.conv1",
    **{f"backbone.elan{level}": f"backbone.elan{level - 1}" for level in range(2, 6)},
    **{f"backbone.down{level}": f"backbone.down{level - 1}" for level in range(3, 6)},
    "pooling": "backbone.spp",
    "top_down.elan4": "neck.elan_up1",
    "top_down.elan3": "neck.elan_up2",
    "bottom_up.down4": "neck.down1",
    "bottom_up.elan4": "neck.elan_down1",
    "bottom_up.down5": "neck.down2",
    "bottom_up.elan5": "neck.elan_down2",
    "head.boxes": "head.cv2",
    "head.classes": "head.cv3",
    "auxiliary.pooling": "aux.spp",
    "auxiliary.top_down.elan4": "aux.elan_a4",
    "auxiliary.top_down.elan3": "aux.elan_a3",
    "auxiliary.head.boxes": "aux_head.cv2",
    "auxiliary.head.classes": "aux_head.cv3",
}


def _libre(name: str) -> str | None:
    parts = name.split(".")
    for length in (1, 2, 3):
        layer = _LIBRE.get(".".join(parts[:length]))
        if layer is not None:
            rest = ".".join(parts[length:])
            aconv = rest.startswith(("conv.conv.", "conv.bn."))
            return f"{layer}.{rest.replace('conv.', 'cv.', 1) if aconv else _authors_inner(rest)}"
    return None


def _mit_inner(name: str) -> str:
    return name.replace("bottlenecks.", "bottleneck.")


def _authors_inner(name: str) -> str:
    name = re.sub(r"^conv\.(?=conv|bn)", "cv1.", name)  # of an AConv
    name = re.sub(r"conv(\d)", r"cv\1", name.replace("bottlenecks.", "m."))
    return re.sub(r"(m\.\d+\.cv1)\.cv(\d)", r"\1.conv\2", name)  # both halves of a RepConv
