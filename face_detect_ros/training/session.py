# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A training put together from its parts, in a folder of its own."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import torch
import torch.distributed as dist
from torch import nn

from face_detect_ros.core.errors import ConfigError, DetectorError, DeviceError, OutputError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.evaluation.class_names import matching
from face_detect_ros.evaluation.coco import Found, boxes_that_count, detect_all
from face_detect_ros.evaluation.coco import figures as coco_figures
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.nn import devices
from face_detect_ros.training import best
from face_detect_ros.training.data.dataset import DataSet
from face_detect_ros.training.data.loader import BatchLoader, ImageStore
from face_detect_ros.training.learners.protocol import Learner
from face_detect_ros.training.learners.start import Architecture
from face_detect_ros.training.learners.yolov9 import YoloV9Learner
from face_detect_ros.training.options import TrainOptions
from face_detect_ros.training.state import alone_in
from face_detect_ros.training.trainer import BEST, MEASURE, Progress, Trainer

_log = logging.getLogger(__name__)
_SMALLEST_BFLOAT16_PX = 64
_LARGER = 1.25  # images are kept this much larger than they are shown: mosaics enlarge
# as COCO is evaluated
_EVALUATION = DetectOptions(score_threshold=0.001, iou_threshold=0.7, max_detections=100)


@dataclass(frozen=True)
class Task:
    """What to train, and on what.

    Attributes:
        architecture: Of a YOLOv9, or the folder (or hub name) of a model of the RT-DETR family to fine-tune.
        train: Images to learn from.
        held_back: Images to evaluate on.
        initial: Weights file that a YOLOv9 starts from; None starts from random weights.
        license, source: Written into the weights file.
        teacher: ONNX file of a YOLOX whose scores teach the YOLOv9 in addition to the labels.
    """

    architecture: Architecture | Path
    train: DataSet
    held_back: CocoAnnotations
    initial: Path | None = None
    license: str = ""
    source: str = ""
    teacher: Path | None = None


