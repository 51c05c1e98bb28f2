# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fine-tuning RT-DETR, RT-DETRv2 and D-FINE of `transformers` with the library's own losses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from face_detect_ros.core.errors import ConfigError, OutputError, WeightsError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.detr import checkpoint as detr_checkpoint
from face_detect_ros.detectors.detr.checkpoint import DetrCheckpoint
from face_detect_ros.detectors.detr.detector import DetrDetector, DetrNetwork
from face_detect_ros.detectors.preprocessor import SETTINGS_FILE, read_settings
from face_detect_ros.files.reading import read_object
from face_detect_ros.files.whole_file import whole_folder
from face_detect_ros.training.data.dataset import DataSet
from face_detect_ros.training.losses.detection import Losses, Truth
from face_detect_ros.training.options import TrainOptions

TYPES = ("rt_detr", "rt_detr_v2", "d_fine")
_BOX_LOSSES = ("loss_bbox", "loss_giou")
_CLASS_LOSSES = ("loss_vfl", "loss_ce", "loss_focal")


class DetrLearner:
    """A model of the DETR family to fine-tune.

    The classification head is made anew for the classes of the data set; classes of the same name keep what was
    learned.

    Args:
        folder: Folder of the model to start from, or its hub name.
        data: Images to learn from.
        options: Settings of the training.

    Raises:
        WeightsError: The model cannot be loaded.
        ConfigError: The options do not suit it.
    """

    def __init__(self, folder: Path, data: DataSet, options: TrainOptions) -> None:
        partly = {data.classes[number] for sample in data.samples for number in sample.unknown}
        if partly:
            raise ConfigError(
                f"{', '.join(sorted(partly))}: labeled in some images only, which the losses of {', '.join(TYPES)} "
                "cannot leave out; leave the class out with --classes"
            )
        begin = detr_checkpoint.load(folder)
        kind = begin.model.config.model_type
        if kind not in TYPES:
            raise ConfigError(f"{folder}: a {kind} cannot be trained here, only {', '.join(TYPES)}")
        settings = read_settings(begin.folder / SETTINGS_FILE, begin.family.processor)
        if not settings.size:
            raise ConfigError(
                f"{folder}: its images keep their shape; only models with one size can be trained here"
            )
        self.network: nn.Module = _with_classes(begin, data.classes, options.seed)
        self._begin = begin
        self._labels = dict(enumerate(data.classes))
        self._side = options.input_size
        self._mean = torch.tensor(settings.mean).view(1, 3, 1, 1)
        self._std = torch.tensor(settings.std).view(1, 3, 1, 1)

    def losses(self, network: nn.Module, images: Tensor, truth: Truth) -> Losses:
        side = float(images.shape[-1])
        labels = []
        for boxes, class_ids, valid in zip(truth.boxes, truth.class_ids, truth.valid, strict=True):
            corners = boxes[valid] / side
            centers, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
            labels.append({"class_labels": class_ids[valid], "boxes": torch.cat([centers, sizes], dim=1)})
        values = (images - self._mean.to(images.device)) / self._std.to(images.device)
        output = network(pixel_values=values, labels=labels)
        parts = output.loss_dict
        zero = output.loss.detach().new_zeros(())
        # the trainer sums a mean over images; these losses are means over boxes
        return Losses(
            output.loss / len(images),
            sum((parts[name].detach() for name in _BOX_LOSSES if name in parts), zero),
            sum((parts[name].detach() for name in _CLASS_LOSSES if name in parts), zero),
            parts["loss_fgl"].detach() if "loss_fgl" in parts else zero,
        )

    def detector(self, average: nn.Module, device: torch.device, dtype: torch.dtype) -> Detector:
        model = copy.deepcopy(average).eval()
        checkpoint = DetrCheckpoint(self._begin.folder, self._begin.family, model, self._labels)
        return DetrDetector(DetrNetwork(checkpoint, device, dtype, self._side))

    def result(self, folder: Path, name: str) -> Path:
        return folder / name

    def write(self, average: nn.Module, folder: Path, name: str) -> None:
        final = self.result(folder, name)
        try:
            with whole_folder(final) as new:
                average.save_pretrained(new)  # type: ignore[operator]
                settings = read_object(self._begin.folder / SETTINGS_FILE, error=WeightsError)
                settings["size"] = {"height": self._side, "width": self._side}
                (new / SETTINGS_FILE).write_text(json.dumps(settings, indent=2))
        except OSError as error:
            raise OutputError(
                f"{final}: cannot be written: {error.strerror or error}; make room or choose another folder"
            ) from error


def _with_classes(begin: DetrCheckpoint, classes: tuple[str, ...], seed: int) -> nn.Module:
    """The same model with a head for `classes`."""
    old = begin.model
    count = old.config.num_labels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        new: nn.Module = type(old)(_config(old.config, classes))
    with torch.device("meta"):
        other = type(old)(_config(old.config, tuple(map(str, range(count + 1)))))
    before, after = old.state_dict(), new.state_dict()
    by_class = {name for name, value in other.state_dict().items() if value.shape != before[name].shape}
    known = {name: column for column, name in begin.labels.items()}
    rows = [(row, known[name]) for row, name in enumerate(classes) if name in known]
    for name, value in after.items():
        if name not in by_class:
            value.copy_(before[name])
            continue
        spare = value.shape[0] - len(classes)  # a row for "none", behind the others
        for row, column in [*rows, *((len(classes) + n, count + n) for n in range(spare))]:
            value[row] = before[name][column]
    new.load_state_dict(after)
    return new


def _config(of: Any, classes: tuple[str, ...]) -> Any:
    config = copy.deepcopy(of)
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: number for number, name in enumerate(classes)}
    return config
