# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate`: how good a model is on labeled images and sequences."""

from __future__ import annotations

import contextlib
import json as json_format
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.cli.evaluate_tracking import tracking
from face_detect_ros.cli.exits import exit_codes
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, FACE_OPTIONS, OBJECT_OPTIONS
from face_detect_ros.engines.catalogue import AUTO, CHOICES
from face_detect_ros.faces.embedders.catalogue import DEFAULT as DEFAULT_EMBEDDER

if TYPE_CHECKING:
    from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
    from face_detect_ros.evaluation.mistakes import Mistakes

_COCO_SCORE = 0.001  # precision is wanted at every recall that can be had
_COCO_DETECTIONS = 100
_WORST = 20  # images
_SHOWN = 15  # confusions

app = typer.Typer(
    help="Measure how good a model or tracker is on labeled images.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(tracking)
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
Images = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the images.")]
Device = Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str, typer.Option(help="Numbers: auto, float32, bfloat16 or float16.")]
Engine = Annotated[str, typer.Option(help=f"What computes the network: {', '.join(CHOICES)}.")]


@app.command()
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
) -> None:
    """Precision, recall and average precision of a face detector.

    Precision, recall, F1 and AP (area under the interpolated curve) are those of the images in which every face is
    labeled: all, or those marked "face_complete" where the annotations have that field. "labeled" is the recall in
    all images with labels. Crowds (iscrowd) count neither way.

    Exit code: 0; 1 if an image could not be read or the detector failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.detectors.class_filter import class_ids
        from face_detect_ros.evaluation.faces import FaceEvaluationOptions, evaluate_faces
        from face_detect_ros.evaluation.labels import read_labels

        entry = catalogue.CATALOGUE.get(model.partition(":")[0])
        task = entry.task if entry else "faces"
        catalogue.find(model, task=task)
        given: dict[str, Any] = {"score_threshold": score_threshold, "min_size_px": min_size_px}
        given = {name: value for name, value in given.items() if value is not None}
        detect_options = replace(catalogue.default_options(model, task=task), **given)
        options = FaceEvaluationOptions(iou, min_face_px)
        pictures = read_labels(annotations, images)
        with contextlib.closing(
            catalogue.create(model, task=task, device=device, precision=precision, engine=engine)
        ) as detector:
            if task == "objects":
                detect_options = replace(detect_options, class_ids=class_ids("face", detector.labels))
            detector.warmup()
            with progress_bar(model, len(pictures)) as advance:
                figures = evaluate_faces(detector, pictures, detect_options, options, advance)
            _print({"model": model, "device": detector.device, **figures}, json)


@app.command()
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
    limit: Annotated[int, typer.Option(min=0, help="Of the first so many images; 0: of all.")] = 0,
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
        from face_detect_ros.cli.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.coco import detect_all, figures
        from face_detect_ros.evaluation.coco_annotations import read_annotations
        from face_detect_ros.evaluation.mistakes import confusion, find_mistakes

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
        )
        with contextlib.closing(opened) as detector:
            detector.warmup()
            with progress_bar(name, len(labeled.pictures)) as advance:
                found = detect_all(detector, labeled, options, batch=batch, advance=advance)
            about = {"model": name, "device": detector.device}
        mistakes = find_mistakes(labeled, found, mistakes_from)
        record = {
            **figures(labeled, found, max_detections),
            "confusion": confusion(mistakes, labeled.categories),
            **about,
        }
        if worst is not None:
            _save_worst(mistakes, labeled, worst)
        if json:
            typer.echo(json_format.dumps(record))
        else:
            _print_coco(record)


@app.command()
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
) -> None:
    """Whether a face detector finds the same faces as another one.

    The same: boxes that overlap by 0.95. missed and extra: what only the reference or only the model found. dlib_cnn
    shrinks images above 2.1 megapixels and then finds other faces; compare on smaller ones.

    Exit code: 0; 1 if an image could not be read or a detector failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.agreement import evaluate_agreement
        from face_detect_ros.images.reading import image_files

        options = replace(catalogue.FACE_OPTIONS, score_threshold=score_threshold, min_size_px=min_size_px)
        catalogue.find(reference, task="faces")
        pictures = image_files(images)
        with (
            contextlib.closing(
                catalogue.create(model, task="faces", device=device, precision=precision, engine=engine)
            ) as detector,
            contextlib.closing(catalogue.create(reference, task="faces")) as other,
            progress_bar(model, len(pictures)) as advance,
        ):
            figures = evaluate_agreement(detector, other, pictures, options, advance)
            about = {"model": model, "reference_model": reference, "device": detector.device}
        _print({**figures, **about, "min_size_px": min_size_px, "score_threshold": score_threshold}, json)


