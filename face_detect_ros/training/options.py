# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The settings of a training, all of which its result depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from face_detect_ros.core.errors import ConfigError

OPTIMIZERS = ("sgd", "adamw")


@dataclass(frozen=True)
class AugmentOptions:
    """How much images are changed.

    mosaic, mixup, flip: probabilities. scale: sizes from 1 - scale to 1 + scale. shift: of an image that stands alone,
    in shares of the side. hue, saturation, value: largest change, as shares.

    Raises ConfigError for a value outside [0, 1].
    """

    mosaic: float = 1.0
    mixup: float = 0.15
    flip: float = 0.5
    scale: float = 0.6
    shift: float = 0.1
    hue: float = 0.015
    saturation: float = 0.7
    value: float = 0.4

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ConfigError(f"augmentation {name} is {value}; give a number from 0 to 1")

    def settled(self) -> AugmentOptions:
        """For the last epochs: one image at a time, as the detector will see them."""
        return replace(self, mosaic=0.0, mixup=0.0)


@dataclass(frozen=True)
class AssignmentOptions:
    """top_k: most anchors of one box. score_power, overlap_power: exponents of the alignment s**a * iou**b."""

    top_k: int = 10
    score_power: float = 0.5
    overlap_power: float = 6.0


@dataclass(frozen=True)
class LossOptions:
    """Weights of the parts; `auxiliary`: of the whole loss of the PGI branch; `teacher_...`: see `teacher`."""

    box: float = 7.5
    classes: float = 0.5
    distribution: float = 1.5
    auxiliary: float = 0.25
    teacher_scores: float = 0.5
    teacher_maps: float = 4.0
    assignment: AssignmentOptions = field(default_factory=AssignmentOptions)


@dataclass(frozen=True)
class TrainOptions:
    """A training's settings; the defaults are YOLOv9's recipe where not said otherwise.

    epochs, warmup_epochs. settle_epochs: last epochs without mosaic and mixup. batch: images a step, of all processes
    together. input_size: side in pixels, a multiple of 32.
    learning_rate: at the top of the schedule, for losses that are summed over the images of a step (SGD needs no
    other for another batch); final_share: of it at the end of the cosine. momentum: of SGD, or Adam's first.
    clip_norm: largest norm of a step's gradient.
    ema_decay: of the moving average of the weights, which is what is evaluated and kept.
    freeze: beginnings of parameter names that stay as they are.
    precision: numbers of the network's forward and backward pass, see nn.devices; auto: bfloat16 where the device
        computes in it.
    evaluate_every: epochs. save_every_s: seconds between states saved within an epoch.

    Raises ConfigError for a value that cannot be.
    """

    epochs: int = 300
    warmup_epochs: int = 3
    settle_epochs: int = 15
    batch: int = 32
    input_size: int = 640
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    final_share: float = 0.01
    momentum: float = 0.937
    weight_decay: float = 5e-4
    clip_norm: float = 10.0
    ema_decay: float = 0.9999
    freeze: tuple[str, ...] = ()
    precision: str = "auto"
    seed: int = 0
    evaluate_every: int = 10
    save_every_s: float = 300.0
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    loss: LossOptions = field(default_factory=LossOptions)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "evaluate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least 1")
        for name in ("warmup_epochs", "settle_epochs", "weight_decay", "seed", "save_every_s"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 0 or more")
        for name in ("learning_rate", "clip_norm"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give more than 0")
        for name in ("final_share", "momentum", "ema_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number from 0 to 1")
        if self.input_size < 32 or self.input_size % 32:
            raise ConfigError(f"input_size is {self.input_size}; give a multiple of 32")
        if self.optimizer not in OPTIMIZERS:
            raise ConfigError(
                f"optimizer '{self.optimizer}' is not known; choose one of: {', '.join(OPTIMIZERS)}"
            )

    def as_record(self) -> dict[str, Any]:
        """What a saved state is compared with: all but what changes no result."""
        return {name: value for name, value in asdict(self).items() if name != "save_every_s"}
