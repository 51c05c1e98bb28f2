# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the default object model, which comes with this package, is trained: from nothing, in three stages.

Small images teach a network the most in little time, so it first sees them at 192 pixels; a teacher hardly sees more
there than the labels say. Then at 256 with a teacher, still with all classes of the data set, as more boxes make better
features; and last at 288 with the classes that are kept, which then have the network for themselves, while the learning
rate falls to nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.detectors.yolov9.detector import create_with_attention
from face_detect_ros.evaluation.coco import detect_all
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.evaluation.matching import PrecisionRecall
from face_detect_ros.training import thresholds
from face_detect_ros.training.data.dataset import DataSet, read_dataset
from face_detect_ros.training.data.held_back import as_annotations
from face_detect_ros.training.learners.start import Architecture, for_detection, take_over
from face_detect_ros.training.learners.teacher import Teacher
from face_detect_ros.training.options import AugmentOptions, TrainOptions
from face_detect_ros.training.session import Task, joined, train
from face_detect_ros.training.trainer import Progress
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

NAME = "yolov9_robot.safetensors"
CLASSES = ("person", "face")
ARCHITECTURE = Architecture("t", self_attention=True, cross_attention=True, auxiliary=False)
HELD_BACK = 150  # of the training images; score thresholds are chosen on them
_LOWEST_SCORE = 0.05


@dataclass(frozen=True)
class Stage:
    """classes: that are learned; none: all of the data set. taught: with a teacher."""

    options: TrainOptions
    classes: tuple[str, ...] = ()
    taught: bool = True


SMALL = TrainOptions(
    epochs=53,
    warmup_epochs=2,
    settle_epochs=0,
    batch=16,
    input_size=192,
    optimizer="adamw",
    learning_rate=1e-3,
    final_share=1.0,
    momentum=0.9,
    weight_decay=0.02,
    ema_decay=0.999,
    precision="bfloat16",
    augment=AugmentOptions(mosaic=0.5, mixup=0.0, scale=0.5),
)
MIDDLE = replace(SMALL, epochs=9, warmup_epochs=0, input_size=256)
LARGE = replace(
    MIDDLE, epochs=40, settle_epochs=5, input_size=288, final_share=0.01,
    augment=replace(SMALL.augment, close_up=0.2),
)  # fmt: skip
INPUT_SIZE = 416  # of the model that comes out: it finds more in the held-back images than from 288 to 384
STAGES = {"small": Stage(SMALL, taught=False), "middle": Stage(MIDDLE), "large": Stage(LARGE, CLASSES)}
PRECISION = {"person": 0.85, "face": 0.85}
"""At the default score threshold; other classes are cut where F1 is best."""
OVERLAP_FACTOR = 0.5
CLOSE_UP_SIZE = 128  # faces that fill an image are as small there as most in the training images
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 15))


def train_default(
    data: Path,
    teacher: Path,
    output: Path,
    *,
    more: Sequence[Path] = (),
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
        more: Further such folders to learn from, none of whose images is held back.
        classes: That the model has; those of the first stages are all of the data set.

    Raises as `session.train` does.
    """
    # what is wrong with them is better known now than hours later
    learned = {name: classes if stage.classes else () for name, stage in STAGES.items()}
    pictures = {each: _read(data, each, more) for each in set(learned.values())}
    Teacher(teacher, classes)
    initial = None
    with joined(device) as (rank, _, _):
        for name, stage in STAGES.items():
            learn, judged_by = pictures[learned[name]]
            taught_by = teacher if stage.taught else None
            task = Task(ARCHITECTURE, learn, judged_by, initial, teacher=taught_by)
            train(
                task, stage.options, output / name, device=device, threads=1,
                on_start=on_start, on_progress=on_progress, on_epoch=on_epoch,
            )  # fmt: skip
            initial = output / name / "last.safetensors"
        if rank == 0:
            keep_classes(output / "large/last.safetensors", output / NAME, classes)
            set_thresholds(output / NAME, pictures[classes][1])
    return output / NAME


def _read(
    data: Path, classes: tuple[str, ...] = (), more: Sequence[Path] = ()
) -> tuple[DataSet, CocoAnnotations]:
    """(to learn from, held back), with these classes or all."""
    labels = data / "instances_train.json"
    learn, held_back = split(read_dataset(labels, data / "images", classes=classes))
    others = [
        read_dataset(folder / "instances_train.json", folder / "images", classes=learn.classes).samples
        for folder in more
    ]
    learn = DataSet(learn.classes, (*learn.samples, *(sample for each in others for sample in each)))
    return learn, as_annotations(labels, held_back)


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
    """Write the network with these classes only, its matrices in float16."""
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
        source="trained from nothing on COCO photos, taught by YOLOX-nano, by make train-default",
    )


def set_thresholds(weights: Path, annotations: CocoAnnotations) -> None:
    """Move the scores in the file `weights` so that the default threshold suits every class, see `thresholds`."""
    curves = _curves(weights, annotations)
    chosen = {name: thresholds.choose(curve, PRECISION.get(name)) for name, curve in curves.items()}
    known = {name: score for name, score in chosen.items() if score is not None}
    thresholds.move_scores(weights, known, OBJECT_OPTIONS.score_threshold)


def threshold_table(weights: Path, data: Path, classes: tuple[str, ...] = CLASSES) -> list[dict[str, float]]:
    """Rows of `thresholds.table`, over the held-back images."""
    return thresholds.table(_curves(weights, _read(data, classes)[1]), THRESHOLDS)


def _curves(weights: Path, annotations: CocoAnnotations) -> dict[str, PrecisionRecall]:
    options = replace(OBJECT_OPTIONS, score_threshold=_LOWEST_SCORE)
    with contextlib.closing(create_with_attention("cpu", weights, "float32")) as detector:
        return thresholds.curves(annotations, detect_all(detector, annotations, options))
