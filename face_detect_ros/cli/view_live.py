# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros view --foxglove` and `--rerun`: a source and what is found in it, live, without ROS."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import typer

from face_detect_ros.bags.finding import is_bag
from face_detect_ros.cli.common.exits import report
from face_detect_ros.depth.scene import Scene
from face_detect_ros.fleet.one_bag.playing import DepthBag
from face_detect_ros.pipeline import live
from face_detect_ros.pipeline.recipe import Recipe, Recognition
from face_detect_ros.pipeline.result import Result
from face_detect_ros.sources.options import Kind, SourceOptions, expand_path
from face_detect_ros.web.live_view import LiveView, Look
from face_detect_ros.web.scene import Box


def view_live(
    open_view: Callable[[], LiveView],
    source: SourceOptions,
    model: str,
    object_model: str | None,
    gallery: Path | None,
) -> None:
    """Show until the source ends or the user does.

    Args:
        open_view: Opens what shows it.
        source: What to show: a file with `loop` at its own pace, else every image of it once.
        model: Face detector; empty for the default.
        object_model: Object detector; empty for the default, None for none.
        gallery: Who is known; None for the usual gallery.

    Raises:
        ConfigError: Something cannot be used, or a program is not installed.
        SourceError: The source cannot be used.
    """
    with contextlib.ExitStack() as opened:
        view = open_view()
        opened.callback(view.close)
        recipes = {"face_detector": Recipe(task="faces", model=model, recognition=Recognition(gallery))}
        if object_model is not None:
            recipes["object_detector"] = Recipe(task="objects", model=object_model)
        pipelines = {name: opened.enter_context(recipe.build()) for name, recipe in recipes.items()}
        for pipeline in pipelines.values():
            pipeline.warmup()
        if view.url:
            typer.echo(view.url)

        def show(results: Mapping[str, Result], dropped: int, scene: Scene | None) -> None:
            frame = next(iter(results.values())).frame
            found = {name: boxes(result) for name, result in results.items()}
            view.show(_look(frame.image, frame.stamp_ns, found, scene))
            for name, result in results.items():
                figures = {
                    "network_ms": result.times.network_ms,
                    "detections": len(result.detections),
                    "dropped": dropped,
                }
                if source.loop:
                    figures["latency_ms"] = (time.time_ns() - frame.stamp_ns) / 1e6
                view.plot(name, figures, frame.stamp_ns)

        bag = _depth_bag(source)
        if bag is not None:
            opened.callback(bag.close)
            process = live.opened(pipelines)
            for frame, scene in bag.frames(live=source.loop):
                show(process(frame, scene), bag.dropped, scene)
        elif source.loop or source.live:
            live.run_live(source, pipelines, lambda results, dropped: show(results, dropped, None), report)
        else:
            live.run_each(source, pipelines, lambda results: show(results, 0, None), report)


def boxes(result: Result) -> list[Box]:
    """The detections of a result."""
    found, names = result.detections, result.names or [None] * len(result.detections)
    tracks = [0] * len(found) if found.track_ids is None else found.track_ids.tolist()
    shown = []
    for index, (corners, score, class_id) in enumerate(
        zip(found.boxes.tolist(), found.scores.tolist(), found.class_ids.tolist(), strict=True)
    ):
        left, top, right, bottom = corners
        track = str(tracks[index]) if tracks[index] > 0 else ""
        space: dict[str, Any] = {}
        if result.positions is not None and result.positions.known[index]:
            positions = result.positions
            space = {
                "distance_m": float(np.linalg.norm(positions.points[index])),
                "center_m": tuple(positions.centers[index].tolist()),
                "size_m": tuple(positions.sizes[index].tolist()),
            }
        name = names[index] or ""
        shown.append(Box((left, top, right, bottom), result.labels[class_id], score, track, name, **space))
    return shown


def _look(image: np.ndarray, stamp_ns: int, found: Mapping[str, list[Box]], scene: Scene | None) -> Look:
    if scene is None or scene.depth is None or scene.depth_camera is None:
        return Look(image, stamp_ns, found, None if scene is None else scene.camera.k)
    depth_m = scene.depth.meters().astype(np.float32)
    return Look(image, stamp_ns, found, scene.camera.k, depth_m, scene.depth_camera.k)


def _depth_bag(source: SourceOptions) -> DepthBag | None:
    """The bag that a source names, if it has a camera with depth."""
    if source.kind is not Kind.FILE:
        return None
    path = expand_path(source.source)
    name, _, topic = str(path).partition("#")
    if not is_bag(path):
        path = Path(name)
        if not topic or not is_bag(path):
            return None
    else:
        topic = ""
    bag = DepthBag(path, topic)
    if not bag.has_depth:
        bag.close()
        return None
    return bag