@app.command()
def lfw(
    images: Images,
    pairs: Annotated[Path, typer.Option(metavar="FILE", help="List of pairs in LFW's format.")],
    embedder: Annotated[
        str, typer.Option(metavar="NAME", help="What makes the embeddings.")
    ] = DEFAULT_EMBEDDER,
    detector: Annotated[
        str, typer.Option(metavar="NAME", help="Face detector that aligns them.")
    ] = DEFAULT_MODEL["faces"],
    device: Annotated[
        str, typer.Option(help="Where the embedder computes: auto, cpu, cuda or cuda:N.")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="Of the embedder: auto, float32, bfloat16 or float16.")
    ] = "auto",
    json: Json = False,
) -> None:
    """Accuracy of face verification on pairs of images, as in Labeled Faces in the Wild.

    The images lie in DIR as Name/Name_0001.jpg. Accuracy: mean over the folds of the list, each judged by the
    distance that is best for the others. tar_at_far_1e-3: pairs of one person accepted where at most 1 in 1000 of the
    others is. Where no face is found in the middle of an image, the middle is taken for one ("fallbacks").

    Exit code: 0; 1 if an image could not be read or a model failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.lfw import ImageEmbedder, evaluate_pairs
        from face_detect_ros.evaluation.pairs import read_pairs
        from face_detect_ros.faces.embedders import catalogue as embed

        catalogue.find(detector, task="faces")
        listed = read_pairs(pairs, images)
        with (
            contextlib.closing(embed.create(embedder, device, precision)) as embeds,
            contextlib.closing(catalogue.create(detector, task="faces", device="auto")) as finder,
        ):
            pictures = ImageEmbedder(finder, catalogue.default_options(detector, task="faces"), embeds)
            with progress_bar(embedder, len(listed.pictures)) as advance:
                figures = evaluate_pairs(listed, pictures, advance)
            about = {"embedder": embedder, "device": embeds.device, "detector": detector}
        _print({**figures, **about}, json)


@app.command()
def identification(
    images: Images,
    embedder: Annotated[
        str, typer.Option(metavar="NAME", help="What makes the embeddings.")
    ] = DEFAULT_EMBEDDER,
    detector: Annotated[
        str, typer.Option(metavar="NAME", help="Face detector that aligns them.")
    ] = DEFAULT_MODEL["faces"],
    device: Device = "auto",
    precision: Precision = "auto",
    json: Json = False,
) -> None:
    """How often strangers get a name and known people get none, for galleries of 10, 100 and 1000 people.

    The images lie in DIR as Name/any.jpg. Single looks are judged, without the votes over a track.

    Exit code: 0; 1 if an image could not be read or a model failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.identification import evaluate_identification, person_folders
        from face_detect_ros.faces.embedders import catalogue as embed
        from face_detect_ros.faces.options import MatchOptions
        from face_detect_ros.images.reading import image_files

        catalogue.find(detector, task="faces")
        total = sum(len(image_files(folder)) for folder in person_folders(images))
        with (
            contextlib.closing(embed.create(embedder, device, precision)) as embeds,
            contextlib.closing(catalogue.create(detector, task="faces")) as finder,
            progress_bar(embedder, total) as advance,
        ):
            options = catalogue.default_options(detector, task="faces")
            figures = evaluate_identification(images, finder, embeds, options, MatchOptions(), advance)
        _print({**figures, "embedder": embedder, "device": embeds.device, "detector": detector}, json)


def _save_worst(mistakes: Sequence[Mistakes], annotations: CocoAnnotations, folder: Path) -> None:
    from face_detect_ros.cli.image_files import MediaFile
    from face_detect_ros.cli.results import OutputFolder
    from face_detect_ros.evaluation.mistakes import worst
    from face_detect_ros.images.reading import read_image

    chosen = worst(mistakes, _WORST)
    paths = [annotations.pictures[each.picture].path for each in chosen]
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
    _print({**figures, "left_out": left_out}, False)
    width = max(map(len, per_class))
    typer.echo(f"\n{'class':<{width}}  boxes     AP   AP50")
    for name, row in per_class.items():
        ap, ap50 = ("-" if row[key] is None else f"{row[key]:.3f}" for key in ("AP", "AP50"))
        typer.echo(f"{name:<{width}} {row['boxes']:>6} {ap:>6} {ap50:>6}")
    if confused:
        typer.echo("\nmost frequent mistakes: labeled, found, count")
    for row in confused[:_SHOWN]:
        typer.echo(f"{row['labeled'] or '-'}, {row['found'] or '-'}, {row['count']}")


def _print(figures: dict[str, Any], json: bool) -> None:
    if json:
        typer.echo(json_format.dumps(figures))
        return
    for name, value in _flat(figures):
        typer.echo(f"{name:<28} {'-' if value is None else value}")


def _flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            rows += [(f"{prefix}{name}", ", ".join(f"{k} {v}" for k, v in item.items())) for item in value]
        else:
            rows.append((f"{prefix}{name}", value))
    return rows
