# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros view --foxglove`: a source and what is found in it, live in Foxglove or Lichtblick, without ROS."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

import typer

from face_detect_ros.cli.common.exits import report
from face_detect_ros.pipeline.live import run_live
from face_detect_ros.pipeline.recipe import Recipe, Recognition
from face_detect_ros.pipeline.result import Result
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.web.foxglove import FoxgloveServer
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Box


def view_foxglove(
    source: SourceOptions,
    server: ServerOptions,
    model: str,
    object_model: str | None,
    gallery: Path | None,
) -> None:
    """Serve until the source ends or the user does.

    Args:
        source: What to show.
        server: Where to listen.
        model: Face detector; empty for the default.
        object_model: Object detector; empty for the default, None for none.
        gallery: Who is known; None for the usual gallery.

    Raises:
        ConfigError: Something cannot be used, or foxglove-sdk is not installed.
        SourceError: The source cannot be used.
    """
    with contextlib.ExitStack() as opened:
        page = FoxgloveServer(server)
        opened.callback(page.close)
        recipes = {"face_detector": Recipe(task="faces", model=model, recognition=Recognition(gallery))}
        if object_model is not None:
            recipes["object_detector"] = Recipe(task="objects", model=object_model)
        pipelines = {name: opened.enter_context(recipe.build()) for name, recipe in recipes.items()}
        for pipeline in pipelines.values():
            pipeline.warmup()
        typer.echo(page.url)

        def show(results: Mapping[str, Result], dropped: int) -> None:
            frame = next(iter(results.values())).frame
            page.show(frame.image, frame.stamp_ns, {name: boxes(result) for name, result in results.items()})
            for name, result in results.items():
                page.plot(
                    name,
                    {
                        "network_ms": result.times.network_ms,
                        "latency_ms": (time.time_ns() - frame.stamp_ns) / 1e6,
                        "detections": len(result.detections),
                        "dropped": dropped,
                    },
                )

        run_live(source, pipelines, show, report)


def boxes(result: Result) -> list[Box]:
    """The detections of a result."""
    found, names = result.detections, result.names or [None] * len(result.detections)
    tracks = [0] * len(found) if found.track_ids is None else found.track_ids.tolist()
    return [
        Box(
            (left, top, right, bottom),
            result.labels[class_id],
            score,
            str(track) if track > 0 else "",
            name or "",
        )
        for (left, top, right, bottom), score, class_id, track, name in zip(
            found.boxes.tolist(), found.scores.tolist(), found.class_ids.tolist(), tracks, names, strict=True
        )
    ]
