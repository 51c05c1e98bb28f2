# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros detect`: detections in images, folders, videos and bags, for people and for scripts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from face_detect_ros.cli.common import tasks
from face_detect_ros.cli.common.exits import FAILED, exit_codes
from face_detect_ros.cli.common.progress import files_progress
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, OBJECT_OPTIONS
from face_detect_ros.engines.catalogue import AUTO, CHOICES


def detect(
    paths: Annotated[
        list[str],
        typer.Argument(
            callback=tasks.given,
            metavar="PATH...",
            help="Images, videos, bags (BAG#TOPIC for one camera), and folders (with all below them); /dev/video0 or "
            "0, a camera's URL, screen, sample:NAME.",
        ),
    ],
    task: Annotated[str, typer.Option(help="What to look for: faces or objects.")] = "faces",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Detector, such as onnx:FILE; default for faces: {DEFAULT_MODEL['faces']}, for objects: "
            f"{DEFAULT_MODEL['objects']}. `face_detect_ros models list` shows them.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[str, typer.Option(help="Numbers: auto, float32, bfloat16 or float16.")] = "auto",
    engine: Annotated[str, typer.Option(help=f"What computes the network: {', '.join(CHOICES)}.")] = AUTO,
    threads: Annotated[int, typer.Option(min=0, help="Of the network on a CPU; 0: one for each core.")] = 0,
    score_threshold: Annotated[
        float | None,
        typer.Option(
            help=f"Lowest score to report, 0 to 1; default for faces: the model's own, for objects: "
            f"{OBJECT_OPTIONS.score_threshold}."
        ),
    ] = None,
    min_size_px: Annotated[
        int | None,
        typer.Option(
            help="Smallest width or height to look for, in pixels of the image; smaller faces take longer. "
            "Default for faces: chosen by the model and the image's size, for objects: "
            f"{OBJECT_OPTIONS.min_size_px}."
        ),
    ] = None,
    classes: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME",
            help="Report these classes only; default: all of the model's. What to look for, with a grounding model.",
        ),
    ] = "",
    input_size: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="PIXELS",
            help="Objects only: longest side of what the network sees; 0: the model's own.",
        ),
    ] = 0,
    gallery: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say who the faces are; default: the usual gallery, if it exists."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per image on stdout, nothing else.")
    ] = False,
    save: Annotated[
        str | None,  # not a Path: an empty one means the current folder
        typer.Option(
            callback=tasks.given,
            metavar="DIR",
            help="Folder for annotated images and videos (MP4); made if missing.",
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Show what is found, in a window or in the terminal; q closes the window."
        ),
    ] = False,
) -> None:
    """Find faces or objects in images, folders of them, videos, bags and live sources, in which things are tracked.

    Without --json: a line for each image and one for each detection. With --json: one object per image, a line each,
    and nothing else on stdout:

    \b
    {"image": path,
     "detections": [{"box": [x1, y1, x2, y2], "score": s, "class": name,
                     "track": number,
                     "landmarks": [[x, y], ...], "landmark_set": "five_points",
                     "keypoints": [[x, y, score], ...], "polygons": [[[x, y], ...], ...],
                     "identity": {"name": name, "distance": d}}],
     "ms": {"pre": t, "network": t, "post": t}}

    Boxes and landmarks are in pixels of the image, times in milliseconds. Frames of a video are named clip.mp4#0,
    clip.mp4#1 and so on, those of a bag drive#/front/image_raw#0. A live source (a camera, a stream, the screen) goes
    on until Ctrl-C and gives its newest image each time. Only frames have tracks: one thing keeps its number, and names
    come from several frames. Landmarks are five points of a face. "five_points": right eye, left eye, tip of the nose,
    right and left corner of the mouth; "eye_corners" (dlib's models): left eye (outer, inner corner), right eye (outer,
    inner), base of the nose; left and right are the person's own. Faces have an identity only where people are
    enrolled: "unknown" where it is not certain; the distance is to the nearest person, null for a face that was not
    compared. Objects have neither landmarks nor an identity. Pose models give keypoints, segmentation models outlines
    of masks, one for each separate part.

    Exit code: 0; 1 if something could not be read, written or computed (the other images are still done); 2
    for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        # messages of FFmpeg about a damaged stream would be neither ours nor helpful
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.detection_run import DetectionRun
        from face_detect_ros.cli.common.json_output import print_json
        from face_detect_ros.cli.common.media import find_media
        from face_detect_ros.cli.common.results import OutputFolder, print_lines
        from face_detect_ros.cli.common.show import open_show
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.detectors.class_filter import class_ids
        from face_detect_ros.pipeline.options import PipelineOptions
        from face_detect_ros.pipeline.recipe import Recipe
        from face_detect_ros.tracking.options import TrackerOptions

        name = model or catalogue.default_model(task)
        catalogue.find(name, task=task)
        chosen = {"score_threshold": score_threshold, "min_size_px": min_size_px}
        given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
        wanted = replace(catalogue.default_options(name, task=task), **given)
        media = find_media(paths)
        output = OutputFolder(Path(save), media) if save else None
        shown = open_show() if show else None
        recipe = Recipe(
            task=task,
            model=name,
            device=device,
            precision=precision,
            engine=engine,
            threads=threads,
            input_size=input_size,
            classes=classes,
            # whoever reads the results of a file looks for an id on each detection
            tracker_options=TrackerOptions(min_hits=1),
            recognition=tasks.recognition(gallery) if task == "faces" else None,
        )
        with recipe.build() as pipeline:
            wanted = replace(wanted, class_ids=class_ids(classes, pipeline.labels))
            printed = print_json if json else print_lines
            run = DetectionRun(pipeline, PipelineOptions(wanted), output, printed, shown)
            with files_progress(len(media), wanted=not show) as progress:
                for item in media:
                    progress.start(item.name)
                    run.process(item, progress)
                    progress.finish()
        if not json:
            typer.echo(run.summary())
        if run.failures:
            raise typer.Exit(FAILED)
