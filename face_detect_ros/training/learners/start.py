# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The network that a training starts with: new, or with what another one has learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.nn.yolov9.heads import HeadStyle
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.yolov9.weights import LoadedYoloV9

_ATTENTION = "-attn"


@dataclass(frozen=True)
class Architecture:
    """Which YOLOv9.

    Attributes:
        variant: t, s, m, c or e.
        self_attention, cross_attention, auxiliary: See `YoloV9`.
    """

    variant: str
    self_attention: bool = False
    cross_attention: bool = False
    auxiliary: bool = True

    @classmethod
    def named(cls, name: str, *, auxiliary: bool = True) -> Architecture:
        """The architecture with a name such as "yolov9-t" or "yolov9-t-attn". Raises ConfigError."""
        bare = name.removesuffix(_ATTENTION)
        prefix, _, variant = bare.partition("-")
        if prefix != "yolov9" or not variant:
            raise ConfigError(
                f"model '{name}' cannot be trained; give yolov9-t, -s, -m, -c or -e, with or without -attn"
            )
        attention = bare != name
        return cls(variant, attention, attention, auxiliary)


def new_network(
    architecture: Architecture, classes: int, *, seed: int, head: HeadStyle | None = None
) -> YoloV9:
    """A network with random weights.

    Args:
        architecture: Variant and attention.
        classes: How many.
        seed: The same weights for the same seed, on every machine.
        head: Another style of the head than the variant's.

    Raises:
        ConfigError: There is no such variant.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return YoloV9(
            architecture.variant,
            classes,
            self_attention=architecture.self_attention,
            cross_attention=architecture.cross_attention,
            auxiliary=architecture.auxiliary,
            head=head,
        )


def take_over(
    loaded: LoadedYoloV9, architecture: Architecture, classes: Sequence[str], *, seed: int
) -> YoloV9:
    """A new network with the weights of another one, whose classes may differ: those with the same name keep what was
    learned.

    Args:
        loaded: Where the weights come from.
        architecture: Variant and attention of the new network.
        classes: Its class names.
        seed: For weights that `loaded` does not have.

    Raises:
        ConfigError: `loaded` is of another variant.
    """
    if loaded.variant != architecture.variant:
        raise ConfigError(
            f"the weights to begin with are of yolov9-{loaded.variant}, the model is yolov9-{architecture.variant}; "
            "give those of the same size"
        )
    network = new_network(architecture, len(classes), seed=seed, head=loaded.model.head.style)
    old, new = loaded.model.state_dict(), network.state_dict()
    rows = [(index, loaded.labels.index(name)) for index, name in enumerate(classes) if name in loaded.labels]
    for name, value in new.items():
        known = old.get(name)
        if known is None:
            continue
        if known.shape == value.shape and not _by_class(name):
            value.copy_(known)
        elif _by_class(name):
            for to, of in rows:
                value[to] = known[of]
    network.load_state_dict(new)
    return network


def checked(network: nn.Module) -> YoloV9:
    """`network` itself. Raises TypeError if it is not a YOLOv9."""
    if not isinstance(network, YoloV9):
        raise TypeError(f"{type(network).__name__} is not a YOLOv9")
    return network


def for_detection(network: nn.Module) -> YoloV9:
    """A copy without the auxiliary branch, in eval mode: this is what is kept and evaluated."""
    network = checked(network)
    copy = YoloV9(
        network.variant,
        network.classes,
        self_attention=network.self_attention is not None,
        cross_attention=network.cross_attention is not None,
        head=network.head.style,
    )
    wanted = copy.state_dict().keys()
    copy.load_state_dict({name: value for name, value in network.state_dict().items() if name in wanted})
    return copy.eval()


def _by_class(name: str) -> bool:
    """Tensors with a row for each class: the last convolutions of the head."""
    return ".classes." in name and name.endswith((".2.weight", ".2.bias"))
