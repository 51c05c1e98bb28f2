# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the default object model, which comes with this package, is trained: from nothing, in three stages.

Small images teach a network the most in little time, so it first sees them at 224 pixels; a teacher hardly sees more
there than the labels say. Then at 320 with a teacher, still with all classes of the data set, as more boxes make better
features; and last at 416 with few classes, which then have the network for themselves, while the learning rate falls
to nothing. Faces that nobody labeled are found by a face detector before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch.distributed as dist

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.detectors.yolov9.detector import create_with_attention
from face_detect_ros.evaluation.coco import detect_all
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.evaluation.matching import PrecisionRecall
from face_detect_ros.training import thresholds
from face_detect_ros.training.data.dataset import DataSet, read_dataset
from face_detect_ros.training.data.found_faces import find_faces, with_found_faces
from face_detect_ros.training.data.held_back import as_annotations
from face_detect_ros.training.learners.start import Architecture, for_detection, take_over
from face_detect_ros.training.learners.teacher import Teacher
from face_detect_ros.training.options import AugmentOptions, LossOptions, TrainOptions
from face_detect_ros.training.session import Task, joined, train
from face_detect_ros.training.trainer import Progress
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

NAME = "yolov9_robot.safetensors"
CLASSES = ("person", "face")
BESIDE = (
    "chair", "couch", "tv", "bottle", "potted plant", "dining table", "cat", "dog", "cup", "car", "laptop", "book",
)  # fmt: skip
"""Learned in the last stage too, but not kept: none has reached an AP50 of 0.35."""
ARCHITECTURE = Architecture("t", self_attention=True, cross_attention=True, auxiliary=False)
HELD_BACK = 150  # of the training images; score thresholds are chosen on them
_LOWEST_SCORE = 0.05


@dataclass(frozen=True)
class Stage:
    """A part of the training.

    Attributes:
        options: Of the training.
        every_class: Learn all classes of the data set, else those that are kept and `BESIDE`.
        taught: With a teacher.
    """

    options: TrainOptions
    every_class: bool = True
    taught: bool = True


SMALL = TrainOptions(
    epochs=19,
    warmup_epochs=3,
    settle_epochs=0,
    batch=64,
    input_size=224,
    optimizer="adamw",
    learning_rate=1.5e-3,
    final_share=1.0,
    momentum=0.9,
    weight_decay=0.05,
    ema_decay=0.999,
    precision="bfloat16",
    augment=AugmentOptions(mosaic=0.5, mixup=0.0, scale=0.5),
)
MIDDLE = replace(
    SMALL, epochs=21, warmup_epochs=0, input_size=320, loss=LossOptions(teacher_scores=1.0)
)  # fmt: skip
LARGE = replace(
    MIDDLE, epochs=41, settle_epochs=3, input_size=416, final_share=0.01,
    augment=replace(SMALL.augment, mosaic=0.6, mixup=0.1, close_up=0.2),
)  # fmt: skip
INPUT_SIZE = 448  # of the model that comes out: it finds more in the held-back images than from 320 to 416
STAGES = {
    "small": Stage(SMALL, taught=False),
    "middle": Stage(MIDDLE),
    "large": Stage(LARGE, every_class=False),
}
PRECISION = {"person": 0.87, "face": 0.85}
"""At the default score threshold; other classes are cut where F1 is best. Persons lose two hundredths of it on dev."""
OVERLAP_FACTOR = 0.5
CLOSE_UP_SIZE = 128  # faces that fill an image are as small there as most in the training images
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 15))


