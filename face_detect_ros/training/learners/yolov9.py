# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9, with or without attention, as a `Learner`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.yolov9.detector import YoloV9Network
from face_detect_ros.nn.yolov9.network import VARIANTS, TrainingOutputs
from face_detect_ros.training.learners.start import (
    Architecture,
    checked,
    for_detection,
    new_network,
    take_over,
)
from face_detect_ros.training.learners.teacher import Teacher, adapters, map_loss, score_loss
from face_detect_ros.training.losses.detection import DetectionLoss, Losses, Truth, sides_and_logits
from face_detect_ros.training.options import TrainOptions
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights
from face_detect_ros.zoo.yolov9.weights import LoadedYoloV9

_ONLY_TRAINED_WITH = ("auxiliary.", "adapters.")


class YoloV9Learner:
    """A YOLOv9 to train.

    Args:
        architecture: Which one.
        initial: Weights file to start from; None starts from random weights.
        classes: Names of the classes.
        options: Settings of the training.
        license, source: Written into the weights file.
        teacher: ONNX file of a `Teacher`; None if only the labels teach.

    Raises:
        WeightsError: A file cannot be used.
        ConfigError: The architecture or the teacher does not suit.
    """

    def __init__(
        self,
        architecture: Architecture,
        initial: Path | None,
        classes: tuple[str, ...],
        options: TrainOptions,
        license: str,
        source: str,
        teacher: Path | None = None,
    ) -> None:
        if initial is None:
            self.network: nn.Module = new_network(architecture, len(classes), seed=options.seed)
        else:
            begin = yolov9_weights.load(initial, attention=True)
            self.network = take_over(begin, architecture, classes, seed=options.seed)
        self._loss = DetectionLoss(len(classes), options.loss)
        self._weights = options.loss
        self._teacher = None
        if teacher is not None:
            self._teacher = Teacher(teacher, classes)
            channels = VARIANTS[architecture.variant].out_widths
            # only training needs them; what is written and evaluated is without
            self.network.adapters = adapters(channels, self._teacher.widths, seed=options.seed)
        self._classes = classes
        self._input_size = options.input_size
        self._license, self._source = license, source

    def losses(self, network: nn.Module, images: Tensor, truth: Truth) -> Losses:
        if self._teacher is None:
            output = network(images)
            return self._loss(output.main, output.auxiliary, truth)
        output, maps = _with_maps(network, images)
        losses = self._loss(output.main, output.auxiliary, truth)
        lesson = self._teacher.look(images)
        adapted = [adapter(own) for adapter, own in zip(_adapters(network), maps, strict=True)]
        with torch.autocast(images.device.type, enabled=False):
            _, logits = sides_and_logits(output.main, len(self._classes))
            by_scores = score_loss(logits, self._teacher.taught, lesson)
            by_maps = map_loss(adapted, lesson)
        total = losses.total + self._weights.teacher_scores * by_scores + self._weights.teacher_maps * by_maps
        return replace(losses, total=total)

    def detector(self, average: nn.Module, device: torch.device, dtype: torch.dtype) -> Detector:
        network, size = for_detection(average), self._input_size
        loaded = LoadedYoloV9(
            network, self._classes, "own", network.variant, size, self._license, self._source
        )
        return NetworkDetector(YoloV9Network(loaded, device, dtype, size, "the average"), name="the average")

    def result(self, folder: Path, name: str) -> Path:
        return folder / f"{name}.safetensors"

    def write(self, average: nn.Module, folder: Path, name: str) -> None:
        yolov9_weights.save(
            self.result(folder, name), checked(average), self._classes, input_size=self._input_size,
            license=self._license, source=self._source, overwrite=True, leave_out=_ONLY_TRAINED_WITH,
        )  # fmt: skip


def _with_maps(network: nn.Module, images: Tensor) -> tuple[TrainingOutputs, Sequence[Tensor]]:
    """The outputs, and the maps of each stride that the head makes them from."""
    seen: list[Sequence[Tensor]] = []
    hook = network.get_submodule("head").register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    try:
        return network(images), seen[0]
    finally:
        hook.remove()


def _adapters(network: nn.Module) -> Iterator[nn.Module]:
    return network.get_submodule("adapters").children()
