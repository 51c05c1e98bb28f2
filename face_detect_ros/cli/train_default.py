# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros train-default`: the object model that comes with this package, trained again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.training_report import Report


def train_default(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with instances_train.json and images/.")
    ],
    teacher: Annotated[Path, typer.Option(metavar="ONNX", help="YOLOX-nano, as its authors publish it.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the training; made if missing.")],
    more: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Further such folder to learn from; may be given several times."),
    ] = None,
    faces: Annotated[
        str, typer.Option(metavar="NAME", help="Face detector that labels the faces that nobody labeled.")
    ] = "",
    classes: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Classes of the model, with commas between; default: those of the packaged one.",
        ),
    ] = "",
    device: Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Train the object model that comes with this package again, with its recipe and seed: `make train-default`.

    Leaves yolov9_robot.safetensors in the output folder and tells how precision and recall depend on the score
    threshold, on training images that were held back. The same command resumes an interrupted training.

    Exit code: 0; 1 if something could not be read, written or computed; 2 for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        from face_detect_ros.training import default_model

        names = tuple(name.strip() for name in classes.split(",") if name.strip()) or default_model.CLASSES
        report = Report()
        with report.telling_of_a_stop():
            weights = default_model.train_default(
                data, teacher, output, more=more or (), faces=faces, classes=names, device=device,
                on_start=report.start, on_progress=report.progress, on_epoch=report.epoch,
            )  # fmt: skip
        report.done(weights)
        report.thresholds(lambda: default_model.threshold_table(weights, data, names))
