# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Several cameras in one process: `python -m face_detect_ros.benchmarks.camera_rig RATE_HZ NAME...`.

Each publishes 640x480 images of one scene on `NAME/image_raw`, one camera after another in even steps.
"""

from __future__ import annotations

import sys
import time

import rclpy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from face_detect_ros.ros import qos, runtime
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.messages.images import image_message
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions


def main() -> None:
    runtime.carry_large_images()
    rclpy.init()
    rate_hz, *names = remove_ros_args(sys.argv)[1:]
    source = open_source(SourceOptions("sample:astronaut", width=640, height=480), print)
    capture = source.read()
    if capture is None:
        sys.exit("the sample image cannot be read")
    message = image_message(capture.image, 0, "")
    node = rclpy.create_node("camera_rig")
    publishers = [node.create_publisher(Image, f"{name}/image_raw", qos.output()) for name in names]
    step_s = 1 / (float(rate_hz) * len(names))
    due_s = time.monotonic()
    try:
        while rclpy.ok():
            for name, publisher in zip(names, publishers, strict=True):
                due_s = max(due_s + step_s, time.monotonic() - 1.0)
                time.sleep(max(0.0, due_s - time.monotonic()))
                message.header = make_header(node.get_clock().now().nanoseconds, name)
                publisher.publish(message)
    except Exception:
        if rclpy.ok():
            raise


if __name__ == "__main__":
    main()
