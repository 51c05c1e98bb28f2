# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros demo`: a moving image of two people through real topics, and what came out of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.progress import rate_bar
from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError
from face_detect_ros.sources.options import SourceOptions, without_password

if TYPE_CHECKING:
    from face_detect_ros.demo.tally import Tally

# files that a demo leaves, and may therefore replace
RESULTS = ("annotated.mp4", "objects.mp4", "detections.jsonl", "bag", "report.html")
MADE = (*RESULTS, "two_people.png", "gallery.sqlite3", "gallery.sqlite3-wal", "gallery.sqlite3-shm")


def demo(
    frames: Annotated[int, typer.Option(min=1, help="How many images to stream.")] = 300,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")] = Path("demo_out"),
    source: Annotated[
        str | None,
        typer.Option(help="Stream this instead: an image, folder, video, device or URL."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Face detector.")] = None,
    view: Annotated[
        bool,
        typer.Option(
            "--view", help="Show it in the browser too: print the page's address, go on until Ctrl-C."
        ),
    ] = False,
) -> None:
    """Stream a moving image of two people, one of them enrolled, through the nodes, and record what they say.

    The video source, the face detector and the object detector run in processes of their own. Leaves annotated.mp4,
    objects.mp4, detections.jsonl, an MCAP bag (for Foxglove and ros2 bag) and report.html. Exit code 1 if no face was
    found, if the enrolled person was not recognized, if somebody else was taken for them, or if the object detector saw
    no person.
    """
    with exit_codes():
        # about codecs that this build of OpenCV lacks
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        if source is not None:
            from face_detect_ros.sources.opening import require

            require(SourceOptions(source))  # refused before anything is started
        from face_detect_ros.demo import scene
        from face_detect_ros.reports.bag_report import bag_report
        from face_detect_ros.reports.recording import read_recording

        try:
            from face_detect_ros.demo.run import RATE_HZ, run_demo
        except ImportError as error:
            raise ConfigError(f"the demo needs ROS 2 ({error}); see: face_detect_ros doctor") from error
        _prepare(out)
        gallery = out / "gallery.sqlite3"
        if source is None:
            scene.enroll_known(gallery)
            typer.echo(f"enrolled {scene.KNOWN} from one photo", err=True)
            scene.two_people(out / "two_people.png")
        stream = source or str(out / "two_people.png")
        typer.echo(f"streaming {without_password(stream)} at {RATE_HZ:g} Hz", err=True)
        with _progress(frames) as show:
            address = typer.echo if view else None
            tally = run_demo(frames, out, stream, model, gallery, show, address)
        bag_report(read_recording(out / "bag")).write(out / "report.html")
        _print_table(tally)
        typer.echo(f"results: {', '.join(str(out / name) for name in RESULTS)}")
        if not tally.detections:
            raise DetectorError(
                f"no face was found in {len(tally.processed)} images of {without_password(stream)}"
            )
        if source is None:
            _check_names(tally, scene.KNOWN)
            if not tally.objects["person"]:
                raise DetectorError(f"the object detector saw no person in {tally.searched} images")


def _prepare(out: Path) -> None:
    """Make the folder, and remove what an earlier demo left. Raises OutputError."""
    try:
        if out.is_symlink() and out.lstat().st_uid != os.getuid():  # planted, where everybody may write
            raise OutputError(f"{out} is a link of another user's; give another folder with --out")
        out.mkdir(parents=True, exist_ok=True)
        for name in MADE:
            path = out / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error}; give another folder with --out") from error


@contextlib.contextmanager
def _progress(frames: int) -> Iterator[Callable[[Tally], None]]:
    with rate_bar("images", frames) as update:
        yield lambda tally: update(len(tally.images), f"images, {tally.detections} faces")


def _check_names(tally: Tally, known: str) -> None:
    """Raise DetectorError unless the enrolled person, and nobody else, was recognized."""
    if not tally.names[known]:
        raise DetectorError(f"{known} was enrolled but not recognized in {len(tally.processed)} images")
    if tally.images_with_doubles:
        raise DetectorError(f"a stranger was taken for {known} in {tally.images_with_doubles} images")
    if not tally.names["unknown"]:
        raise DetectorError("the stranger was not seen")


def _print_table(tally: Tally) -> None:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    latency_ms = tally.latency_ms or [float("nan")]
    table = Table(title="face_detect_ros demo")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in (
        ("images in", str(len(tally.images))),
        ("processed", str(len(tally.processed))),
        ("dropped", str(tally.dropped)),
        ("latency p50, image stamp to detections", f"{np.percentile(latency_ms, 50):.1f} ms"),
        ("latency p95", f"{np.percentile(latency_ms, 95):.1f} ms"),
        ("faces", str(tally.detections)),
        ("images with a face", str(tally.images_with_detections)),
        *((f"faces named {name}", str(count)) for name, count in sorted(tally.names.items())),
        ("images searched for objects", str(tally.searched)),
        *((f"objects: images with a {name}", str(count)) for name, count in tally.objects.most_common()),
    ):
        table.add_row(name, value)
    Console().print(table)
