# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate lfw` and `identification`: how good an embedder is."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.cli.evaluate.options import Device, Images, Json, Precision
from face_detect_ros.cli.evaluate.printing import print_figures
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL
from face_detect_ros.faces.embedders.catalogue import DEFAULT as DEFAULT_EMBEDDER

if TYPE_CHECKING:
    import numpy as np


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
    report: ReportFile = None,
) -> None:
    """Accuracy of face verification on pairs of images, as in Labeled Faces in the Wild.

    The images lie in DIR as Name/Name_0001.jpg. Accuracy: mean over the folds of the list, each decided by the
    distance that is best for the others. tar_at_far_1e-3: share of the pairs of one person that are accepted where at
    most 1 in 1000 of the others is; roc: the same for other false accept rates; own_threshold: at the distance with
    which this embedder gives names. Intervals are Wilson's, of 95 %, for that threshold. Where no face is found in the
    middle of an image, the middle is taken for one ("fallbacks").

    Exit code: 0; 1 if an image could not be read or a model failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.lfw import ImageEmbedder, evaluate_pairs, worst_pairs
        from face_detect_ros.evaluation.pairs import read_pairs
        from face_detect_ros.faces.embedders import catalogue as embed

        catalogue.find(detector, task="faces")
        listed = read_pairs(pairs, images)
        with (
            contextlib.closing(embed.create(embedder, device, precision)) as embeds,
            contextlib.closing(catalogue.create(detector, task="faces", device="auto")) as finder,
        ):
            embeds_images = ImageEmbedder(finder, catalogue.default_options(detector, task="faces"), embeds)
            distances: list[np.ndarray] = []
            with progress_bar(embedder, len(listed.images)) as advance:
                entry = embed.find(embedder)
                figures = evaluate_pairs(
                    listed,
                    embeds_images,
                    advance,
                    accept_distance=entry.match.accept_distance,
                    pair_distance=entry.pair_distance,
                    on_distances=distances.append,
                )
            figures |= {"embedder": embedder, "device": embeds.device, "detector": detector}
        shown = worst_pairs(listed, distances[0], entry.match.accept_distance) if report is not None else ()
        write_page(report, f"Embedder {embedder}", figures, shown)
        print_figures(figures, json)


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
    report: ReportFile = None,
) -> None:
    """How often strangers get a name and known people get none, for galleries of 10, 100 and 1000 people.

    The images lie in DIR as Name/any.jpg. Single looks are evaluated, without the votes over a track.

    Exit code: 0; 1 if an image could not be read or a model failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.evaluation.identification import evaluate_identification, person_folders
        from face_detect_ros.faces.embedders import catalogue as embed
        from face_detect_ros.images.reading import image_files

        catalogue.find(detector, task="faces")
        entry = embed.find(embedder)
        total = sum(len(image_files(folder)) for folder in person_folders(images))
        with (
            contextlib.closing(embed.create(embedder, device, precision)) as embeds,
            contextlib.closing(catalogue.create(detector, task="faces")) as finder,
            progress_bar(embedder, total) as advance,
        ):
            options = catalogue.default_options(detector, task="faces")
            figures = evaluate_identification(
                images, finder, embeds, options, entry.match, entry.pair_distance, advance
            )
        figures |= {"embedder": embedder, "device": embeds.device, "detector": detector}
        write_page(report, f"Names by {embedder}", figures)
        print_figures(figures, json)
