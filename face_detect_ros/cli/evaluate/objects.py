# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate coco`: how good an object detector is."""

from __future__ import annotations

import contextlib
import json as json_format
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.cli.evaluate.options import Device, Engine, Images, Json, Precision
from face_detect_ros.cli.evaluate.printing import print_figures
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.engines.catalogue import AUTO

if TYPE_CHECKING:
    from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
    from face_detect_ros.evaluation.mistakes import Mistakes

_COCO_SCORE = 0.001  # precision is wanted at every recall that can be had
_COCO_DETECTIONS = 100
_WORST = 20  # images
_SHOWN = 15  # confusions


def coco(
    images: Images,
    annotations: Annotated[Path, typer.Option(metavar="FILE", help="Object boxes in COCO JSON.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Object detector; default: that of `detect`.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = AUTO,
    input_size: Annotated[
        int, typer.Option(help="Longest side of what the network sees, in pixels; 0: the model's own.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=0, help="Use the first N images only; 0: all.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 1,
    max_detections: Annotated[
        int, typer.Option(help="Most detections of an image; COCO counts 100.")
    ] = _COCO_DETECTIONS,
    score_threshold: Annotated[
        float, typer.Option(help="Lowest score of a detection; much above 0 the AP falls.")
    ] = _COCO_SCORE,
    iou_threshold: Annotated[
        float, typer.Option(help="Overlap of two boxes of one class above which the worse one goes.")
    ] = OBJECT_OPTIONS.iou_threshold,
    mistakes_from: Annotated[
        float, typer.Option(help="Score from which detections count as mistakes.")
    ] = OBJECT_OPTIONS.score_threshold,
    worst: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help=f"Save the {_WORST} images with most mistakes there, drawn on them."
        ),
    ] = None,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """Average precision (AP) of an object detector, as COCO measures it.

    Classes are matched by name; common other spellings (tv, tvmonitor) are known. Those that the model lacks are left
    out of the mean and listed in "left_out". Crowds (iscrowd) count neither way; nor does an image for a class that it
    is not labeled for (fields <class>_labeled or <class>_complete that are false, or not_exhaustive_category_ids).
    images_per_s: of the detector alone, with its pre- and post-processing, without reading images.

    "confusion" counts what was labeled and what was found there, of boxes that overlap by half; null: nothing.

    Exit code: 0; 1 if an image could not be read or the detector failed; 2 for bad arguments or annotations.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.coco import detect_all, figures
        from face_detect_ros.evaluation.coco_annotations import read_annotations
        from face_detect_ros.evaluation.mistakes import confusion, examples, find_mistakes

        name = model or catalogue.default_model("objects")
        catalogue.find(name, task="objects")
        options = replace(
            catalogue.OBJECT_OPTIONS,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
        )
        labeled = read_annotations(annotations, images, limit=limit)
        opened = catalogue.create(
            name,
            task="objects",
            device=device,
            precision=precision,
            input_size=input_size,
            engine=engine,
            classes=", ".join(labeled.categories),
        )
        with contextlib.closing(opened) as detector:
            detector.warmup()
            with progress_bar(name, len(labeled.images)) as advance:
                found = detect_all(detector, labeled, options, batch=batch, advance=advance)
            about = {"model": name, "device": detector.device}
        mistakes = find_mistakes(labeled, found, mistakes_from)
        record = {
            **figures(labeled, found, max_detections),
            "confusion": confusion(mistakes, labeled.categories),
            **about,
        }
        shown = examples(mistakes, [each.path for each in labeled.images]) if report is not None else ()
        write_page(report, f"Object detector {name}", record, shown)
        if worst is not None:
            _save_worst(mistakes, labeled, worst)
        if json:
            typer.echo(json_format.dumps(record))
        else:
            _print_coco(record)


def _save_worst(mistakes: Sequence[Mistakes], annotations: CocoAnnotations, folder: Path) -> None:
    from face_detect_ros.cli.common.media import MediaFile
    from face_detect_ros.cli.common.results import OutputFolder
    from face_detect_ros.evaluation.mistakes import worst
    from face_detect_ros.images.reading import read_image

    chosen = worst(mistakes, _WORST)
    paths = [annotations.images[each.image].path for each in chosen]
    media = [
        MediaFile(path, Path(f"{place:02}_{len(each.captions)}_mistakes_{path.name}"))
        for place, (path, each) in enumerate(zip(paths, chosen, strict=True), 1)
    ]
    results = OutputFolder(folder, media)
    for item, each in zip(media, chosen, strict=True):
        results.save_image(item, each.paint(read_image(item.path)))
    typer.echo(f"{len(chosen)} images with most mistakes: {folder}", err=True)


def _print_coco(figures: dict[str, Any]) -> None:
    """Of the whole set first, then a row for each class, then what was taken for what."""
    per_class = figures.pop("per_class")
    confused = [row for row in figures.pop("confusion") if row["labeled"] != row["found"]]
    left_out = ", ".join(figures.pop("left_out")) or "none"
    print_figures({**figures, "left_out": left_out}, False)
    width = max(map(len, per_class))
    typer.echo(f"\n{'class':<{width}}  boxes     AP   AP50")
    for name, row in per_class.items():
        ap, ap50 = ("-" if row[key] is None else f"{row[key]:.3f}" for key in ("AP", "AP50"))
        typer.echo(f"{name:<{width}} {row['boxes']:>6} {ap:>6} {ap50:>6}")
    if confused:
        typer.echo("\nmost frequent mistakes: labeled, found, count")
    for row in confused[:_SHOWN]:
        typer.echo(f"{row['labeled'] or '-'}, {row['found'] or '-'}, {row['count']}")
