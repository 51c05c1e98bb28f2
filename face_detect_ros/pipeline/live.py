# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A source through pipelines, without ROS: the newest image, again and again, or every image once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

import numpy as np

from face_detect_ros.core.errors import SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.mailbox import Mailbox
from face_detect_ros.depth.scene import Scene
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.result import Result
from face_detect_ros.sources.capture_thread import CaptureThread, SourceEvent
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

FRAME_ID = "camera_optical_frame"


def run_live(
    options: SourceOptions,
    pipelines: Mapping[str, Pipeline],
    show: Callable[[Mapping[str, Result], int], None],
    tell: Callable[[str], None],
) -> None:
    """Process images until the source ends.

    Args:
        options: The source.
        pipelines: Name -> pipeline; each image goes through all of them.
        show: Called with the results of an image, by pipeline, and how many images were left out so far.
        tell: Told of a source that is lost, restored or has ended.

    Raises:
        SourceError: The source cannot be used.
        KeyboardInterrupt: The user ended it.
    """
    waiting: Mailbox[Frame] = Mailbox()
    ended: list[SourceEvent] = []

    def arrived(image: np.ndarray, captured_s: float) -> None:
        waiting.put(_frame(image, captured_s))

    def happened(event: SourceEvent) -> None:
        if event.kind in ("finished", "failed"):
            ended.append(event)
            waiting.close()
        else:
            tell(event.message)

    process = opened(pipelines)
    capture = CaptureThread(options, arrived, happened)
    try:
        while (frame := waiting.take()) is not None:
            show(process(frame), waiting.dropped)
    finally:
        capture.stop(1.0)
    if ended and ended[0].kind == "failed":
        raise SourceError(ended[0].message)


def run_each(
    options: SourceOptions,
    pipelines: Mapping[str, Pipeline],
    show: Callable[[Mapping[str, Result]], None],
    tell: Callable[[str], None],
) -> None:
    """Process every image of a file or folder once, however long each takes.

    Args:
        options: The source, without `loop`.
        pipelines: Name -> pipeline; each image goes through all of them.
        show: Called with the results of each image, by pipeline.
        tell: Told of images that cannot be read.

    Raises:
        SourceError: The source cannot be used.
        KeyboardInterrupt: The user ended it.
    """
    process = opened(pipelines)
    with contextlib.closing(open_source(options, tell)) as source:
        while (capture := source.read()) is not None:
            show(process(_frame(capture.image, capture.captured_s)))


def _frame(image: np.ndarray, captured_s: float) -> Frame:
    age_ns = int((time.monotonic() - captured_s) * 1e9)
    return Frame(image, time.time_ns() - age_ns, FRAME_ID, captured_s)


def opened(pipelines: Mapping[str, Pipeline]) -> Callable[..., dict[str, Result]]:
    """A function that puts an image, with the scene that belongs to it if there is one, through all pipelines."""
    streams = {name: pipeline.open_stream(name) for name, pipeline in pipelines.items()}

    def process(frame: Frame, scene: Scene | None = None) -> dict[str, Result]:
        results = {}
        for name, pipeline in pipelines.items():
            streams[name].scene_of = None if scene is None else lambda _: scene
            results[name] = pipeline.process([(streams[name], frame)], pipeline.default_options)[0]
        return results

    return process
