# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros view`: a camera and what is found in it, live in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.options import SourceOptions, without_password
from face_detect_ros.web.options import DEFAULT_HOST, DEFAULT_PORT

SAMPLE = "sample:astronaut"


def view(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help=f"Image, folder, video, /dev/video0, URL, screen or sample:NAME; default: the first camera, {SAMPLE} "
            "where there is none.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; other computers need the token.")
    ] = DEFAULT_HOST,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help=f"Port of the page; 0: {DEFAULT_PORT}, or the next free one."),
    ] = 0,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Face detector.")] = None,
    object_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Object detector; none: no object detector.")
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The gallery's file; default: the usual one."),
    ] = None,
    foxglove: Annotated[
        bool,
        typer.Option(
            "--foxglove", help="Serve Foxglove and Lichtblick instead, without ROS; needs foxglove-sdk."
        ),
    ] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Serve Rerun's viewer instead, without ROS; needs rerun-sdk.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --rerun: write every image of SOURCE, once, into a new .rrd file instead.",
        ),
    ] = None,
) -> None:
    """Show a source live in the browser, with the faces and objects in it. Prints the page's address; ends with Ctrl-C.

    Starts the source, the detectors and the page. Exit code: 1 if one of them ends; 2 for bad arguments; 130 after
    Ctrl-C.
    """
    with exit_codes():
        from face_detect_ros.sources.opening import require
        from face_detect_ros.web.options import ServerOptions

        ServerOptions(host, port)
        chosen = source or _first_camera() or SAMPLE
        try:
            require(SourceOptions(chosen))  # refused before anything is started
        except SourceError as error:
            raise ConfigError(str(error)) from error
        if save is not None and not rerun:
            raise ConfigError(f"--save {save}: is for --rerun")
        if foxglove and rerun:
            raise ConfigError("--foxglove and --rerun: give one of them")
        if foxglove or rerun:
            from face_detect_ros.cli.view_live import view_live
            from face_detect_ros.web.foxglove import FoxgloveServer
            from face_detect_ros.web.rerun_view import RerunView

            server = ServerOptions(host, port)
            moving = SourceOptions(chosen, motion=save is None, loop=save is None)
            view_live(
                lambda: FoxgloveServer(server) if foxglove else RerunView(server, save),
                moving,
                model or "",
                None if object_model == "none" else object_model or "",
                gallery,
            )
            return
        try:
            from face_detect_ros.detectors import model_file
            from face_detect_ros.ros.viewer import start
        except ImportError as error:
            raise ConfigError(f"the viewer needs ROS 2 ({error}); see: face_detect_ros doctor") from error
        faces: dict[str, Any] = {} if gallery is None else {"gallery": gallery.absolute()}
        if model is not None:
            faces["model"] = model_file.absolute(model)
        objects = {} if object_model is None else {"model": "" if object_model == "none" else object_model}
        nodes = {
            "video_source": {"source": chosen, "motion": True},
            "face_detector": faces,
            "object_detector": objects,
        }
        typer.echo(f"showing {without_password(chosen)}; Ctrl-C ends it", err=True)
        start.view(nodes, {"host": host, "port": port}, typer.echo)


def _first_camera() -> str | None:
    return next((str(path) for path in sorted(Path("/dev").glob("video[0-9]*"))), None)
