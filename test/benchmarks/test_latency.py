# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`bench latency` measures what is published, by whomever."""

import contextlib
import os
import subprocess
import sys
import time

import pytest
from helpers.ros_tools import wait_until
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from face_detect_ros.benchmarks import latency
from face_detect_ros.benchmarks.header_stamps import stamp_ns
from face_detect_ros.core.errors import ConfigError

SECOND = 10**9


@pytest.mark.parametrize("stamp", [0, 1, 1_700_000_000_123_456_789, -5 * SECOND], ids=str)
def test_the_stamp_of_a_serialized_message(stamp):
    header = Header(frame_id="eye")
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, SECOND)
    for kind in (Detection2DArray, CompressedImage):
        assert stamp_ns(serialize_message(kind(header=header))) == stamp
    with pytest.raises(ConfigError, match="too short"):
        stamp_ns(b"\0\1\0\0abc")


PEER = """
import sys, time
import rclpy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray
offset_ns = int(float(sys.argv[1]) * 1e9)
rclpy.init()
node = rclpy.create_node("peer")
images = node.create_publisher(CompressedImage, "/camera/compressed", 10)
detections = node.create_publisher(Detection2DArray, "/peer/detections", 10)
print("up", flush=True)
number = 0
while True:
    time.sleep(0.02)
    header = Header()
    header.stamp.sec, header.stamp.nanosec = divmod(node.get_clock().now().nanoseconds - offset_ns, 10**9)
    images.publish(CompressedImage(header=header))
    if number % 2:
        detections.publish(Detection2DArray(header=header))
    number += 1
"""


@contextlib.contextmanager
def peer(offset_s=0.1):
    """Somebody's node in a process of its own: 50 images a second, every other one with detections 100 ms old."""
    command = [sys.executable, "-c", PEER, str(offset_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "up\n"
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(latency, "SETTLE_S", 0.2)
    monkeypatch.setattr(latency, "DISCOVERY_S", 20.0)


def test_a_peer_is_measured(quick):
    with peer() as pid:
        (row,) = latency.run(["peer/detections"], 1.5, "/camera/compressed", pid=pid)
    assert (row.topic, row.node) == ("/peer/detections", "peer")
    assert 100 <= row.p50_ms <= row.p95_ms <= row.p99_ms <= row.max_ms
    assert 5 < row.rate_hz < 30
    assert 40 < row.drops_percent < 60
    assert row.cpu_percent > 0
    assert row.memory_mb > 20


def test_stamps_of_another_clock_have_no_latency(quick):
    with peer(offset_s=1e6):
        (row,) = latency.run(["/peer/detections"], 0.5)
    assert row.p50_ms is row.max_ms is row.drops_percent is None
    assert row.count > 3


def test_a_topic_that_nobody_publishes_is_named(quick, monkeypatch):
    monkeypatch.setattr(latency, "DISCOVERY_S", 2.0)
    with pytest.raises(ConfigError, match="nobody publishes /nowhere; `ros2 topic list -t`"):
        latency.run(["/nowhere"], 0.5)


def test_the_process_of_a_node_is_found_by_its_command_line():
    sleeper = "import time; time.sleep(60)"
    processes = [subprocess.Popen([sys.executable, "-c", sleeper, "--ros-args", "-r", "__node:=watcher_7"])]
    try:
        wait_until(lambda: latency.find_process("watcher_7") == processes[0].pid, "the process")
        assert latency.find_process("watcher_8") is None
        processes.append(subprocess.Popen([sys.executable, "-c", sleeper, "watcher_7"]))
        wait_until(lambda: latency.find_process("watcher_7") is None, "two of them")
        began, used = time.monotonic(), latency.cpu_s(os.getpid())
        while time.monotonic() < began + 0.2:
            pass
        assert latency.cpu_s(os.getpid()) > used
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_probes_do_not_linger(probe, quick):
    with peer():
        latency.run(["/peer/detections"], 0.2)
        wait_until(lambda: "bench_latency" not in probe.node.get_node_names(), "its end")
