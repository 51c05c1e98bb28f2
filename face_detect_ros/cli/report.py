# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros report`: a page about what a demo or a bag holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.core.errors import ConfigError


def report(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="What a demo left (demo_out), or a bag: a folder, .mcap or .db3."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; default: report.html in a demo's folder, beside a bag."),
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Leave out the images of people and things.")
    ] = False,
) -> None:
    """Write one HTML file about a recording: who and what was seen when, rates, latency, warnings. Needs no ROS.

    The file holds everything, images of people included, and opens in any browser. Prints its path.

    Exit code: 0; 1 if the bag cannot be read or the page cannot be written; 2 if PATH is no recording.
    """
    with exit_codes():
        from face_detect_ros.reports.bag_report import bag_report
        from face_detect_ros.reports.recording import read_recording

        if not path.exists():
            raise ConfigError(f"{path}: there is no such file or folder; give demo_out or a bag")
        of_demo = (path / "bag").is_dir()
        bag = path / "bag" if of_demo else path
        page = output or (path / "report.html" if of_demo else path.with_name(f"{path.stem}.report.html"))
        bag_report(read_recording(bag, images=not no_images)).write(page)
        typer.echo(str(page))
