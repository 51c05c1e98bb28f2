# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How old results are when they arrive: of any node that publishes messages with a header, ours or not."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from face_detect_ros.benchmarks.header_stamps import stamp_ns
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros import runtime
from face_detect_ros.ros.processes import NodeProcess, wait_until

DISCOVERY_S = 10.0
SETTLE_S = 3.0
"""Left out at the beginning: networks warm up, and discovery is at work."""
_OTHER_CLOCK_S = 3600.0
_SOURCE = "face_detect_ros.ros.nodes.video_source"
_FACES = "face_detect_ros.ros.nodes.face_detector"
_OBJECTS = "face_detect_ros.ros.nodes.object_detector"
_PERCEPTION = "face_detect_ros.ros.nodes.perception"


@dataclass(frozen=True)
class LatencyRow:
    """What was measured on one topic.

    Attributes:
        topic: Of the results.
        node: That publishes it.
        count: Messages that counted.
        rate_hz: Messages per second.
        p50_ms: Median time from the stamp of the image to the arrival of the result; None where the stamps are of
            another clock. p95_ms, p99_ms and max_ms likewise.
        drops_percent: Images without a result; None where no image topic was given.
        cpu_percent: Of one core, of the process; None where it is not known.
        memory_mb: Resident memory of the process in megabytes; None where it is not known.
    """

    topic: str
    node: str
    count: int
    rate_hz: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    drops_percent: float | None
    cpu_percent: float | None
    memory_mb: float | None


@dataclass
class _Seen:
    """Stamps and ages of the messages of one topic."""

    stamps: list[int] = field(default_factory=list)  # nanoseconds
    ages_s: list[float] = field(default_factory=list)


class _Probe(Node):
    """Subscribes to topics of any type whose messages begin with a header, without reading the rest of them."""

    def __init__(self) -> None:
        super().__init__("bench_latency", start_parameter_services=False)

    def watch(self, topic: str) -> _Seen:
        """Collect the messages of a topic that somebody publishes."""
        publishers = self.get_publishers_info_by_topic(topic)
        reliable = all(p.qos_profile.reliability == ReliabilityPolicy.RELIABLE for p in publishers)
        seen = _Seen()
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=100,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        )

        def arrived(message: bytes) -> None:
            now_ns = self.get_clock().now().nanoseconds
            stamp = stamp_ns(message)
            seen.stamps.append(stamp)
            seen.ages_s.append((now_ns - stamp) * 1e-9)

        self.create_subscription(_message_class(publishers[0].topic_type), topic, arrived, profile, raw=True)
        return seen


def measure(
    topics: Sequence[str],
    seconds: float,
    images: str = "",
    pids: Mapping[str, int] | None = None,
    processes: Sequence[NodeProcess] = (),
) -> list[LatencyRow]:
    """Watch topics of running nodes.

    Args:
        topics: Fully qualified, of any type whose messages begin with a header.
        seconds: How long.
        images: Topic of the images, to count those without a result; subscribing to it costs what it costs. Empty: do
            not count them.
        pids: Process that publishes each topic, where known.
        processes: Must stay alive.

    Raises:
        ConfigError: A topic is published by nobody.
        ProcessError: A process ended.
    """
    probe = _Probe()
    executor = runtime.make_executor()
    executor.add_node(probe)

    def alive() -> None:
        for process in processes:
            process.check()

    def spin_for(duration_s: float) -> None:
        until_s = time.monotonic() + duration_s
        while time.monotonic() < until_s:
            alive()
            executor.spin_once(timeout_sec=min(0.1, max(0.0, until_s - time.monotonic())))

    try:
        wanted = [*topics, *([images] if images else [])]
        until_s = time.monotonic() + (60.0 if processes else DISCOVERY_S)
        while missing := [topic for topic in wanted if not probe.count_publishers(topic)]:
            if time.monotonic() > until_s:
                raise ConfigError(
                    f"nobody publishes {', '.join(missing)}; `ros2 topic list -t` shows the topics, and ROS_DOMAIN_ID "
                    "must be that of the node"
                )
            spin_for(0.2)
        seen = {topic: probe.watch(topic) for topic in wanted}
        wait_until(
            executor,
            lambda: all(each.stamps for each in seen.values()),
            alive,
            f"no message on {', '.join(topic for topic, each in seen.items() if not each.stamps) or topics[0]}",
            60.0,
        )
        spin_for(SETTLE_S)
        first = {topic: len(each.stamps) for topic, each in seen.items()}
        used_s = {topic: cpu_s(pid) for topic, pid in (pids or {}).items()}
        began_s = time.monotonic()
        spin_for(seconds)
        span_s = time.monotonic() - began_s
        rows = []
        for topic in topics:
            pid = (pids or {}).get(topic)
            cpu = None if pid is None else (cpu_s(pid) - used_s[topic]) / span_s * 100
            memory = None if pid is None else memory_mb(pid)
            shown = seen[images].stamps[first[images] :] if images else None
            publishers = probe.get_publishers_info_by_topic(topic)
            node = publishers[0].node_name if publishers else ""
            rows.append(_row(topic, node, seen[topic], first[topic], span_s, shown, cpu, memory))
        return rows
    finally:
        executor.remove_node(probe)
        probe.destroy_node()


