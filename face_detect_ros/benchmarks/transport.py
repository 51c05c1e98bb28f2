# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many images of a camera process arrive in a node of this package, by size and transports, and across hosts.

The camera is a plain rclpy node, as drivers are: it publishes and knows nothing of this package. The node receives as
the detectors do.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from face_detect_ros.benchmarks.two_hosts import Cable, two_hosts
from face_detect_ros.core.child_process import start_tied
from face_detect_ros.core.errors import PerceptionError

SIZES = {"VGA": (640, 480), "1080p": (1920, 1080)}
TRANSPORTS = ("default", "ours", "LARGE_DATA")
RELIABILITIES = ("reliable", "best_effort")
FORMS = ("raw", "compressed")
CABLES = (
    Cable("1 Gbit/s", 1000),
    Cable("100 Mbit/s", 100),
    Cable("20 Mbit/s", 20),
    Cable("20 Mbit/s, 20 ms, 1 % loss", 20, 20, 0.01),
)
_SLACK_S = 60.0

_CAMERA = """
import array, sys, time
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
width, height, count, rate, policy, form = *map(int, sys.argv[1:4]), float(sys.argv[4]), *sys.argv[5:7]
rclpy.init()
node = rclpy.create_node("camera")
qos = QoSProfile(depth=5, reliability=getattr(ReliabilityPolicy, policy.upper()))
if form == "compressed":
    import cv2
    from face_detect_ros.benchmarks.photos import photo
    publisher = node.create_publisher(CompressedImage, "image_raw/compressed", qos)
    jpeg = cv2.imencode(".jpg", photo(width, height)[..., ::-1])[1]
    message = CompressedImage(format="jpeg", data=array.array("B", jpeg.tobytes()))
else:
    publisher = node.create_publisher(Image, "image_raw", qos)
    message = Image(width=width, height=height, step=3 * width, encoding="rgb8")
    message.data = array.array("B", bytes(3 * width * height))
end = time.monotonic() + 30
while not publisher.get_subscription_count():
    if time.monotonic() > end:
        print(0, 0.0)
        sys.exit()
    time.sleep(0.05)
time.sleep(2.0)
start, number, sent = time.monotonic(), 0, 0
# a network that is too slow holds the publisher up, or makes it fail
while number < count and time.monotonic() < start + 2 * count / rate:
    number += 1
    due = start + number / rate
    time.sleep(max(0.0, due - time.monotonic()))
    message.header.stamp = node.get_clock().now().to_msg()
    try:
        publisher.publish(message)
        sent += 1
    except Exception:
        pass
seconds = time.monotonic() - start
time.sleep(2.0)
print(sent, round(sent / seconds, 1))
"""

_RECEIVER = """
import json, sys, time
import rclpy
from face_detect_ros.ros import runtime
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
if sys.argv[1] == "ours":
    runtime.carry_large_images()
rclpy.init()
node = rclpy.create_node("receiver")
late = {}
images = ImageInput(
    CameraTopics(node), ImageHub(), sys.argv[2],
    lambda frame: late.setdefault(frame.stamp_ns, time.time() - frame.stamp_ns * 1e-9),
)
images.start()
executor = runtime.make_executor()
executor.add_node(node)
idle, look, problem = time.monotonic() + 30, 0, ""
while time.monotonic() < idle:
    before = len(late)
    executor.spin_once(timeout_sec=0.1)
    if len(late) > before:
        idle = time.monotonic() + 3
        if time.monotonic() > look:
            look = time.monotonic() + 1
            images.watch()
            problem = images.problem or problem
if not late:
    images.watch()
    problem = images.problem
values = sorted(late.values())
latency = round(values[len(values) // 2] * 1e3, 1) if values else -1
print(json.dumps({"arrived": len(values), "latency_ms": latency, "problem": problem}))
"""


@dataclass(frozen=True)
class TransportRow:
    """One measurement.

    Attributes:
        size: Of the images, such as "1080p".
        camera: Transports of the camera's process: Fast DDS's default, the profile of this package, or LARGE_DATA.
        reliability: Of the camera's publisher.
        sent: Images.
        arrived: Images.
        latency_ms: Median from stamp to arrival; below 0 if nothing arrived.
    """

    size: str
    camera: str
    reliability: str
    sent: int
    arrived: int
    latency_ms: float