def train_default(
    data: Path,
    teacher: Path,
    output: Path,
    *,
    more: Sequence[Path] = (),
    faces: str = "",
    classes: tuple[str, ...] = CLASSES,
    device: str = "auto",
    on_start: Callable[[Mapping[str, object]], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> Path:
    """Train, or go on; the weights file, in `output`.

    Args:
        data: Folder with `instances_train.json` and `images`.
        teacher: File of a `teacher.Teacher`.
        output: Folder for the weights, their checkpoints and what was found beside.
        more: Further such folders to learn from, none of whose images is held back.
        faces: Face detector of the catalogue that labels the faces that nobody labeled; "": they stay unknown.
        classes: That the model has. The first stages learn all of the data set, the last one these and `BESIDE`.
        device: auto, cpu, cuda or cuda:N.
        on_start: Told before each stage where it computes and how many steps it has.
        on_progress: Told how far a stage is.
        on_epoch: Told the figures of each epoch.

    Raises as `session.train` does.
    """
    # what is wrong with them is better known now than hours later
    labels, learn, held_back = _read(data, more)
    chosen = (*classes, *(name for name in BESIDE if name in learn.classes and name not in classes))
    learned = {
        every_class: (learn.only(names, labels), as_annotations(labels, held_back.only(names, labels)))
        for every_class, names in {True: learn.classes, False: chosen}.items()
    }
    Teacher(teacher, classes)
    if faces:
        catalogue.find(faces, task="faces")
    initial = None
    with joined(device) as (rank, processes, _):
        if faces:
            if rank > 0:
                dist.barrier()  # the first process finds them, the others read what it found
            found = find_faces(
                [learn], output / "found_faces.npz", faces, lambda: catalogue.create(faces, task="faces")
            )
            if rank == 0 and processes > 1:
                dist.barrier()
            learned = {key: (with_found_faces(each, found), back) for key, (each, back) in learned.items()}
        for name, stage in STAGES.items():
            learn, judged_by = learned[stage.every_class]
            task = Task(ARCHITECTURE, learn, judged_by, initial, teacher=teacher if stage.taught else None)
            train(
                task, stage.options, output / name, device=device,
                on_start=on_start, on_progress=on_progress, on_epoch=on_epoch,
            )  # fmt: skip
            initial = output / name / "last.safetensors"
        if rank == 0:
            keep_classes(output / "large/last.safetensors", output / NAME, classes)
            set_thresholds(output / NAME, judged_by)
    return output / NAME


def _read(data: Path, more: Sequence[Path] = ()) -> tuple[Path, DataSet, DataSet]:
    """(labels, to learn from, held back), with all classes."""
    labels = data / "instances_train.json"
    learn, held_back = split(read_dataset(labels, data / "images"))
    others = [
        read_dataset(folder / "instances_train.json", folder / "images", classes=learn.classes).samples
        for folder in more
    ]
    learn = DataSet(learn.classes, (*learn.samples, *(sample for each in others for sample in each)))
    return labels, learn, held_back


def split(dataset: DataSet) -> tuple[DataSet, DataSet]:
    """(to learn from, held back); the same ones every time."""
    count = len(dataset.samples)
    if count <= HELD_BACK:
        raise ConfigError(f"{count} images are too few; {HELD_BACK} are held back")
    held = set(np.random.default_rng(SMALL.seed).permutation(count)[:HELD_BACK].tolist())
    parts = [
        tuple(dataset.samples[number] for number in range(count) if (number in held) == back)
        for back in (False, True)
    ]
    return DataSet(dataset.classes, parts[0]), DataSet(dataset.classes, parts[1])


def keep_classes(trained: Path, kept: Path, classes: tuple[str, ...] = CLASSES) -> None:
    """Write the network with some of its classes only, its matrices in float16.

    Args:
        trained: Weights file of the training.
        kept: Weights file to write; replaced.
        classes: To keep.
    """
    loaded = yolov9_weights.load(trained, attention=True)
    network = for_detection(take_over(loaded, ARCHITECTURE, classes, seed=0))
    yolov9_weights.save(
        kept,
        network,
        classes,
        input_size=INPUT_SIZE,
        halved=True,
        overwrite=True,
        overlap_factor=OVERLAP_FACTOR,
        close_up_size=CLOSE_UP_SIZE,
        close_up_classes=[name for name in classes if name == "face"],
        license="Apache-2.0",
        source="trained from scratch on photos of COCO and PASCAL VOC, taught by YOLOX-nano and YuNet, by make "
        "train-default",
    )


def set_thresholds(weights: Path, annotations: CocoAnnotations) -> None:
    """Move the scores in the file `weights` so that the default threshold suits every class, see `thresholds`."""
    curves = _curves(weights, annotations)
    chosen = {name: thresholds.choose(curve, PRECISION.get(name)) for name, curve in curves.items()}
    known = {name: score for name, score in chosen.items() if score is not None}
    thresholds.move_scores(weights, known, OBJECT_OPTIONS.score_threshold)


def threshold_table(weights: Path, data: Path, classes: tuple[str, ...] = CLASSES) -> list[dict[str, float]]:
    """Rows of `thresholds.table`, over the held-back images."""
    labels, _, held_back = _read(data)
    annotations = as_annotations(labels, held_back.only(classes, labels))
    return thresholds.table(_curves(weights, annotations), THRESHOLDS)


def _curves(weights: Path, annotations: CocoAnnotations) -> dict[str, PrecisionRecall]:
    options = replace(OBJECT_OPTIONS, score_threshold=_LOWEST_SCORE)
    with contextlib.closing(create_with_attention("cpu", weights, "float32")) as detector:
        return thresholds.curves(annotations, detect_all(detector, annotations, options))
