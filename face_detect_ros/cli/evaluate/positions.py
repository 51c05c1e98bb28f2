# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate positions`: accuracy of positions in space."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.cli.evaluate.options import Device, Engine, Json
from face_detect_ros.cli.evaluate.printing import print_figures
from face_detect_ros.engines.catalogue import AUTO

_DISTANCES = "0.5, 0.75, 1, 1.5, 2, 3, 4, 5"


def positions(
    recording: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with color/, depth/ (16-bit PNG, registered) and camera.json; default: constructed scenes.",
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=X1,Y1,X2,Y2",
            help="Box in the recording around something that stands still; may be given several times. Default: what "
            "an object detector finds and tracks.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Object detector for a recording without boxes.")
    ] = "",
    device: Device = "auto",
    engine: Engine = AUTO,
    distances: Annotated[
        str, typer.Option(metavar="METERS", help="Distances in the constructed scenes.")
    ] = _DISTANCES,
    repeats: Annotated[int, typer.Option(min=1, help="Depth images of each constructed scene.")] = 5,
    holes: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of their pixels without depth.")
    ] = 0.12,
    box_error: Annotated[
        float, typer.Option(min=0.0, max=0.3, help="How far the sides of their boxes are off, in sides.")
    ] = 0.0,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """Errors of positions in constructed scenes, or the repeatability of positions in a recording.

    Constructed scenes: objects in front of, behind and beside others, on a table and at a wall, and people in rooms,
    with the noise, holes and mixed edges of a structured light camera. exact: share of the positions with an error of
    at most 1 cm or 1 %. something_else: positions with five times that error, which belong to another object.

    Recordings: for each box, or each track of the detector, the median position, its standard deviation over the
    frames and the largest change of its distance.

    Exit code: 0; 1 if an image could not be read or the detector failed; 2 for bad arguments.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.core.errors import ConfigError
        from face_detect_ros.evaluation.positions.evaluate import evaluate_constructed
        from face_detect_ros.evaluation.positions.recording import (
            Recording,
            measure_boxes,
            measure_tracks,
            parse_box,
        )
        from face_detect_ros.files.reading import numbers
        from face_detect_ros.pipeline.recipe import Recipe

        if recording is None:
            if box or model:
                raise ConfigError("--box and --model need --recording")
            try:
                meters = numbers(distances.split(","))
                if not meters or not all(0.3 <= distance <= 10 for distance in meters):
                    raise ValueError("give distances from 0.3 to 10")
            except ValueError as error:
                raise ConfigError(f"--distances {distances!r}: {error}") from error
            with progress_bar("scenes", len(meters)) as advance:
                figures = evaluate_constructed(meters, repeats, holes, box_error, advance=advance)
            write_page(report, "Positions in constructed scenes", figures)
            print_figures(figures, json)
            return
        opened = Recording.read(recording)
        with contextlib.ExitStack() as stack:
            if box:
                boxes = dict(parse_box(text) for text in box)
                advance = stack.enter_context(progress_bar("frames", len(opened.images)))
                figures = measure_boxes(opened, boxes, advance)
            else:
                recipe = Recipe(task="objects", model=model, device=device, engine=engine)
                pipeline = stack.enter_context(recipe.build())
                advance = stack.enter_context(progress_bar("frames", len(opened.images)))
                figures = measure_tracks(opened, pipeline, advance)
        write_page(report, f"Positions: {recording.name}", figures)
        print_figures(figures, json)
