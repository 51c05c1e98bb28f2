# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether a node stays as it was: after many lives and subscribers, with ten times too many images, in long work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from vision_msgs.msg import Detection2DArray

from face_detect_ros.ros import qos, runtime
from face_detect_ros.ros.processes import NodeProcess, ProcessError, wait_until

NODE = "/face_detector"
WARM = 50
"""Lives and subscribers that load libraries and fill caches, and do not count."""
WARM_IMAGES = 400
"""Images after which the allocator has taken what it keeps; it takes a large piece once, after 150 to 250 of them."""
CYCLE = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
)
_DETECTOR = "face_detect_ros.ros.nodes.face_detector"
_SOURCE = "face_detect_ros.ros.nodes.video_source"
_PERCEPTION = "face_detect_ros.ros.nodes.perception"
_TOO_MANY = 10


@dataclass(frozen=True)
class Footprint:
    """What a process holds: memory of its own in megabytes, threads, file descriptors, topics and services.

    The shared memory of DDS is left out: it fills once, as images come.
    """

    memory_mb: float
    threads: int
    files: int
    entities: int


@dataclass(frozen=True)
class Endurance:
    """What a process held before and after something was done many times."""

    what: str
    times: int
    before: Footprint
    after: Footprint
    seconds: float


@dataclass(frozen=True)
class Overload:
    """What became of more images than a node can process.

    Attributes:
        input_hz: Images per second that came.
        output_hz: Results per second.
        inference_alone_ms: Median time in the network before the overload.
        inference_ms: Percentiles 50 and 95 of the time in the network during the overload, as the node reports them.
        latency_ms: Percentiles 50, 95 and 99 and the highest, from stamp to arrival in another process.
        inference_times: Percentiles 50 and 95 of the latency as multiples of the same percentiles of `inference_ms`.
        memory_mb: At the beginning and at the end.
        unaccounted: Images received that are neither processed nor dropped, rejected or in hand.
    """

    seconds: float
    input_hz: float
    output_hz: float
    inference_alone_ms: float
    inference_ms: tuple[float, float]
    latency_ms: tuple[float, float, float, float]
    inference_times: tuple[float, float]
    memory_mb: tuple[float, float]
    unaccounted: int


