# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What bags cost beside the network: CPU time per image, and how much of a network's own rate is reached.

The network is one that only waits, as one on a GPU does for the CPU, so its time is the same in every run. CPU time
does not grow with what else the machine does.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from face_detect_ros.bags.images import COMPRESSED, IMAGE, jpeg_message
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.types import header, message, serialize
from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.benchmarks.photos import photo
from face_detect_ros.benchmarks.rows import Row
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.fleet import driver
from face_detect_ros.fleet.local_pool import LocalPool
from face_detect_ros.fleet.one_bag.job import Job, Task
from face_detect_ros.fleet.one_bag.journal import Journal
from face_detect_ros.fleet.one_bag.processing import Watcher, detect_only, process
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.pipeline.stages.cover import CoverFaces
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.viz.anonymize import AnonymizerOptions

SIZE = (1280, 720)
IMAGES = 120
NETWORK_S = 0.02
_FLEET_NETWORK_S = 0.05
_BAGS, _WORKERS = 4, (1, 2)
_STEP_NS = 66_666_667
_START_NS = 1_700_000_000_000_000_000


class _Waiting:
    """A detector that waits, then finds one face."""

    labels: tuple[str, ...] = ("face",)
    device = "none"

    def __init__(self, wait_s: float) -> None:
        self.times = StageTimes()
        self.wait_s = wait_s

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        time.sleep(self.wait_s)
        self.times = StageTimes(network_ms=self.wait_s * 1e3)
        return [Detections(np.array([[400, 200, 500, 320]]), np.array([0.9]), np.array([0])) for _ in images]

    def warmup(self) -> None:
        pass

    def close(self) -> None:
        pass


def run() -> list[Row]:
    """CPU time of each step of work on bags with JPEG and with raw images, and the share of the network's rate."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="face_detect_ros-bench-") as folder:
        for name, raw in (("JPEG", False), ("raw", True)):
            rows += _of_bag(Path(folder) / name, name, raw=raw)
        rows += _of_fleet(Path(folder))
    return rows


@dataclass(frozen=True)
class WaitingRecipe(Recipe):
    """Builds a pipeline around a `_Waiting` detector in any process."""

    task: str = "faces"
    wait_s: float = 0.0

    def build(self) -> Pipeline:
        """As every recipe."""
        return _pipeline(self.wait_s)


def _of_fleet(folder: Path) -> list[Row]:
    """Bags side by side in one process and in several, from the start of the processes to the last result."""
    first = folder / "JPEG" / "bag"
    copies = [folder / f"bag_{number}" for number in range(1, _BAGS)]
    for copy in copies:
        shutil.copytree(first, copy)
    bags = [(str(path), path.name) for path in (first, *copies)]
    tasks = (Task(WaitingRecipe(wait_s=_FLEET_NETWORK_S)),)
    rows = []
    for workers in _WORKERS:
        began_s = time.monotonic()
        out = folder / f"fleet_{workers}"
        report = driver.run(
            Job(Path(), tasks), bags, out, partial(LocalPool, tasks, workers), driver.Options()
        )
        per_image_ms = (time.monotonic() - began_s) / report.images * 1e3
        network_ms = _FLEET_NETWORK_S * 1e3
        limit_name = f"a network of {network_ms:.0f} ms each"
        name = f"fleet of {_BAGS} bags, {workers} worker{'s' * (workers != 1)}"
        rows.append(
            Row(name, "ms per image", per_image_ms, limit=network_ms / workers, limit_name=limit_name)
        )
    return rows


def _of_bag(folder: Path, name: str, *, raw: bool) -> list[Row]:
    folder.mkdir()
    bag = _write(folder / "bag", raw=raw)
    tasks = (Task(Recipe(task="faces")),)
    job, copy = Job(bag, tasks), Job(bag, tasks, anonymize=True)
    quick = {"faces": _pipeline(0.0)}
    journal = folder / "journal.sqlite3"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("read, decode, keep answers", lambda: detect_only(job, (0, 1 << 62), journal, quick)),
        ("track and write, answers known", lambda: _finish(job, journal, folder / "out", quick)),
        ("everything with --anonymize", lambda: process(copy, folder / "copy", lambda: quick)),
    ]
    title = f"{name} {SIZE[0]}x{SIZE[1]}"
    rows = [Row(f"{title}: {what}", "ms CPU per image", _cpu_ms(action) / IMAGES) for what, action in steps]
    slow = {"faces": _pipeline(NETWORK_S)}
    watcher = _Times()
    began_s = time.monotonic()
    process(job, folder / "slow", lambda: slow, watcher)
    all_ms = (time.monotonic() - began_s) * 1e3
    steady_ms = (watcher.images_s[-1] - watcher.images_s[0]) * 1e3
    per_image_ms = steady_ms / (IMAGES - 1)
    network_ms = NETWORK_S * 1e3
    network = f"a network of {network_ms:.0f} ms"
    return [
        *rows,
        Row(
            f"{title}: bag IN OUT with {network}",
            "ms per image",
            per_image_ms,
            limit=network_ms,
            limit_name=network,
            goal=network_ms / 0.9,
        ),
        Row(f"{title}: start and end of that", "ms per bag", all_ms - steady_ms),
    ]


class _Times(Watcher):
    """When each image was done."""

    def __init__(self) -> None:
        self.images_s: list[float] = []

    def image(self) -> None:
        self.images_s.append(time.monotonic())


def _finish(job: Job, path: Path, out: Path, pipelines: dict[str, Pipeline]) -> None:
    with BagReader(job.bag) as reader:
        journal = Journal(path, job.describe(reader))
    try:
        process(job, out, lambda: pipelines, recorded=journal.get)
    finally:
        journal.close()


def _cpu_ms(action: Callable[[], object]) -> float:
    began_s = time.process_time()
    action()
    return (time.process_time() - began_s) * 1e3


def _pipeline(wait_s: float) -> Pipeline:
    options = PipelineOptions(DetectOptions())
    track = Track(lambda: trackers.create(trackers.DEFAULT_TRACKER, TrackerOptions()))
    return Pipeline(_Waiting(wait_s), [track, CoverFaces(AnonymizerOptions())], options)


def _write(path: Path, *, raw: bool) -> Path:
    width, height = SIZE
    image = photo(width, height)
    writer = BagWriter(path)
    for number in range(IMAGES):
        stamp_ns = _START_NS + number * _STEP_NS
        moved = np.ascontiguousarray(np.roll(image, 2 * number, axis=1))
        if raw:
            head = header(stamp_ns, "camera")
            content = serialize(
                message(
                    IMAGE,
                    header=head,
                    height=height,
                    width=width,
                    encoding="rgb8",
                    is_bigendian=0,
                    step=3 * width,
                    data=moved.reshape(-1),
                )
            )
            writer.write("/camera/image_raw", IMAGE, stamp_ns, content)
        else:
            content = jpeg_message(moved, stamp_ns, "camera")
            writer.write("/camera/image_raw/compressed", COMPRESSED, stamp_ns, content)
    writer.close()
    return path