def train(
    task: Task,
    options: TrainOptions,
    folder: Path,
    *,
    device: str = "auto",
    threads: int = 0,
    on_start: Callable[[Mapping[str, object]], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> tuple[list[dict[str, float]], Path]:
    """Train a model, or continue the training in `folder`.

    Under torchrun each process takes its share of the images and its GPU.

    Args:
        task: What to train, and on what.
        options: Settings of the training.
        folder: Of this training; made if it does not exist.
        device: "auto", "cpu", "cuda" or "cuda:N".
        threads: Threads that prepare images, per process; 0 uses as many as there are cores.
        on_start: Called once with device, precision, steps per epoch and whether a training is continued.
        on_progress: Called after each step.
        on_epoch: Called with the figures of each epoch.

    Returns:
        The rows of the learning curve, and the path of the best model.

    Raises:
        ConfigError, DeviceError, WeightsError, SourceError: Something given cannot be used.
        OutputError: The folder cannot be written.
        TrainingError: The loss is not finite, or the folder holds another training.
        KeyboardInterrupt: The training was asked to stop; everything is saved.
    """
    _check_held_back(task)
    with joined(device) as (rank, processes, place):
        beside = int(
            os.environ.get("LOCAL_WORLD_SIZE", "1")
        )  # processes that share this machine, this one too
        if options.batch % processes:
            raise ConfigError(
                f"batch {options.batch} cannot be shared by {processes} processes; give a multiple"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: {error.strerror or error}; choose another folder") from error
        classes = task.train.classes
        learner: Learner
        if isinstance(task.architecture, Path):
            from face_detect_ros.training.learners.detr import (  # transformers takes seconds to import
                DetrLearner,
            )

            if options.precision not in ("auto", "float32"):
                raise ConfigError(
                    f"precision {options.precision}: models of the RT-DETR family are trained in float32"
                )
            dtype = torch.float32
            learner = DetrLearner(task.architecture, task.train, options)
            model: object = task.architecture.name
        else:
            dtype = _choose_dtype(options, place)
            learner = YoloV9Learner(
                task.architecture, task.initial, classes, options, task.license, task.source, task.teacher
            )
            model = vars(task.architecture)

        # many small images at once: OpenCV's own threads would only be in each other's way
        cv2.setNumThreads(1)
        store = ImageStore(task.train, round(options.input_size * _LARGER), processes=beside)
        loader = BatchLoader(
            store,
            len(classes),
            side=options.input_size,
            batch=options.batch // processes,
            seed=options.seed,
            threads=threads or max(1, (os.cpu_count() or 1) // beside),
            rank=rank,
            processes=processes,
            apart=place.type == "cuda",
        )

        evaluated: list[tuple[Found, dict[str, Any]]] = []  # the latest

        def evaluate(average: nn.Module) -> dict[str, float]:
            detector = learner.detector(average, place, dtype)
            try:
                found = detect_all(detector, task.held_back, _EVALUATION, batch=min(8, options.batch))
            except DetectorError as error:
                # after a few steps normalizations may not know their statistics: nothing is finite
                _log.warning("the average cannot be evaluated, which counts as an AP of 0: %s", error)
                evaluated.clear()
                return {MEASURE: 0.0}
            figures = coco_figures(task.held_back, found, _EVALUATION.max_detections)
            evaluated[:] = [(found, figures)]
            return {
                name: value for name, value in figures.items() if name.startswith("AP") and value is not None
            }

        def show_best(row: Mapping[str, float]) -> None:
            for found, figures in evaluated:
                best.write(folder, int(row["epoch"]), task.held_back, found, figures)

        def names(numbers: tuple[int, ...]) -> str:
            return ", ".join(str(task.train.samples[number].path) for number in numbers)

        with contextlib.closing(loader), alone_in(folder) if rank == 0 else contextlib.nullcontext():
            trainer = Trainer(
                learner,
                loader,
                options,
                folder,
                device=place,
                dtype=dtype,
                evaluate=evaluate,
                depends_on={
                    "model": model,
                    "classes": classes,
                    "init": task.initial and task.initial.name,
                    "teacher": task.teacher and task.teacher.name,
                    "data": task.train.digest(),
                },
                name_images=names,
                on_progress=on_progress if rank == 0 else lambda _: None,
                on_epoch=on_epoch,
                on_best=show_best,
            )
            resumed = trainer.restore()
            if rank == 0:
                on_start({"device": place, "precision": dtype, "steps": loader.steps, "resumed": resumed})
            return trainer.run(), learner.result(folder, BEST)


def _choose_dtype(options: TrainOptions, device: torch.device) -> torch.dtype:
    """As `devices.choose_dtype`, but "auto" is bfloat16 wherever it can be: gradients overflow float16.

    Raises ConfigError for bfloat16 on a CPU with an input so small that the coarsest map has one cell: oneDNN's
    gradients of such a convolution's weights are not numbers (seen with PyTorch 2.9).
    """
    tiny = device.type == "cpu" and options.input_size < _SMALLEST_BFLOAT16_PX
    if options.precision == "auto" and not tiny:
        with contextlib.suppress(DeviceError):
            return devices.choose_dtype("bfloat16", device)
    if options.precision == "auto":
        return torch.float32 if tiny else devices.choose_dtype("auto", device)
    if options.precision == "bfloat16" and tiny:
        raise ConfigError(
            f"input_size {options.input_size} cannot be trained in bfloat16 on a CPU; give precision float32, or an "
            f"input_size of {_SMALLEST_BFLOAT16_PX} or more"
        )
    return devices.choose_dtype(options.precision, device)


def _check_held_back(task: Task) -> None:
    """Check for boxes to evaluate on now rather than at the first evaluation. Raises ConfigError."""
    judged = set(matching(task.held_back.categories, task.train.classes).values())
    if not any(box.category in judged and not box.crowd for box in boxes_that_count(task.held_back)):
        raise ConfigError(
            f"{task.held_back.file}: no boxes of {', '.join(task.train.classes)} in it to judge the training by; "
            "give labels that have some"
        )


@contextlib.contextmanager
def joined(device: str) -> Iterator[tuple[int, int, torch.device]]:
    """Join the processes of torchrun, if there are any. Yields (rank, processes, device) of this process.

    Several trainings in one program share one process group.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        yield 0, 1, devices.choose_device(device)
        return
    if device in ("auto", "cuda") and torch.cuda.is_available():
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    place = devices.choose_device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if dist.is_initialized():
        yield dist.get_rank(), processes, place
        return
    # the others wait while the first one evaluates, which may take longer than the usual ten minutes
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=timedelta(hours=3))
    try:
        yield dist.get_rank(), processes, place
    finally:
        dist.destroy_process_group()
