# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Everything in one process over one decoded frame: `ros2 run face_detect_ros perception`.

The nodes are the same as when they run alone, with the same names, parameters and topics. The video source joins
only when its parameter `source` is set; otherwise the images come from the camera on `image_raw`. The object detector
joins unless its parameter `model` is empty.
"""

from __future__ import annotations

import sys

from rclpy.node import Node

from face_detect_ros.ros import runtime
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.object_detector import ObjectDetector
from face_detect_ros.ros.nodes.video_source import VideoSource


def make_nodes() -> list[Node]:
    """The nodes of the process. Raises ConfigError for an unusable initial parameter."""
    nodes: list[Node] = []
    hub = ImageHub()
    source = VideoSource(hub)
    if source.params.source:
        nodes.append(source)
    else:
        source.destroy_node()
    nodes.append(FaceDetector(hub))
    objects = ObjectDetector(hub)
    if objects.params.model:
        nodes.append(objects)
    else:
        objects.destroy_node()
    return nodes


def main() -> None:
    sys.exit(runtime.main(make_nodes))


if __name__ == "__main__":
    main()
