# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate attention`: how well heat maps explain detections."""

from __future__ import annotations

import contextlib
import json as json_format
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.cli.evaluate.options import Device, Engine, Images, Json, Precision
from face_detect_ros.engines.catalogue import AUTO


def attention(
    images: Images,
    annotations: Annotated[Path, typer.Option(metavar="FILE", help="Object boxes in COCO JSON.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Object detector with heat maps; default: that of `detect`."),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = AUTO,
    limit: Annotated[int, typer.Option(min=0, help="Use the first N images only; 0: all.", metavar="N")] = 0,
    score_threshold: Annotated[
        float | None,
        typer.Option(help="Lowest score of a detection that is measured; default: the model's."),
    ] = None,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """How well heat maps, as on ~/attention, explain the detections that found a labeled box.

    pointing_game: share of the maps whose greatest value lies inside the labeled box. energy_inside: part of a map
    inside it. deletion: the area under the detection's score while the image is painted over, greatest values of the
    map first; less is better. All are means from 0 to 1 for each class. baselines: the same of a bump in the middle of
    the detected box and of a random map.

    Each detection costs about thirty runs of the network.

    Exit code: 0; 1 if an image could not be read or the detector failed; 2 for bad arguments or annotations.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.core.errors import ConfigError
        from face_detect_ros.core.protocols import AttentionSource
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.attention import evaluate_attention
        from face_detect_ros.evaluation.coco_annotations import read_annotations

        name = model or catalogue.default_model("objects")
        catalogue.find(name, task="objects")
        options = catalogue.default_options(name, task="objects")
        if score_threshold is not None:
            options = replace(options, score_threshold=score_threshold)
        labeled = read_annotations(annotations, images, limit=limit)
        opened = catalogue.create(name, task="objects", device=device, precision=precision, engine=engine)
        with contextlib.closing(opened) as detector:
            if not isinstance(detector, AttentionSource):
                raise ConfigError(
                    f"{name} has no heat maps; choose YOLOv9 (not as ONNX) or one of the DETR family"
                )
            detector.warmup()
            with progress_bar(name, len(labeled.images)) as advance:
                figures = evaluate_attention(detector, labeled, options, advance)
            figures |= {"model": name, "device": detector.device}
        write_page(report, "Heat maps", figures)
        if json:
            typer.echo(json_format.dumps(figures))
        else:
            print_table(figures)


def print_table(figures: dict[str, Any]) -> None:
    """Print what `evaluate_attention` gives, with the model and its device, for people."""
    rows = {"heat map": figures, **figures["baselines"]}
    typer.echo(f"{figures['model']} on {figures['device']}: {figures['images']} images")
    for name, count in figures["detections"].items():
        typer.echo(f"\n{name}: {count} detections   pointing game  energy inside  deletion (less is better)")
        for kind, measured in rows.items():
            pointing, energy, deletion = (
                measured[measure][name] for measure in ("pointing_game", "energy_inside", "deletion")
            )
            typer.echo(f"  {kind.replace('_', ' '):<26} {pointing:>13.3f} {energy:>14.3f} {deletion:>9.3f}")
