# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros demo`: a moving image of two people through real topics, and what came out of it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError, SourceError
from face_detect_ros.sources.options import SourceOptions, describe

if TYPE_CHECKING:
    from rclpy.executors import Executor

    from face_detect_ros.demo.recorder import Recorder, Tally

# two portraits in the public domain that come with scikit-image (NASA) and matplotlib (US Navy)
KNOWN, KNOWN_SAMPLE = "Eileen Collins", "astronaut"
STRANGER_SAMPLE = "grace_hopper"
SIZE = (960, 540)
RATE_HZ = 10.0
# loading the networks takes a few seconds, and minutes on a small or busy computer
START_S = 180.0
SILENCE_S = 10.0
# files that a demo leaves, and may therefore replace
RESULTS = ("annotated.mp4", "objects.mp4", "detections.jsonl", "bag")
MADE = (*RESULTS, "two_people.png", "gallery.sqlite3", "gallery.sqlite3-wal", "gallery.sqlite3-shm")


def demo(
    frames: Annotated[int, typer.Option(min=1, help="How many images to stream.")] = 300,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")] = Path("demo_out"),
    source: Annotated[
        str | None,
        typer.Option(help="Stream this instead: an image, folder, video, device or URL."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Face detector.")] = None,
) -> None:
    """Stream a moving image of two people, one of them enrolled, through the nodes, and record what they say.

    The video source, the face detector and the object detector run in processes of their own. Leaves annotated.mp4,
    objects.mp4, detections.jsonl and an MCAP bag (for Foxglove and ros2 bag). Exit code 1 if no face was found, if the
    enrolled person was not recognized, if somebody else was taken for them, or if the object detector saw no person.
    """
    with exit_codes():
        if source is not None:
            SourceOptions(source)  # refused before anything is started
        _prepare(out)
        gallery = out / "gallery.sqlite3"
        stream = source or _two_people(out, gallery)
        tally = _run(frames, out, stream, model, gallery)
        _print_table(tally)
        typer.echo(f"results: {', '.join(str(out / name) for name in RESULTS)}")
        if not tally.detections:
            raise DetectorError(f"no face was found in {len(tally.processed)} images of {describe(stream)}")
        if source is None:
            _check_names(tally)
            if not tally.objects["person"]:
                raise DetectorError(f"the object detector saw no person in {tally.searched} images")


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in MADE:
            path = out / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error}; give another folder with --out") from error


def _two_people(out: Path, gallery: Path) -> str:
    """Enroll one person from one photo; an image of them beside a stranger. Raises DetectorError if refused."""
    import cv2
    import numpy as np

    from face_detect_ros.faces.options import EnrollmentOptions
    from face_detect_ros.images.reading import read_image, sample_file
    from face_detect_ros.pipeline.enroller import Enroller
    from face_detect_ros.pipeline.recipe import Recipe, Recognition

    with Recipe(task="faces", tracker=None, recognition=Recognition(gallery)).build() as pipeline:
        record = Enroller(pipeline, EnrollmentOptions()).enroll(KNOWN, sample_file(KNOWN_SAMPLE))
    if not record["enrolled"]:
        raise DetectorError(f"{KNOWN} was not enrolled: {record['message']}")
    known, stranger = (read_image(sample_file(name)) for name in (KNOWN_SAMPLE, STRANGER_SAMPLE))
    typer.echo(f"enrolled {KNOWN} from one photo", err=True)
    width = round(stranger.shape[1] * known.shape[0] / stranger.shape[0])
    both = np.hstack([known, cv2.resize(stranger, (width, known.shape[0]), interpolation=cv2.INTER_AREA)])
    path = out / "two_people.png"
    if not cv2.imwrite(str(path), both[..., ::-1]):
        raise OutputError(f"cannot write {path}; is the disk full?")
    return str(path)


def _check_names(tally: Tally) -> None:
    """Raise DetectorError unless the enrolled person, and nobody else, was recognized."""
    if not tally.names[KNOWN]:
        raise DetectorError(f"{KNOWN} was enrolled but not recognized in {len(tally.processed)} images")
    if tally.images_with_doubles:
        raise DetectorError(f"a stranger was taken for {KNOWN} in {tally.images_with_doubles} images")
    if not tally.names["unknown"]:
        raise DetectorError("the stranger was not seen")


def _run(frames: int, out: Path, source: str, model: str | None, gallery: Path) -> Tally:
    # before rclpy makes its context: machine-local and apart from other robots
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    try:
        import rclpy
        from lifecycle_msgs.msg import Transition

        from face_detect_ros.demo.recorder import Recorder
        from face_detect_ros.ros import processes, runtime
    except ImportError as error:
        raise ConfigError(f"the demo needs ROS 2 ({error}); see: face_detect_ros doctor") from error

    runtime.carry_large_images()
    rclpy.init()
    recorder = Recorder(out, "/image_raw", "/face_detector", "/object_detector", RATE_HZ)
    executor = runtime.make_executor()
    executor.add_node(recorder)
    width, height = SIZE
    stream = {"source": source, "motion": True, "rate_hz": RATE_HZ, "width": width, "height": height}
    detector = {"gallery": gallery.resolve(), **({"model": model} if model else {})}
    children = [
        processes.NodeProcess("face_detect_ros.ros.nodes.face_detector", detector),
        processes.NodeProcess("face_detect_ros.ros.nodes.object_detector", {}),
        processes.NodeProcess("face_detect_ros.ros.nodes.video_source", {**stream, "autostart": False}),
    ]

    def watch() -> None:
        for child in children:
            child.check()
        if not rclpy.ok():
            raise KeyboardInterrupt

    try:
        typer.echo(
            f"streaming {describe(source)} at {RATE_HZ:g} Hz; ROS_DOMAIN_ID={os.environ['ROS_DOMAIN_ID']}",
            err=True,
        )
        processes.change_state(recorder, executor, "/video_source", Transition.TRANSITION_CONFIGURE, watch)
        processes.wait_until(
            executor,
            lambda: recorder.count_subscribers("/image_raw") >= 3,
            watch,
            "the detectors do not start",
            timeout_s=START_S,
        )
        processes.change_state(recorder, executor, "/video_source", Transition.TRANSITION_ACTIVATE, watch)
        _stream(recorder, executor, frames, watch)
    finally:
        for child in children:
            child.stop()
        recorder.close()
        recorder.destroy_node()
        rclpy.try_shutdown()
    return recorder.tally


def _stream(recorder: Recorder, executor: Executor, frames: int, watch: Callable[[], None]) -> None:
    """Let `frames` images pass, with a progress bar, then wait for the last detections."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from face_detect_ros.ros import processes

    tally = recorder.tally
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} Hz"),
        TimeRemainingColumn(),
    )
    seen, seen_s, started_s = 0, time.monotonic(), time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("pictures", total=frames, rate=0.0)
        while len(tally.images) < frames:
            executor.spin_once(timeout_sec=0.1)
            watch()
            now_s = time.monotonic()
            if len(tally.images) > seen:
                seen, seen_s = len(tally.images), now_s
                text = f"images, {tally.detections} faces"
                progress.update(
                    bar, completed=seen, description=text, rate=seen / max(now_s - started_s, 0.1)
                )
            elif now_s - seen_s > SILENCE_S:
                raise SourceError(
                    f"the source sent {seen} of {frames} images, then nothing for {SILENCE_S:g} s"
                )
    with contextlib.suppress(processes.ProcessError):  # a dropped last image never gets detections
        last = max(tally.images)
        processes.wait_until(
            executor,
            lambda: max(tally.processed, default=0) >= last,
            watch,
            "no last detections",
            timeout_s=3.0,
        )


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
