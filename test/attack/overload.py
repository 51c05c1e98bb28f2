# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Overload: a camera many times faster than the detectors. Nothing queues, memory stays, every image is accounted for.

python test/attack/overload.py [--seconds 600] [--factor 10]
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.update(ROS_DOMAIN_ID=str(50 + os.getpid() % 50), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")

import numpy as np
import psutil
import rclpy

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.ros import runtime
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.object_detector import ObjectDetector

MEASURED_S = 10.0
WARM_UP = 0.5  # in the first minute the allocator takes its arenas
MOST_GROWTH = 0.05


class Camera:
    """Hands images to the nodes of its hub at a rate, in a thread of its own."""

    def __init__(self, hub: ImageHub, image: np.ndarray) -> None:
        self.sent = 0
        self.rate_hz = 1.0
        self._hub, self._image = hub, image
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._end.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + 1 / self.rate_hz, time.monotonic() - 1.0)
            self._hub.deliver("/image_raw", LazyFrame(time.time_ns(), "camera", lambda: self._image.copy()))
            self.sent += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument(
        "--factor", type=float, default=10.0, help="times the rate that the slower detector manages"
    )
    asked = parser.parse_args()
    from helpers.ros_tools import astronaut

    rclpy.init()
    hub = ImageHub()
    nodes = [FaceDetector(hub, cli_args=["--ros-args", "-p", "recognize:=false"]), ObjectDetector(hub)]
    executor = runtime.make_executor()
    for node in nodes:
        executor.add_node(node)
    ended = threading.Event()
    spinner = threading.Thread(target=lambda: runtime.spin(executor, until=ended.is_set))
    spinner.start()
    camera = Camera(hub, np.ascontiguousarray(astronaut()[:480]))
    try:
        while not all(node.active and node.pipeline is not None for node in nodes):
            time.sleep(0.1)
        camera.rate_hz = 1000.0  # saturates; what is processed is the rate that they manage
        before = [figures(node)["processed"] for node in nodes]
        time.sleep(MEASURED_S)
        rates = [
            (figures(node)["processed"] - old) / MEASURED_S for node, old in zip(nodes, before, strict=True)
        ]
        camera.rate_hz = asked.factor * max(1.0, min(rates))
        memory_mb = []
        process = psutil.Process()
        began_s = time.monotonic()
        while time.monotonic() - began_s < asked.seconds:
            time.sleep(1.0)
            memory_mb.append(process.memory_info().rss / 1e6)
    finally:
        camera.stop()
    time.sleep(3.0)
    warm = int(WARM_UP * len(memory_mb))
    window = max(1, len(memory_mb) // 10)
    early, late = np.median(memory_mb[warm : warm + window]), np.median(memory_mb[-window:])
    failed = late / early - 1 > MOST_GROWTH
    print(
        f"{asked.seconds:.0f} s at {camera.rate_hz:.0f} images/s ({asked.factor:g} times what is processed), "
        f"{camera.sent} sent; {early:.0f} -> {late:.0f} MB ({late / early - 1:+.1%})"
    )
    for node in nodes:
        found = figures(node)
        lost = found["received"] - found["processed"] - found["dropped"] - found["rejected"]
        failed |= not 0 <= lost <= 1  # one may be waiting
        print(
            f"{node.get_name()}: {found['received']} received, {found['processed']} processed, {found['dropped']} "
            f"dropped, {found['rejected']} rejected, {lost} unaccounted for; latency p50 "
            f"{node.channels[0].values().get('processing_p50_ms')} ms, p95 "
            f"{node.channels[0].values().get('processing_p95_ms')} ms"
        )
    ended.set()
    spinner.join()
    for node in nodes:
        node.stop(5.0)
        node.destroy_node()
    rclpy.try_shutdown()
    print("FAILED" if failed else "nothing to report")
    return int(failed)


def figures(node: FaceDetector | ObjectDetector) -> dict[str, int]:
    values = node.channels[0].values()
    return {key: int(values[key]) for key in ("received", "processed", "dropped", "rejected")}


if __name__ == "__main__":
    sys.exit(main())