class _Watcher(Node):
    """Drives the node, and sees its detections and diagnostics."""

    def __init__(self, name: str) -> None:
        super().__init__(f"bench_{name}", start_parameter_services=False)
        self.executor_ = runtime.make_executor()
        self.executor_.add_node(self)
        self.values: dict[str, str] = {}
        self.ages_ms: list[float] = []
        self.network_ms: list[tuple[float, float]] = []  # percentiles 50 and 95, once a second
        self.create_subscription(DiagnosticArray, "/diagnostics", self._keep, 10)

    def close(self) -> None:
        self.executor_.remove_node(self)
        self.executor_.shutdown()
        self.destroy_node()

    def _keep(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(f"{NODE[1:]}: "):
                self.values = {item.key: item.value for item in status.values}
                p50, p95 = (self.values.get(f"network_p{percent}_ms") for percent in (50, 95))
                if p50 and p95:
                    self.network_ms.append((float(p50), float(p95)))

    def keep_ages(self) -> Any:
        def arrived(message: Detection2DArray) -> None:
            stamp = message.header.stamp
            now_ns = self.get_clock().now().nanoseconds
            self.ages_ms.append(now_ns / 1e6 - stamp.sec * 1e3 - stamp.nanosec / 1e6)

        return self.create_subscription(Detection2DArray, f"{NODE}/detections", arrived, qos.output())

    def spin_for(self, seconds: float, watch: Callable[[], None]) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            watch()
            self.executor_.spin_once(timeout_sec=min(left_s, 0.1))

    def wait_for_images(self, count: int, watch: Callable[[], None]) -> None:
        """Wait until the node has processed so many images."""
        wait_until(
            self.executor_,
            lambda: int(self.values.get("processed", 0)) >= count,
            watch,
            "too few images",
            300.0,
        )

    def footprint(self, pid: int) -> Footprint:
        name = NODE[1:]
        entities = [
            *self.get_publisher_names_and_types_by_node(name, "/"),
            *self.get_subscriber_names_and_types_by_node(name, "/"),
            *self.get_service_names_and_types_by_node(name, "/"),
        ]
        return Footprint(
            _own_memory_mb(pid),
            len(os.listdir(f"/proc/{pid}/task")),
            len(list(Path(f"/proc/{pid}/fd").iterdir())),
            len(entities),
        )


def lives(times: int) -> Endurance:
    """Configure, activate, deactivate and clean up the face detector again and again."""
    watcher = _Watcher("lives")
    process = NodeProcess(_DETECTOR, {"autostart": False, "recognize": False})
    # one client for all calls: the answer to one that the node has only just discovered may get lost
    client = watcher.create_client(ChangeState, f"{NODE}/change_state")
    try:
        wait_until(
            watcher.executor_, client.service_is_ready, process.check, f"{NODE} does not appear", 120.0
        )

        def live(count: int) -> None:
            for number in range(count):
                for transition in CYCLE:
                    future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
                    wait_until(
                        watcher.executor_,
                        future.done,
                        process.check,
                        f"{NODE} does not answer in life {number}",
                        60.0,
                    )
                    if not future.result().success:
                        raise ProcessError(f"{NODE} refused transition {transition} in life {number}")

        live(WARM)
        watcher.spin_for(1.0, process.check)
        before, began_s = watcher.footprint(process.pid), time.monotonic()
        live(times)
        seconds = time.monotonic() - began_s
        watcher.spin_for(1.0, process.check)
        after = watcher.footprint(process.pid)
        return Endurance("configure, activate, deactivate, clean up", times, before, after, seconds)
    finally:
        process.stop()
        watcher.close()


def subscribers(times: int) -> Endurance:
    """Subscribe to the detections of a working face detector, and leave, again and again."""
    watcher = _Watcher("subscribers")
    process = NodeProcess(_DETECTOR, {"recognize": False})
    source = NodeProcess(_SOURCE, _stream(20.0))

    def check() -> None:
        process.check()
        source.check()

    try:

        def visit(count: int) -> None:
            for _ in range(count):
                watcher.ages_ms.clear()
                subscription = watcher.keep_ages()
                wait_until(watcher.executor_, lambda: bool(watcher.ages_ms), check, "no detections")
                watcher.destroy_subscription(subscription)

        visit(WARM)
        watcher.wait_for_images(WARM_IMAGES, check)
        before, began_s = watcher.footprint(process.pid), time.monotonic()
        visit(times)
        seconds = time.monotonic() - began_s
        return Endurance("subscribe, receive, leave", times, before, watcher.footprint(process.pid), seconds)
    finally:
        source.stop()
        process.stop()
        watcher.close()


def soak(seconds: float, rate_hz: float = 10.0) -> Endurance:
    """Camera, faces with recognition and objects in one process for a long time, at a rate that it manages."""
    watcher = _Watcher("soak")
    process = NodeProcess(_PERCEPTION, {**_stream(rate_hz), "motion": True})
    try:
        watcher.keep_ages()
        watcher.wait_for_images(WARM_IMAGES, process.check)
        before, first, began_s = watcher.footprint(process.pid), len(watcher.ages_ms), time.monotonic()
        watcher.spin_for(seconds, process.check)
        after, passed_s = watcher.footprint(process.pid), time.monotonic() - began_s
        return Endurance("perception, results", len(watcher.ages_ms) - first, before, after, passed_s)
    finally:
        process.stop()
        watcher.close()


def overload(seconds: float) -> Overload:
    """Ten times as many images as the face detector can process."""
    watcher = _Watcher("overload")
    process = NodeProcess(_DETECTOR, {"recognize": False})
    source = NodeProcess(_SOURCE, _stream(2.0))
    try:

        def check() -> None:
            process.check()
            source.check()

        watcher.keep_ages()
        wait_until(watcher.executor_, lambda: len(watcher.ages_ms) > 15, check, "no detections", 120.0)
        watcher.spin_for(1.5, check)
        alone_ms, whole_ms = (float(watcher.values[f"{name}_p50_ms"]) for name in ("network", "processing"))
        source.stop()
        source = NodeProcess(_SOURCE, _stream(min(1000.0, _TOO_MANY * 1000 / whole_ms)))
        watcher.wait_for_images(WARM_IMAGES, check)
        memory, first = _own_memory_mb(process.pid), len(watcher.ages_ms)
        watcher.network_ms.clear()
        watcher.spin_for(seconds, check)
        ages_ms = np.array(watcher.ages_ms[first:])
        values = watcher.values
        counted = sum(int(values[key]) for key in ("processed", "dropped", "rejected", "over_rate", "stale"))
        p50, p95, p99, most = np.percentile(ages_ms, (50, 95, 99, 100)).tolist()
        network_p50, network_p95 = np.mean(watcher.network_ms, axis=0).tolist()
        return Overload(
            seconds,
            float(values["input_hz"]),
            len(ages_ms) / seconds,
            alone_ms,
            (network_p50, network_p95),
            (p50, p95, p99, most),
            (p50 / network_p50, p95 / network_p95),
            (memory, _own_memory_mb(process.pid)),
            int(values["received"]) - counted,
        )
    finally:
        source.stop()
        process.stop()
        watcher.close()


def _own_memory_mb(pid: int) -> float:
    """Resident memory of a process that it shares with nobody, in megabytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / 1e6


def _stream(rate_hz: float) -> dict[str, Any]:
    return {"source": "sample:astronaut", "width": 640, "height": 480, "rate_hz": rate_hz}


def run(cycles: int, visits: int, overload_s: float, soak_s: float) -> dict[str, Any]:
    """Run the parts that are asked for; 0 leaves one out. Initializes ROS, and shuts it down.

    Args:
        cycles: Lives of a node, see `lives`.
        visits: Of a subscriber, see `subscribers`.
        overload_s: Duration of `overload`.
        soak_s: Duration of `soak`.

    Returns:
        The figures of each part, by its name.
    """
    runtime.carry_large_images()
    rclpy.init()
    try:
        found: dict[str, Any] = {}
        if cycles:
            found["lives"] = asdict(lives(cycles))
        if visits:
            found["subscribers"] = asdict(subscribers(visits))
        if overload_s:
            found["overload"] = asdict(overload(overload_s))
        if soak_s:
            found["soak"] = asdict(soak(soak_s))
        return found
    finally:
        rclpy.try_shutdown()