def _row(
    topic: str,
    node: str,
    seen: _Seen,
    first: int,
    span_s: float,
    images: list[int] | None,
    cpu_percent: float | None,
    memory: float | None,
) -> LatencyRow:
    ages_ms = np.array(seen.ages_s[first:]) * 1e3
    usable = len(ages_ms) > 0 and abs(float(np.median(ages_ms))) < _OTHER_CLOCK_S * 1e3
    p50, p95, p99, most = (
        np.percentile(ages_ms, (50, 95, 99, 100)).tolist() if usable else (None, None, None, None)
    )
    drops = None
    if images is not None and len(ages_ms):
        stamps = {*seen.stamps[first:]}
        # images before the first result belong to the time before, those after the last may still be answered
        counted = [stamp for stamp in images if min(stamps) <= stamp <= max(stamps)]
        drops = 100 * sum(stamp not in stamps for stamp in counted) / len(counted) if counted else None
    return LatencyRow(
        topic, node, len(ages_ms), len(ages_ms) / span_s, p50, p95, p99, most, drops, cpu_percent, memory
    )


def find_process(node: str) -> int | None:
    """The one process whose command line names a node; None if there is none, or several."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        names = {Path(word).name for word in words} | {word.rpartition(":=")[2] for word in words}
        names |= {word.rpartition(".")[2] for word in words}
        if node in names and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found[0] if len(found) == 1 else None


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process and its children have used so far (Linux)."""
    total = 0
    for each in (pid, *_children(pid)):
        try:
            fields = Path(f"/proc/{each}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children, in megabytes (Linux)."""
    pages = 0
    for each in (pid, *_children(pid)):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _children(pid: int) -> list[int]:
    try:
        files = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(child) for file in files for child in file.read_text().split()]
    except OSError:
        return []


def _message_class(name: str) -> Any:
    package, _, kind = name.replace("/msg/", "/").partition("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), kind)
    except (ImportError, AttributeError):
        raise ConfigError(f"{name}: this message is not installed here") from None


def default_nodes(seconds: float, rate_hz: float = 10.0) -> list[LatencyRow]:
    """The nodes with their defaults, each beside a video source of 640x480, then everything in one process.

    Raises:
        ProcessError: A node does not work.
    """
    stream = {"source": "sample:astronaut", "width": 640, "height": 480, "rate_hz": rate_hz, "motion": True}
    runs = (
        ({"/face_detector/detections": _FACES}, True),
        ({"/object_detector/detections": _OBJECTS}, True),
        ({"/face_detector/detections": _PERCEPTION, "/object_detector/detections": _PERCEPTION}, False),
    )
    rows: list[LatencyRow] = []
    for modules, with_source in runs:
        started = {}
        try:
            if with_source:
                started[_SOURCE] = NodeProcess(_SOURCE, stream)
            for module in modules.values():
                if module not in started:
                    started[module] = NodeProcess(module, {} if with_source else stream)
            pids = {topic: started[module].pid for topic, module in modules.items()}
            images = "/image_raw" if with_source else ""
            found = measure([*modules], seconds, images, pids, [*started.values()])
            suffix = "" if with_source else " (one process)"
            rows += [LatencyRow(**{**row.__dict__, "node": f"{row.node}{suffix}"}) for row in found]
        finally:
            for process in started.values():
                process.stop()
    return rows


def run(topics: Sequence[str], seconds: float, images: str = "", pid: int = 0) -> list[LatencyRow]:
    """Measure running nodes, or the default ones. Initializes ROS, and shuts it down.

    Args:
        topics: Of the detections of running nodes; empty: starts the default nodes.
        seconds: How long each is measured.
        images: Topic of the camera's images, to count those that the nodes leave out; "": not counted.
        pid: Process of the nodes; 0: found by their names.

    Raises:
        PerceptionError: Nothing arrives, or a node does not work.
    """
    runtime.carry_large_images()
    rclpy.init()
    try:
        if not topics:
            return default_nodes(seconds)
        names = [topic if topic.startswith("/") else f"/{topic}" for topic in topics]
        pids = dict.fromkeys(names, pid) if pid else _find_processes(names)
        return measure(names, seconds, images, pids)
    finally:
        rclpy.try_shutdown()


def _find_processes(topics: Sequence[str]) -> dict[str, int]:
    """The processes that publish topics, where their command lines tell."""
    node = Node("bench_latency_look", start_parameter_services=False)
    try:
        until_s = time.monotonic() + DISCOVERY_S
        found: dict[str, int] = {}
        while time.monotonic() < until_s:
            time.sleep(0.2)
            publishers = {topic: node.get_publishers_info_by_topic(topic) for topic in topics}
            if all(publishers.values()):
                for topic, those in publishers.items():
                    pid = find_process(those[0].node_name)
                    if pid is not None:
                        found[topic] = pid
                break
        return found
    finally:
        node.destroy_node()
