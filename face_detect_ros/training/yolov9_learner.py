"""YOLOv9, with or without attention, as a `Learner`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.objects import ObjectDetector
from face_detect_ros.detectors.yolov9 import YoloV9Network
from face_detect_ros.zoo import yolov9_weights
from face_detect_ros.zoo.yolov9_weights import LoadedYoloV9

from .losses import DetectionLoss, Losses, Truth
from .options import TrainOptions
from .start import Architecture, for_detection, new_network, take_over


class YoloV9Learner:
    """initial: weights file to begin with; None: from nothing. Raises WeightsError and ConfigError."""

    def __init__(
        self,
        architecture: Architecture,
        initial: Path | None,
        classes: tuple[str, ...],
        options: TrainOptions,
        licence: str,
        source: str,
    ) -> None:
        if initial is None:
            self.network: nn.Module = new_network(architecture, len(classes), seed=options.seed)
        else:
            begin = yolov9_weights.load(initial, attention=True)
            self.network = take_over(begin, architecture, classes, seed=options.seed)
        self._loss = DetectionLoss(len(classes), options.loss)
        self._classes = classes
        self._input_size = options.input_size
        self._licence, self._source = licence, source

    def losses(self, network: nn.Module, images: Tensor, truth: Truth) -> Losses:
        output = network(images)
        return self._loss(output.main, output.auxiliary, truth)

    def detector(self, average: nn.Module, device: torch.device, dtype: torch.dtype) -> Detector:
        network, size = for_detection(average), self._input_size
        loaded = LoadedYoloV9(
            network, self._classes, "own", network.variant, size, self._licence, self._source
        )
        return ObjectDetector(YoloV9Network(loaded, device, dtype, size, "the average"), name="the average")

    def result(self, folder: Path, name: str) -> Path:
        return folder / f"{name}.safetensors"

    def write(self, average: nn.Module, folder: Path, name: str) -> None:
        yolov9_weights.save(
            self.result(folder, name), for_detection(average), self._classes, input_size=self._input_size,
            licence=self._licence, source=self._source, overwrite=True,
        )  # fmt: skip
