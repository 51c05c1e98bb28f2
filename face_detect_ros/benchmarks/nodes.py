# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the nodes cost besides the network: overhead per image, processes, executors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from vision_msgs.msg import Detection2DArray

from face_detect_ros.benchmarks.rows import Row
from face_detect_ros.ros import qos, runtime
from face_detect_ros.ros.messages.headers import to_ns
from face_detect_ros.ros.processes import NodeProcess, wait_until

SOURCE = "face_detect_ros.ros.nodes.video_source"
DETECTOR = "face_detect_ros.ros.nodes.face_detector"
PERCEPTION = "face_detect_ros.ros.nodes.perception"
NULL = "face_detect_ros.benchmarks.null_node"
SIZES = ((640, 480), (1920, 1080))
# goals for arrival to published without the network, per size, in milliseconds
OVERHEAD_GOAL_MS = {(640, 480): 3.0, (1920, 1080): 8.0}
IMAGES = 60
CPU_SPAN_S = 8.0
RATE_HZ = 30.0


Processes = dict[str, tuple[str, Mapping[str, Any], tuple[str, ...]]]


@dataclass
class Observation:
    """What a run of some processes showed: latencies of each image, seconds of processor time per second."""

    latency_ms: list[float] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def p50_ms(self) -> float:
        return float(np.percentile(self.latency_ms, 50))

    def figure(self, name: str) -> float:
        """A number that the detector's diagnostics gave last."""
        return float(self.values[name])


class _Probe(Node):
    """Sees the detections and the diagnostics of the face detector."""

    def __init__(self) -> None:
        super().__init__("bench")
        self.seen = Observation()
        self.create_subscription(
            Detection2DArray, "/face_detector/detections", self._on_detections, qos.output()
        )
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def _on_detections(self, message: Detection2DArray) -> None:
        age_ns = self.get_clock().now().nanoseconds - to_ns(message.header.stamp)
        self.seen.latency_ms.append(age_ns / 1e6)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.partition(": ")[0] == "face_detector":
                self.seen.values = {item.key: item.value for item in status.values}


def observe(
    processes: Processes,
    images: int = 0,
    span_s: float = 0.0,
) -> Observation:
    """Run nodes and observe their detections and diagnostics.

    Args:
        processes: Name -> module, parameters and arguments.
        images: Number of detection messages to wait for first.
        span_s: How long to observe after that.

    Raises:
        ProcessError: A process ended, or there were too few detections within two minutes, or, without `images`, no
            diagnostics within one.
    """
    node = _Probe()
    executor = runtime.make_executor()
    executor.add_node(node)
    started = {name: NodeProcess(*arguments) for name, arguments in processes.items()}

    def watch() -> None:
        for process in started.values():
            process.check()

    try:
        if images:
            count = images + 5  # the first ones pay for warming up
            wait_until(
                executor, lambda: len(node.seen.latency_ms) >= count, watch, "too few detections", 120.0
            )
            del node.seen.latency_ms[:5]
        else:
            wait_until(executor, lambda: bool(node.seen.values), watch, "no diagnostics", 60.0)
        if span_s:
            cpu_s = {name: process.cpu_s() for name, process in started.items()}
            start_s = time.monotonic()
            wait_until(executor, lambda: time.monotonic() - start_s > span_s, watch, "", span_s + 60.0)
            elapsed_s = time.monotonic() - start_s
            for name, process in started.items():
                node.seen.cpu[name] = (process.cpu_s() - cpu_s[name]) / elapsed_s
    finally:
        for process in started.values():
            process.stop()
        executor.remove_node(node)
        node.destroy_node()
    return node.seen


def _stream(width: int, height: int, rate_hz: float) -> dict[str, Any]:
    return {"source": "sample:astronaut", "width": width, "height": height, "rate_hz": rate_hz}


def _one_process(width: int, height: int, rate_hz: float) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Source and face detector in one process, without the object detector."""
    return (PERCEPTION, {**_stream(width, height, rate_hz), "object_detector": {"model": ""}}, ())


def overhead(observe: Callable[..., Observation]) -> list[Row]:
    """Image arrival to detections published, without the network's own time; and the whole way between processes."""
    rows = []
    for width, height in SIZES:
        size, goal_ms = f"{width}x{height}", OVERHEAD_GOAL_MS[width, height]
        # slow enough for the network, so that no image waits for another
        rate_hz, images = (5.0, IMAGES) if width < 1000 else (1.2, IMAGES // 2)
        seen = observe(
            {"source": (SOURCE, _stream(width, height, rate_hz), ()), "detector": (DETECTOR, {}, ())},
            images,
        )
        for percent in (50, 95):
            ours = seen.figure(f"overhead_p{percent}_ms")
            rows.append(
                Row(f"arrival to published without network, p{percent}, {size}", "ms", ours, goal=goal_ms)
            )
        network_ms = seen.figure("network_p50_ms")
        apart = observe(
            {
                "source": (SOURCE, _stream(width, height, RATE_HZ), ()),
                "null": (NULL, {"model": "null"}, ("events",)),
            },
            IMAGES,
        )
        together = observe({"all": _one_process(width, height, rate_hz)}, images)
        rows.append(
            Row(
                f"stamp to detections received, one process, p50, {size}",
                "ms",
                together.p50_ms(),
                seen.p50_ms(),
                "two processes",
                network_ms,
                "network alone",
            )
        )
        rows.append(Row(f"stamp to detections received, no network, p50, {size}", "ms", apart.p50_ms()))
    return rows


def cpu(observe: Callable[..., Observation]) -> list[Row]:
    """Processor time of the detector node without its network, by executor; and of one process against two."""
    rows = []
    for name, stream in (("idle", None), (f"at {RATE_HZ:g} Hz 640x480", _stream(640, 480, RATE_HZ))):
        used = {}
        for kind in ("events", "single", "multi"):
            processes: Processes = {"node": (NULL, {"model": "null"}, (kind,))}
            if stream is not None:
                processes["source"] = (SOURCE, stream, ())
            used[kind] = observe(processes, span_s=CPU_SPAN_S).cpu["node"] * 100
        for peer, peer_name in (("single", "SingleThreadedExecutor"), ("multi", "MultiThreadedExecutor")):
            rows.append(Row(f"CPU of the node {name}", "% of a core", used["events"], used[peer], peer_name))
    stream = _stream(640, 480, RATE_HZ)
    apart = observe({"source": (SOURCE, stream, ()), "detector": (DETECTOR, {}, ())}, 10, CPU_SPAN_S)
    together = observe({"all": _one_process(640, 480, RATE_HZ)}, 10, CPU_SPAN_S)
    rows.append(
        Row(
            f"CPU of source and detector at {RATE_HZ:g} Hz 640x480, one process",
            "% of a core",
            sum(together.cpu.values()) * 100,
            sum(apart.cpu.values()) * 100,
            "two processes",
        )
    )
    return rows


OBSERVATIONS = 14
"""How often `run` calls `advance`."""


def run(advance: Callable[[], None] = lambda: None) -> list[Row]:
    """All rows; `advance` is called after each of the `OBSERVATIONS`."""

    def observed(*arguments: Any, **options: Any) -> Observation:
        seen = observe(*arguments, **options)
        advance()
        return seen

    runtime.carry_large_images()
    rclpy.init()
    try:
        return [*overhead(observed), *cpu(observed)]
    finally:
        rclpy.try_shutdown()
