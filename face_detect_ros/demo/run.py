# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstration: a source and both detectors in processes of their own, recorded from their topics."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

import rclpy
from lifecycle_msgs.msg import Transition
from rclpy.executors import Executor, ExternalShutdownException

from face_detect_ros.core.errors import SourceError
from face_detect_ros.demo.recorder import Recorder
from face_detect_ros.demo.tally import Tally
from face_detect_ros.detectors import model_file
from face_detect_ros.ros import processes, runtime
from face_detect_ros.ros.viewer.start import address, start_viewer

SIZE = (960, 540)
RATE_HZ = 10.0
# loading the networks takes a few seconds, and minutes on a small or busy computer
START_S = 180.0
SILENCE_S = 10.0


def run_demo(
    frames: int,
    out: Path,
    source: str,
    model: str | None,
    gallery: Path,
    show: Callable[[Tally], None],
    show_address: Callable[[str], None] | None = None,
) -> Tally:
    """Stream `source` through the nodes and record what they publish.

    Args:
        frames: How many images to stream.
        out: Folder of the recordings.
        source: As the parameter `source` of `video_source` takes it.
        model: Face detector; None: the default.
        gallery: Who is known.
        show: Called with the tally whenever another image has come.
        show_address: Start the viewer too, call this with the address of its page, and go on after `frames` until the
            user ends it.

    Raises:
        ProcessError: A process ended early or does not answer.
        SourceError: The source cannot be read, or stopped sending.
        OutputError: The results cannot be written.
        KeyboardInterrupt: The user ended it.
    """
    runtime.stay_on_this_computer()
    runtime.carry_large_images()
    # rclpy ends its context, which `watch` sees; a KeyboardInterrupt would come up in any callback
    on_interrupt = signal.signal(signal.SIGINT, lambda *_: None)
    rclpy.init()
    detectors = ("/face_detector", "/object_detector")
    recorder = Recorder(out, "/image_raw", *detectors, RATE_HZ)
    executor = runtime.make_executor()
    executor.add_node(recorder)
    width, height = SIZE
    stream = {"source": source, "motion": True, "rate_hz": RATE_HZ, "width": width, "height": height}
    detector = {"gallery": gallery.resolve(), **({"model": model_file.absolute(model)} if model else {})}
    camera = processes.NodeProcess("face_detect_ros.ros.nodes.video_source", {**stream, "autostart": False})
    children = [
        processes.NodeProcess("face_detect_ros.ros.nodes.face_detector", detector),
        processes.NodeProcess("face_detect_ros.ros.nodes.object_detector", {}),
        camera,
    ]
    page = None
    if show_address is not None:
        page = start_viewer({"port": 0})
        children.append(page)

    def watch() -> None:
        nonlocal page
        for child in children:
            child.check()
        if page is not None and show_address is not None and (found := address(page)):
            show_address(found)
            page = None
        if not rclpy.ok():
            raise KeyboardInterrupt
        if not recorder.tally.images and (line := camera.line_like(r"\[ERROR\].*")):
            raise SourceError(line.partition("]: ")[2])

    # else the videos would begin later than the stream
    shown = [f"{node}/{topic}" for node in detectors for topic in ("detections", "image_annotated")]
    try:
        processes.change_state(recorder, executor, "/video_source", Transition.TRANSITION_CONFIGURE, watch)
        processes.wait_until(
            executor,
            lambda: (
                recorder.count_subscribers("/image_raw") >= 3 and all(map(recorder.count_publishers, shown))
            ),
            watch,
            "the detectors do not start",
            timeout_s=START_S,
        )
        processes.change_state(recorder, executor, "/video_source", Transition.TRANSITION_ACTIVATE, watch)
        try:
            _stream(recorder, executor, frames, watch, show)
            while show_address is not None:  # until the user ends it
                runtime.turn(executor, 0.1)
                watch()
                show(recorder.tally)
        except (KeyboardInterrupt, ExternalShutdownException):
            if show_address is None or not recorder.tally.images:
                raise
    except ExternalShutdownException as error:
        raise KeyboardInterrupt from error
    finally:
        for child in children:
            child.stop()
        recorder.close()
        recorder.destroy_node()
        rclpy.try_shutdown()
        signal.signal(signal.SIGINT, on_interrupt)
    return recorder.tally


def _stream(
    recorder: Recorder,
    executor: Executor,
    frames: int,
    watch: Callable[[], None],
    show: Callable[[Tally], None],
) -> None:
    """Let `frames` images pass, then wait for the last detections."""
    tally = recorder.tally
    seen, seen_s = 0, time.monotonic()
    while len(tally.images) < frames:
        runtime.turn(executor, 0.1)
        watch()
        if len(tally.images) > seen:
            seen, seen_s = len(tally.images), time.monotonic()
            show(tally)
        elif time.monotonic() - seen_s > SILENCE_S:
            raise SourceError(f"the source sent {seen} of {frames} images, then nothing for {SILENCE_S:g} s")
    with contextlib.suppress(processes.ProcessError):  # a dropped last image never gets detections
        last = max(tally.images)
        processes.wait_until(
            executor,
            lambda: max(tally.processed, default=0) >= last,
            watch,
            "no last detections",
            timeout_s=3.0,
        )
