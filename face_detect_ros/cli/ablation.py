# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros ablation`: what attention and PGI are worth on a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes


def ablation(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder with instances_train.json, instances_dev.json and images/."
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the trainings; made if missing.")],
    seeds: Annotated[str, typer.Option(metavar="N,N,...", help="To train with.")] = "0,1",
    epochs: Annotated[int, typer.Option(min=1, help="Of each training.")] = 12,
    input_size: Annotated[int, typer.Option(help="Side in pixels, a multiple of 32.")] = 160,
    classes: Annotated[
        str, typer.Option(metavar="A,B,...", help="Classes to learn; default: all of the labels.")
    ] = "",
    device: Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Train YOLOv9 t without attention, with self-attention, with cross-attention and with both, each with and without
    PGI, all alike, and print what each costs and finds, and what each part adds.

    What the folder holds is not trained again: several of these commands with other seeds may run beside each other,
    and the same one resumes where it stopped.

    Exit code: 0; 1 if something could not be read, written or computed; 2 for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        from face_detect_ros.cli.common.training_report import Report
        from face_detect_ros.cli.train import names_of
        from face_detect_ros.core.errors import ConfigError
        from face_detect_ros.evaluation.coco_annotations import read_annotations
        from face_detect_ros.training import ablation as experiment
        from face_detect_ros.training.data.dataset import read_dataset
        from face_detect_ros.training.default_model import SMALL

        try:
            numbers = [int(seed) for seed in seeds.split(",")]
        except ValueError:
            raise ConfigError(f"--seeds {seeds}: give whole numbers, such as 0,1") from None
        options = replace(
            SMALL, epochs=epochs, warmup_epochs=1, settle_epochs=epochs // 6, input_size=input_size,
            final_share=0.01, evaluate_every=epochs,
        )  # fmt: skip
        dataset = read_dataset(data / "instances_train.json", data / "images", classes=names_of(classes))
        judged_by = read_annotations(data / "instances_dev.json", data / "images")
        report = Report()
        with report.telling_of_a_stop():
            experiment.run(
                dataset, judged_by, {seed: replace(options, seed=seed) for seed in numbers}, output, device=device,
                on_begin=report.begin, on_progress=report.progress,
            )  # fmt: skip
        for line in experiment.table(output, len(dataset.classes), input_size):
            typer.echo(line)
