# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The `face_detect_ros` command.

One file per verb; a verb is registered below and imports what is heavy (OpenCV, dlib, torch, rclpy) in its
body, so that help answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Annotated

import typer

from face_detect_ros import __version__
from face_detect_ros.cli import bag, bench, models, people
from face_detect_ros.cli.ablation import ablation
from face_detect_ros.cli.common.exits import INTERRUPTED
from face_detect_ros.cli.demo import demo
from face_detect_ros.cli.detect import detect
from face_detect_ros.cli.doctor.verb import doctor
from face_detect_ros.cli.evaluate.app import app as evaluate
from face_detect_ros.cli.fleet import fleet
from face_detect_ros.cli.report import report
from face_detect_ros.cli.train import train
from face_detect_ros.cli.train_default import train_default
from face_detect_ros.cli.view import view

app = typer.Typer(
    name="face_detect_ros",
    help="Finds faces and objects in images and ROS 2 image streams.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # square brackets in help texts are JSON
    pretty_exceptions_enable=False,
)
app.command()(detect)
app.command()(train)
app.command()(train_default)
app.command()(ablation)
app.command()(doctor)
app.command()(demo)
app.command()(view)
app.command()(report)
app.command()(people.enroll)
app.add_typer(people.app, name="people")
app.add_typer(bag.app, name="bag")
app.command()(fleet)
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
app.add_typer(evaluate, name="evaluate")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"face_detect_ros {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the console script."""
    os.environ.setdefault(
        "OPENCV_LOG_LEVEL", "SILENT"
    )  # before it is loaded: errors of ours say what is wrong
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            # a file name that is not UTF-8 must not end the run
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app()
    except KeyboardInterrupt:  # outside a verb's own body
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
