# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate faces` and `agreement`: how good a face detector is."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.cli.evaluate.options import Device, Engine, Images, Json, Precision
from face_detect_ros.cli.evaluate.printing import print_figures
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, FACE_OPTIONS, OBJECT_OPTIONS
from face_detect_ros.engines.catalogue import AUTO


def faces(
    images: Images,
    annotations: Annotated[
        Path, typer.Option(metavar="FILE", help="COCO JSON with a category 'face', or imglab's XML.")
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Face detector, or an object detector with a class face.")
    ] = DEFAULT_MODEL["faces"],
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = AUTO,
    score_threshold: Annotated[
        float | None,
        typer.Option(
            help="Score from which detections count for precision and recall; default: that of the detector's task."
        ),
    ] = None,
    min_size_px: Annotated[
        int | None,
        typer.Option(
            help="Smallest width or height looked for, in pixels; default: chosen by the face detector and the "
            f"image's size, or {OBJECT_OPTIONS.min_size_px} for an object detector."
        ),
    ] = None,
    min_face_px: Annotated[
        int, typer.Option(help="Labeled faces with a shorter side below this do not count, in pixels.")
    ] = 12,
    iou: Annotated[float, typer.Option(help="Overlap from which a detection has found a face.")] = 0.5,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """Precision, recall and average precision of a face detector.

    Precision, recall, F1 and AP (area under the interpolated curve) are those of the images in which every face is
    labeled: all, or those marked "face_complete" where the annotations have that field. "labeled" is the recall in
    all images with labels. Crowds (iscrowd) count neither way.

    Exit code: 0; 1 if an image could not be read or the detector failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.detectors.class_filter import class_ids
        from face_detect_ros.evaluation.faces import FaceEvaluationOptions, evaluate_faces
        from face_detect_ros.evaluation.labels import read_labels
        from face_detect_ros.evaluation.mistakes import Mistakes, examples

        entry = catalogue.CATALOGUE.get(model.partition(":")[0])
        task = entry.task if entry else "faces"
        catalogue.find(model, task=task)
        given: dict[str, Any] = {"score_threshold": score_threshold, "min_size_px": min_size_px}
        given = {name: value for name, value in given.items() if value is not None}
        detect_options = replace(catalogue.default_options(model, task=task), **given)
        options = FaceEvaluationOptions(iou, min_face_px)
        labeled = read_labels(annotations, images)
        with contextlib.closing(
            catalogue.create(model, task=task, device=device, precision=precision, engine=engine)
        ) as detector:
            if task == "objects":
                detect_options = replace(detect_options, class_ids=class_ids("face", detector.labels))
            detector.warmup()
            mistakes: list[Mistakes] = []
            with progress_bar(model, len(labeled)) as advance:
                figures = evaluate_faces(detector, labeled, detect_options, options, advance, mistakes.append)
            figures |= {"model": model, "device": detector.device}
        shown = examples(mistakes, [each.path for each in labeled]) if report is not None else ()
        write_page(report, f"Face detector {model}", figures, shown)
        print_figures(figures, json)


def agreement(
    images: Images,
    model: Annotated[str, typer.Option(metavar="NAME", help="Face detector.")] = "mmod",
    reference: Annotated[
        str, typer.Option(metavar="NAME", help="Face detector to compare it with.")
    ] = "dlib_cnn",
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = AUTO,
    score_threshold: Annotated[
        float, typer.Option(help="Score from which faces count.")
    ] = FACE_OPTIONS.score_threshold,
    min_size_px: Annotated[
        int, typer.Option(help="Smallest width or height that they look for, in pixels; 0: each its own.")
    ] = FACE_OPTIONS.min_size_px,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """Whether a face detector finds the same faces as another one.

    The same: boxes that overlap by 0.95. missed and extra: what only the reference or only the model found. dlib_cnn
    shrinks images above 2.1 megapixels and then finds other faces; compare on smaller ones.

    Exit code: 0; 1 if an image could not be read or a detector failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.agreement import evaluate_agreement
        from face_detect_ros.images.reading import image_files

        options = replace(catalogue.FACE_OPTIONS, score_threshold=score_threshold, min_size_px=min_size_px)
        catalogue.find(reference, task="faces")
        paths = image_files(images)
        if not paths:
            raise ConfigError(f"{images}: no images in this folder")
        with (
            contextlib.closing(
                catalogue.create(model, task="faces", device=device, precision=precision, engine=engine)
            ) as detector,
            contextlib.closing(catalogue.create(reference, task="faces")) as other,
            progress_bar(model, len(paths)) as advance,
        ):
            figures = evaluate_agreement(detector, other, paths, options, advance)
            about = {"model": model, "reference_model": reference, "device": detector.device}
        figures |= {**about, "min_size_px": min_size_px, "score_threshold": score_threshold}
        write_page(report, f"{model} beside {reference}", figures)
        print_figures(figures, json)
