# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros report`: a page about a recording, a training or figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.common import tasks
from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.looking import exists, is_file, is_folder

if TYPE_CHECKING:
    from face_detect_ros.reports.document import Document


def report(
    place: Annotated[
        str,
        typer.Argument(
            callback=tasks.given,
            metavar="PATH",
            help="What a demo left (demo_out); a bag: a folder, .mcap or .db3, or its URL; the folder of a training; "
            "what bench or evaluate printed with --json.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page; default: report.html in a folder, beside a file or bag, here for a URL.",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With figures of evaluate: a folder of images to show, such as --worst writes.",
        ),
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Leave out the images of people and things.")
    ] = False,
) -> None:
    """Write one HTML file about a recording, a training or figures. Needs no ROS.

    Of a recording: who and what was seen when, an image of each track, rates, latency, warnings. Of a training: its
    curves. Of bench: bars beside the peers. Of evaluate: figures and confusion. The file holds everything, images of
    people included, and opens in any browser. Prints its path.

    Exit code: 0; 1 if something cannot be read or the page cannot be written; 2 if PATH is none of these.
    """
    with exit_codes():
        from face_detect_ros.files.stores import Store, is_url
        from face_detect_ros.files.transfers import fetched

        if is_url(place) and not place.endswith(".json"):
            store = Store(place)
            _refuse_many(store.shown, store.exists)
        with fetched(place) as path:
            if not exists(path, ConfigError):
                raise ConfigError(
                    f"{path}: there is no such file or folder; give demo_out, a bag, train_out or a .json"
                )
            if is_folder(path):
                _refuse_many(str(path), lambda name: exists(path / name, ConfigError))
            page, beside = _page(path, images, with_images=not no_images)
            if is_url(place):
                beside = Path(f"{path.stem}.report.html")
            page.write(output or beside)
        typer.echo(str(output or beside))


def _refuse_many(place: str, exists: Callable[[str], bool]) -> None:
    """Raise ConfigError for results of many bags: before all of them are fetched, if they are in a store."""
    from face_detect_ros.fleet.driver import SUMMARY
    from face_detect_ros.fleet.one_bag.table import FILE

    if (exists(SUMMARY) or exists(FILE)) and exists("bags"):
        raise ConfigError(f"{place}: results of many bags; give that of one, such as {place}/bags/NAME")


def _page(path: Path, images: Path | None, *, with_images: bool) -> tuple[Document, Path]:
    """The page about `path`, and where it belongs."""
    from face_detect_ros.reports import figures, training
    from face_detect_ros.reports.bag_report import bag_report
    from face_detect_ros.reports.recording import read_recording

    beside = path.with_name(f"{path.stem}.report.html")
    if is_file(path / training.CURVE):
        return training.training_report(path, with_images=with_images), path / "report.html"
    if path.suffix == ".json":
        found = figures.read_figures(path)
        shown = figures.read_images(images) if images is not None and with_images else []
        try:
            return figures.figures_report(found, f"Figures: {path.stem}", shown), beside
        except (TypeError, KeyError, ValueError, AttributeError) as error:  # figures of another program
            raise ConfigError(f"{path}: is not what bench or evaluate prints with --json") from error
    if is_folder(path / "bag"):
        return bag_report(read_recording(path / "bag", images=with_images)), path / "report.html"
    return bag_report(read_recording(path, images=with_images)), beside
