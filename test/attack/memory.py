# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Long lives: memory, threads and files of a process stay as they are, however often a node is configured and cleaned
up, and whatever sizes its images have.

python test/attack/memory.py [--lives 200] [--sizes 10000] [--seed 0] [--only lives]
"""

from __future__ import annotations

import argparse
import functools
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil

WARM_UP = 0.2
"""Share of the rounds after which libraries are loaded and caches are full."""
WINDOW = 0.1
"""Share of the rounds whose median is compared: the first after the warm-up with the last."""
MOST_GROWTH = 0.05
SMALLEST_PX, LARGEST_PX = 33, 400
FACE_EVERY = 10


def lives(node_class: Callable[..., object], parameters: dict[str, object], count: int) -> Iterator[None]:
    """Configures, activates, feeds, deactivates and cleans up a node."""
    import rclpy
    from helpers.ros_tools import astronaut, ros_arguments
    from rclpy.lifecycle import TransitionCallbackReturn

    from face_detect_ros.core.frame import LazyFrame

    rclpy.init()
    node = node_class(cli_args=ros_arguments({"autostart": False, **parameters}))
    picture = astronaut()
    for _ in range(count):
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        statistics = node.channels[0].stream.statistics
        for stamp_ns in (10**9, 2 * 10**9):
            node.hub.deliver("/image_raw", LazyFrame(stamp_ns, "camera", lambda: picture))
            processed = functools.partial(lambda s: int(s.values()["processed"]), statistics)
            until(lambda count=stamp_ns // 10**9, processed=processed: processed() >= count)
        assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
        yield
    node.destroy_node()
    rclpy.shutdown()


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline_s, "an image was not processed within 120 s"
        time.sleep(0.01)


def settled(number: Callable[[], int], most: int = 0) -> int:
    """A number that may still fall, such as that of threads which are about to end: the least one for a while.

    Returns at once what is no more than `most`.
    """
    deadline_s = time.monotonic() + (3.0 if most else 0.5)
    least = number()
    while least > most and time.monotonic() < deadline_s:
        time.sleep(0.05)
        least = min(least, number())
    return least


def lives_of_objects(count: int, seed: int) -> Iterator[None]:
    from face_detect_ros.ros.nodes.object_detector import ObjectDetector

    return lives(ObjectDetector, {}, count)


def lives_of_objects_on_torch(count: int, seed: int) -> Iterator[None]:
    from face_detect_ros.ros.nodes.object_detector import ObjectDetector

    return lives(ObjectDetector, {"engine": "torch"}, count)


def lives_of_faces(count: int, seed: int) -> Iterator[None]:
    from face_detect_ros.faces.embedders import catalogue as embedders
    from face_detect_ros.faces.gallery.gallery import Gallery
    from face_detect_ros.ros.nodes.face_detector import FaceDetector

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gallery.sqlite3"
        with Gallery(path, *embedders.identity(embedders.DEFAULT)) as gallery:
            gallery.enroll("Ann", np.ones(128) / 128, "a test")  # somebody, so that the network is loaded
        yield from lives(FaceDetector, {"gallery": str(path)}, count)


def odd_sizes(task: str, count: int, seed: int) -> Iterator[None]:
    """Images of as many sizes as there are images, now and then with a face."""
    import cv2
    from helpers.ros_tools import astronaut

    from face_detect_ros.core.frame import Frame
    from face_detect_ros.pipeline.recipe import Recipe, Recognition

    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (LARGEST_PX, LARGEST_PX, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        recognition = Recognition(Path(folder) / "gallery.sqlite3") if task == "faces" else None
        with Recipe(task=task, recognition=recognition).build() as pipeline:
            stream = pipeline.open_stream()
            for number in range(count):
                width, height = (int(side) for side in random.integers(SMALLEST_PX, LARGEST_PX, 2))
                image = noise[:height, :width]
                if number % FACE_EVERY == 0:
                    image = cv2.resize(astronaut(), (width, height), interpolation=cv2.INTER_AREA)
                frame = Frame(np.ascontiguousarray(image), (number + 1) * 10**8, "camera")
                pipeline.process([(stream, frame)], pipeline.default_options)
                yield


def sizes_of_objects(count: int, seed: int) -> Iterator[None]:
    return odd_sizes("objects", count, seed)


def sizes_of_faces(count: int, seed: int) -> Iterator[None]:
    return odd_sizes("faces", count, seed)


PARTS = {
    "lives_of_objects": lives_of_objects,
    "lives_of_objects_on_torch": lives_of_objects_on_torch,
    "lives_of_faces": lives_of_faces,
    "sizes_of_objects": sizes_of_objects,
    "sizes_of_faces": sizes_of_faces,
}


def measure(part: str, count: int, seed: int) -> int:
    """Runs one part in this process; the exit status."""
    process = psutil.Process()
    memory_mb: list[float] = []
    warm = max(1, round(WARM_UP * count))
    threads = files = 0
    began_s = time.monotonic()
    for number, _ in enumerate(PARTS[part](count, seed), 1):
        memory_mb.append(process.memory_info().rss / 1e6)
        if number == warm:
            gc.collect()
            threads, files = settled(process.num_threads), settled(process.num_fds)
        if number % max(1, count // 10) == 0:
            print(f"  {part} {number}: {memory_mb[-1]:.0f} MB", file=sys.stderr, flush=True)
        if number == count:
            more_threads = settled(process.num_threads, threads) - threads
            more_files = settled(process.num_fds, files) - files
    window = max(1, round(WINDOW * count))
    early = float(np.median(memory_mb[warm : warm + window]))
    late = float(np.median(memory_mb[-window:]))
    growth = late / early - 1
    failed = growth > MOST_GROWTH or more_threads > 0 or more_files > 0
    print(
        f"{part}: {count} rounds in {time.monotonic() - began_s:.0f} s, {early:.0f} -> {late:.0f} MB ({growth:+.1%}), "
        f"{max(memory_mb):.0f} MB at most, {more_threads:+} threads, {more_files:+} files"
        + ("  <- FAILED" if failed else ""),
        flush=True,
    )
    return int(failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lives", type=int, default=200, help="cycles of configure and cleanup")
    parser.add_argument("--sizes", type=int, default=10_000, help="images, each of a size of its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only parts whose name contains this")
    parser.add_argument("--here", choices=PARTS, help=argparse.SUPPRESS)  # in this process
    asked = parser.parse_args()
    if asked.here:
        count = asked.lives if asked.here.startswith("lives") else asked.sizes
        return measure(asked.here, count, asked.seed)
    os.environ.update(ROS_DOMAIN_ID=str(50 + os.getpid() % 50), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    options = ["--lives", str(asked.lives), "--sizes", str(asked.sizes), "--seed", str(asked.seed)]
    statuses = [
        subprocess.run([sys.executable, __file__, "--here", part, *options], check=False).returncode
        for part in PARTS
        if asked.only in part
    ]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
