# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate tracking`: how well a tracker keeps ids."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.tracking.catalogue import DEFAULT_TRACKER, TRACKERS
from face_detect_ros.tracking.options import TrackerOptions

_COLUMNS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "FP", "FN", "IDSW")


def tracking(
    sequences: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder with a MOTChallenge folder per sequence: seqinfo.ini, gt/, det/."
        ),
    ],
    only: Annotated[
        str, typer.Option(metavar="PATTERN", help="Sequences to use, by name; * and ? as in a shell.")
    ] = "*",
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help=f"Tracker: {', '.join(TRACKERS)}.")
    ] = DEFAULT_TRACKER,
    detections: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="File in det/ to track; default: det.txt, or another that every sequence has.",
        ),
    ] = "",
    score_threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Lowest score that starts a track.")
    ] = DetectOptions.score_threshold,
    min_hits: Annotated[
        int, typer.Option(help="Detections of a thing before it counts.")
    ] = TrackerOptions.min_hits,
    max_age_s: Annotated[
        float, typer.Option(help="A track without a detection for longer is lost.")
    ] = TrackerOptions.max_age_s,
    max_age_images: Annotated[
        int, typer.Option(help="A track is lost only after it was missed in more images than this.")
    ] = TrackerOptions.max_age_images,
    lost_age_s: Annotated[
        float, typer.Option(help="A lost track may be found again for this long.")
    ] = TrackerOptions.lost_age_s,
    every: Annotated[
        int, typer.Option(min=1, help="Use every N-th image only, as on a slower computer.", metavar="N")
    ] = 1,
    results: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the tracks there, as MOTChallenge text.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
    report: ReportFile = None,
) -> None:
    """HOTA, MOTA, IDF1 and ID switches of a tracker on MOTChallenge sequences, with the detections they come with.

    HOTA, DetA, AssA, MOTA and IDF1 are in percent; they equal those of TrackEval. Scores outside [0, 1] are taken as
    margins and mapped by the logistic function.

    Exit code: 0; 2 for bad arguments or sequences.
    """
    with exit_codes():
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.evaluation.tracking.evaluate import evaluate_tracker
        from face_detect_ros.evaluation.tracking.sequences import read_sequences
        from face_detect_ros.tracking import catalogue

        options = TrackerOptions(min_hits, max_age_s, max_age_images, lost_age_s)
        catalogue.find(tracker)
        read = read_sequences(sequences, detections, only)
        if results is not None:
            results.mkdir(parents=True, exist_ok=True)
        with progress_bar(tracker, len(read)) as advance:
            figures = evaluate_tracker(
                read,
                lambda: catalogue.create(tracker, options),
                score_threshold=score_threshold,
                every=every,
                results=results,
                advance=advance,
            )
        write_page(report, f"Tracker {tracker}", figures)
        if json:
            typer.echo(json_format.dumps(figures))
        else:
            _print_table(figures)


def _print_table(figures: dict[str, Any]) -> None:
    rows = {**figures["sequences"], "all": figures["combined"]}
    width = max(map(len, rows))
    typer.echo(f"{'sequence':<{width}} " + " ".join(f"{name:>6}" for name in _COLUMNS))
    for name, row in rows.items():
        cells = (f"{row[key]:>6}" if isinstance(row[key], int) else f"{row[key]:>6.2f}" for key in _COLUMNS)
        typer.echo(f"{name:<{width}} " + " ".join(cells))
    typer.echo(f"\n{figures['combined']['images_per_s']} images/s (processor time of the tracker)")
