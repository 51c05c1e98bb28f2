# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros train`: a detector learns from labeled images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.training_report import Report
from face_detect_ros.training.options import OPTIMIZERS, AugmentOptions, TrainOptions

if TYPE_CHECKING:
    pass

_DETR_SUITS: dict[str, Any] = {
    "optimizer": "adamw",
    "learning_rate": 1e-4,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "clip_norm": 0.1,
    "augment": AugmentOptions(mosaic=0.0, mixup=0.0),
}


def train(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS", help="COCO JSON, or the YAML of YOLO's folders.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the training; made if missing.")],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the images, for COCO JSON.")
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(metavar="LABELS", help="Labels to evaluate on; default: the YAML's split val."),
    ] = None,
    val_images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Their images; default: those of --images.")
    ] = None,
    classes: Annotated[
        str, typer.Option(metavar="A,B,...", help="Classes to learn, in this order; default: all of LABELS.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="yolov9-t, -s, -m, -c or -e, with or without -attn; or, to fine-tune it, an RT-DETR or D-FINE of the "
            "catalogue, or detr:FOLDER.",
        ),
    ] = "yolov9-t-attn",
    init: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Weights to begin with: a model of the catalogue, or a file of any format that yolov9:FILE takes.",
        ),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            metavar="ONNX",
            help="A YOLOX as its authors export it, which knows some of the classes: teaches a YOLOv9 beside labels.",
        ),
    ] = None,
    auxiliary: Annotated[bool, typer.Option(help="Train with PGI's auxiliary branch.")] = True,
    freeze: Annotated[
        str, typer.Option(metavar="A,B,...", help="Parts that stay as they are, such as backbone.")
    ] = "",
    epochs: Annotated[
        int | None, typer.Option(help=f"Times through the images; default {TrainOptions.epochs}.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help=f"Images a step; default {TrainOptions.batch}.")] = None,
    input_size: Annotated[
        int | None,
        typer.Option(
            help=f"Side in pixels that the network sees, a multiple of 32; default {TrainOptions.input_size}."
        ),
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help=f"{' or '.join(OPTIMIZERS)}; default {TrainOptions.optimizer}.")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help=f"At its highest; default {TrainOptions.learning_rate}, which suits sgd (adamw: a tenth)."
        ),
    ] = None,
    evaluate_every: Annotated[
        int | None, typer.Option(help=f"Epochs between evaluations; default {TrainOptions.evaluate_every}.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help=f"Of everything random; default {TrainOptions.seed}.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help=f"auto, float32, bfloat16 or float16; default {TrainOptions.precision}."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int, typer.Option(help="That prepare images; 0: one for each core.")] = 0,
    license: Annotated[str, typer.Option(help="Of the weights, written into their file.")] = "",
) -> None:
    """Train a YOLOv9, with or without attention, on your own images.

    \b
    face_detect_ros train labels.json --images photos/ --val held_back.json --output run1/
    face_detect_ros train data.yaml --init yolov9-t --output run2/

    DIR gets best.safetensors and last.safetensors (use them as yolov9:FILE, or yolov9-attn:FILE for a model with
    attention), report.html (curves, confusion, the images with most mistakes), curve.csv, curve.png, best.json, worst/
    and state.pt. The same command continues a training that was ended by Ctrl-C, a crash or kill -9, with the images
    that would have come next. Several GPUs: torchrun --nproc-per-node N -m face_detect_ros.cli.app train ...

    Classes that an image is not labeled for (fields <class>_labeled or <class>_complete that are false, or
    not_exhaustive_category_ids) are not learned to be absent there; crowds (iscrowd) are left out of the loss.

    Exit code: 0; 1 if something could not be read, written or computed; 2 for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.core.errors import ConfigError
        from face_detect_ros.training.data.dataset import read_dataset
        from face_detect_ros.training.data.held_back import read_held_back
        from face_detect_ros.training.learners.start import Architecture
        from face_detect_ros.training.session import Task, train
        from face_detect_ros.training.starting_weights import fine_tuned, initial_weights

        given: dict[str, Any] = {
            "epochs": epochs, "batch": batch, "input_size": input_size, "optimizer": optimizer,
            "learning_rate": learning_rate, "evaluate_every": evaluate_every, "seed": seed, "precision": precision,
            "freeze": names_of(freeze),
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None}
        folder = fine_tuned(model)
        if folder is not None and init is not None:
            raise ConfigError(f"--init {init}: {model} begins with its own weights; leave --init out")
        if folder is not None and teacher is not None:
            raise ConfigError(f"--teacher {teacher}: {model} learns from labels alone; leave --teacher out")
        options = TrainOptions(**({} if folder is None else _DETR_SUITS) | given)
        architecture = folder or Architecture.named(model, auxiliary=auxiliary)
        if val is None and images is not None:
            raise ConfigError("give --val too: labels of images to judge the training by")
        dataset = read_dataset(data, images, classes=names_of(classes))
        held_back = read_held_back(val or data, (val_images or images) if val is not None else None)
        report = Report()
        report.data(dataset.remarks, len(dataset.samples), dataset.counts())
        source = f"trained on {data.name}" + (f", taught by {teacher.name}" if teacher is not None else "")
        task = Task(architecture, dataset, held_back, initial_weights(init), license, source, teacher)
        with report.telling_of_a_stop():
            _, best = train(
                task, options, output, device=device, threads=threads,
                on_start=report.start, on_progress=report.progress, on_epoch=report.epoch,
            )  # fmt: skip
        report.done(best, output)


def names_of(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
