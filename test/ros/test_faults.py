# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Processes that are stopped, slow or killed: nobody gets old results, and nobody else is slowed."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from helpers.ros_tools import faceless, image, stamp_ns, wait_until
from rclpy.qos import QoSProfile, ReliabilityPolicy
from vision_msgs.msg import Detection2DArray

NODE = "/face_detector"
DETECTIONS = f"{NODE}/detections"
SECOND = 10**9
PAUSE_S = 2.5
HOG = {"model": "dlib_hog", "min_size_px": 80, "recognize": False}
SLEEPER = """
import sys, rclpy
from sensor_msgs.msg import Image
from rclpy.node import Node
rclpy.init()
node = Node("viewer")
node.create_subscription(Image, sys.argv[1], lambda m: print("seen", flush=True), 10)
rclpy.spin(node)
"""


class Ages:
    """How old detections are when they arrive: [(arrival, age)] in seconds."""

    def __init__(self, probe):
        self.probe, self.seen = probe, []
        profile = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
        probe.node.create_subscription(Detection2DArray, DETECTIONS, self.keep, profile)

    def keep(self, message):
        now_ns = self.probe.node.get_clock().now().nanoseconds
        self.seen.append((time.monotonic(), (now_ns - stamp_ns(message.header)) / SECOND))

    def since(self, moment_s):
        return [age for arrival, age in list(self.seen) if arrival > moment_s]

    def wait_for(self, count, moment_s):
        wait_until(lambda: len(self.since(moment_s)) >= count, f"{count} detections")


class Camera:
    """Publishes images with the time of now, 20 a second, in a thread."""

    def __init__(self, probe):
        self.probe, self.end = probe, threading.Event()
        self.publisher = probe.publisher()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        message = image(faceless())
        while not self.end.wait(0.05):
            now_ns = self.probe.node.get_clock().now().nanoseconds
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, SECOND)
            self.publisher.publish(message)

    def stop(self):
        self.end.set()
        self.thread.join()


@pytest.fixture
def camera(probe):
    started = []

    def start():
        started.append(Camera(probe))
        return started[0]

    yield start
    for each in started:
        each.stop()


def stand_still(pid):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_S)
    moment_s = time.monotonic()
    os.kill(pid, signal.SIGCONT)
    return moment_s


def test_no_old_result_follows_a_pause_and_a_killed_camera_is_told(probe, execute):
    source = {"source": "sample:astronaut", "width": 320, "height": 240, "rate_hz": 20.0}
    camera = execute("video_source", parameters=source)
    detector = execute("face_detector", parameters=HOG)
    detector.wait_for_output("is ready for images on")
    ages = Ages(probe)
    ages.wait_for(20, 0.0)
    for name, process in (("detector", detector), ("camera", camera)):
        moment_s = stand_still(process.pid)
        ages.wait_for(20, moment_s)
        oldest_s = max(ages.since(moment_s))
        print(f"oldest result after a pause of {PAUSE_S} s of the {name}: {oldest_s:.3f} s")
        assert oldest_s < PAUSE_S / 2, name
    status = probe.diagnostics(NODE, lambda s: s.count("stale") + s.count("dropped") > 0)
    parts = ("processed", "dropped", "rejected", "over_rate", "stale")
    assert (
        abs(status.count("received") - sum(status.count(part) for part in parts)) <= 2
    )  # in hand, and waiting
    camera.kill()
    assert not probe.diagnostics(NODE, lambda s: "no image on /image_raw" in s.message).ok
    moment_s = time.monotonic()
    execute("video_source", parameters=source)
    ages.wait_for(5, moment_s)
    assert max(ages.since(moment_s)) < 2.0
    probe.diagnostics(NODE, lambda s: s.ok and s.values["state"] == "active")


def test_a_subscriber_that_stands_still_slows_nobody(probe, execute, camera):
    execute("face_detector", parameters=HOG).wait_for_output("is ready for images on")
    viewer = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, f"{NODE}/image_annotated"], stdout=subprocess.PIPE, text=True
    )
    try:
        ages = Ages(probe)
        camera()
        assert viewer.stdout.readline() == "seen\n"
        began_s = time.monotonic()
        ages.wait_for(40, began_s)
        with_viewer = ages.since(began_s)
        os.kill(viewer.pid, signal.SIGSTOP)
        began_s = time.monotonic()
        ages.wait_for(60, began_s)
        stopped = ages.since(began_s)
        assert np.median(stopped) < np.median(with_viewer) + 0.1
        assert max(stopped) < 1.5
        assert time.monotonic() - began_s < 30  # 3 s of images
    finally:
        viewer.kill()
        viewer.wait()
        viewer.stdout.close()
