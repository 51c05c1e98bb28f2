# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Settings of a training; its result depends on all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from face_detect_ros.core.errors import ConfigError

OPTIMIZERS = ("sgd", "adamw")


@dataclass(frozen=True)
class AugmentOptions:
    """How much images are augmented.

    Attributes:
        mosaic, mixup, flip: Probabilities.
        scale: Images are scaled by factors from 1 - scale to 1 + scale.
        shift: Largest shift of a single image, as a share of its side.
        hue, saturation, value: Largest change, as a share.
        close_up: Probability of a crop that one labeled box fills by 20 to 80 % of the side, instead of a mosaic.

    Raises:
        ConfigError: A value is outside [0, 1].
    """

    mosaic: float = 1.0
    mixup: float = 0.15
    flip: float = 0.5
    scale: float = 0.6
    shift: float = 0.1
    hue: float = 0.015
    saturation: float = 0.7
    value: float = 0.4
    close_up: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ConfigError(f"augmentation {name} is {value}; give a number from 0 to 1")

    def settled(self) -> AugmentOptions:
        """Options for the last epochs: one image at a time, as the detector will see them."""
        return replace(self, mosaic=0.0, mixup=0.0)


@dataclass(frozen=True)
class AssignmentOptions:
    """Task-aligned assignment.

    Attributes:
        top_k: Most anchors of one box.
        score_power, overlap_power: Exponents of the alignment, score**a * iou**b.
    """

    top_k: int = 10
    score_power: float = 0.5
    overlap_power: float = 6.0


@dataclass(frozen=True)
class LossOptions:
    """Weights of the parts of the loss.

    Attributes:
        box, classes, distribution: CIoU, cross entropy, and distribution focal loss.
        auxiliary: Of the whole loss of the PGI branch.
        teacher_scores, teacher_maps: Of what a teacher adds, see `learners.teacher`.
        assignment: Of labels to anchors.
    """

    box: float = 7.5
    classes: float = 0.5
    distribution: float = 1.5
    auxiliary: float = 0.25
    teacher_scores: float = 0.5
    teacher_maps: float = 4.0
    assignment: AssignmentOptions = field(default_factory=AssignmentOptions)


@dataclass(frozen=True)
class TrainOptions:
    """Settings of a training; the defaults are YOLOv9's recipe unless stated otherwise.

    Attributes:
        epochs: Passes over the images.
        warmup_epochs: First epochs, with a rising learning rate.
        settle_epochs: Last epochs, without mosaic and mixup.
        batch: Images per step, of all processes together.
        input_size: Side of the input in pixels, a multiple of 32.
        optimizer: "sgd" or "adamw".
        learning_rate: At its peak, for a loss that is summed over the images of a step, so SGD needs no other for
            another batch size.
        final_share: Of the learning rate, at the end of the cosine.
        momentum: Of SGD, or Adam's first.
        weight_decay: Of weight matrices.
        clip_norm: Largest norm of a step's gradient.
        ema_decay: Of the moving average of the weights, which is what is evaluated and kept.
        freeze: Beginnings of names of parameters that stay as they are.
        precision: Number format of the forward and backward pass, see `nn.devices`; "auto" is bfloat16 if the
            device computes in it.
        seed: Of everything random.
        evaluate_every: Epochs between evaluations.
        save_every_s: Seconds between states saved within an epoch.
        augment: How much images are augmented.
        loss: Weights of the parts of the loss.

    Raises:
        ConfigError: A value cannot be used.
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
        """The settings that a saved state is compared with: all except those that do not change the result."""
        return {name: value for name, value in asdict(self).items() if name != "save_every_s"}