@dataclass(frozen=True)
class HostsRow:
    """One measurement between two hosts, of VGA images that are published reliably.

    Attributes:
        cable: What is between the hosts.
        form: "raw" or "compressed".
        sent: Images.
        sent_hz: Images per second; fewer than wanted where the network holds the camera up.
        arrived: Images.
        latency_ms: Median from stamp to arrival; below 0 if nothing arrived.
        problem: What the receiver says about lost images; empty if it noticed none.
    """

    cable: str
    form: str
    sent: int
    sent_hz: float
    arrived: int
    latency_ms: float
    problem: str


def run(count: int, rate_hz: float) -> list[TransportRow]:
    """Measure every combination: `count` images each, `rate_hz` per second."""
    return [
        _measure(size, camera, reliability, count, rate_hz)
        for size in SIZES
        for camera in TRANSPORTS
        for reliability in RELIABILITIES
    ]


def run_hosts(count: int, rate_hz: float) -> list[HostsRow]:
    """Measure every cable with raw and compressed images. Raises ConfigError where no hosts can be made."""
    return [_measure_hosts(cable, form, count, rate_hz) for cable in CABLES for form in FORMS]


def _measure_hosts(cable: Cable, form: str, count: int, rate_hz: float) -> HostsRow:
    with two_hosts(cable) as hosts:
        environment = {**_plain_environment(), "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
        settings = _settings("VGA", count, rate_hz, "reliable", form)
        answer = _exchange(
            hosts.command(0, [sys.executable, "-c", _CAMERA, *settings]),
            hosts.command(1, [sys.executable, "-c", _RECEIVER, "ours", form]),
            environment,
            count / rate_hz,
        )
    return HostsRow(cable.name, form, **answer)


def _measure(size: str, camera: str, reliability: str, count: int, rate_hz: float) -> TransportRow:
    environment = _plain_environment()
    if camera == "LARGE_DATA":
        environment["FASTDDS_BUILTIN_TRANSPORTS"] = camera
    program = _CAMERA
    if camera == "ours":
        program = "from face_detect_ros.ros import runtime\nruntime.carry_large_images()\n" + _CAMERA
    profile = "ours" if camera != "LARGE_DATA" else camera  # its participants see no others
    answer = _exchange(
        [sys.executable, "-c", program, *_settings(size, count, rate_hz, reliability, "raw")],
        [sys.executable, "-c", _RECEIVER, profile, "raw"],
        environment,
        count / rate_hz,
    )
    return TransportRow(size, camera, reliability, answer["sent"], answer["arrived"], answer["latency_ms"])


def _exchange(
    camera: Sequence[str], receiver: Sequence[str], environment: dict[str, str], seconds: float
) -> dict[str, Any]:
    """Run both and return what they report at the end. Raises PerceptionError if one of them fails."""
    with (
        _program("receiver", receiver, environment) as received,
        _program("camera", camera, environment) as published,
    ):
        sent, sent_hz = published(2 * seconds + _SLACK_S).split()
        return {"sent": int(sent), "sent_hz": float(sent_hz), **json.loads(received(_SLACK_S))}


@contextlib.contextmanager
def _program(
    name: str, command: Sequence[str], environment: dict[str, str]
) -> Iterator[Callable[[float], str]]:
    """Run a command until the end of the block at the latest.

    Yields:
        A function that waits for its end, at most the given number of seconds, and returns the last line that it
        printed. Raises PerceptionError.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        contextlib.ExitStack() as started,
    ):
        process, lifeline = start_tied(
            command, signal.SIGKILL, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        started.enter_context(lifeline)
        started.enter_context(process)

        def last_line(timeout_s: float) -> str:
            try:
                printed, _ = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                raise PerceptionError(
                    f"bench transport: the {name} did not end within {timeout_s:g} s; is the machine busy?"
                ) from error
            lines = printed.splitlines()
            if process.returncode or not lines:
                errors.seek(0)
                reason = "".join(f": {line}" for line in errors.read().splitlines()[-1:])
                raise PerceptionError(
                    f"bench transport: the {name} ended with exit code {process.returncode}{reason}; see: "
                    "face_detect_ros doctor"
                )
            return lines[-1]

        try:
            yield last_line
        finally:
            process.kill()


def _settings(size: str, count: int, rate_hz: float, reliability: str, form: str) -> list[str]:
    return [str(value) for value in (*SIZES[size], count, rate_hz, reliability, form)]


def _plain_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("FASTDDS_", "FASTRTPS_"))}
