# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One detector node for several cameras: what each camera gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import rclpy

from face_detect_ros.benchmarks.latency import measure
from face_detect_ros.ros import runtime
from face_detect_ros.ros.processes import NodeProcess

COUNTS = (1, 2, 4, 8)
_RIG = "face_detect_ros.benchmarks.camera_rig"
_DETECTOR = "face_detect_ros.ros.nodes.object_detector"


@dataclass(frozen=True)
class CamerasRow:
    """What was measured with some cameras.

    Attributes:
        cameras: Number of cameras.
        input_hz: Images per second of each.
        total_hz: Results per second of all.
        least_hz: Of the camera that got fewest results per second; most_hz of the one that got most.
        p50_ms: Greatest of the cameras' median latencies from stamp to arrival; p95_ms likewise.
        cpu_percent: Of one core, of the detector.
        memory_mb: Of the detector.
    """

    cameras: int
    input_hz: float
    total_hz: float
    least_hz: float
    most_hz: float
    p50_ms: float
    p95_ms: float
    cpu_percent: float
    memory_mb: float


def run(rate_hz: float, seconds: float, counts: Sequence[int] = COUNTS) -> list[CamerasRow]:
    """Measure the object detector with its defaults. Initializes ROS, and shuts it down.

    Args:
        rate_hz: Images per second of each camera.
        seconds: How long, for each number of cameras.
        counts: Numbers of cameras.
    """
    runtime.carry_large_images()
    rclpy.init()
    try:
        return [_measure(count, rate_hz, seconds) for count in counts]
    finally:
        rclpy.try_shutdown()


def _measure(count: int, rate_hz: float, seconds: float) -> CamerasRow:
    names = [f"camera{number}" for number in range(count)]
    detector = NodeProcess(_DETECTOR, {"cameras": ", ".join(names)})
    rig = NodeProcess(_RIG, {}, (f"{rate_hz:g}", *names))
    try:
        topics = [f"/object_detector/{name}/detections" for name in names]
        pids = dict.fromkeys(topics, detector.pid)
        rows = measure(topics, seconds, pids=pids, processes=(detector, rig))
    finally:
        rig.stop()
        detector.stop()
    rates = [row.rate_hz for row in rows]
    return CamerasRow(
        count,
        rate_hz,
        sum(rates),
        min(rates),
        max(rates),
        max(row.p50_ms or 0.0 for row in rows),
        max(row.p95_ms or 0.0 for row in rows),
        rows[0].cpu_percent or 0.0,
        rows[0].memory_mb or 0.0,
    )
