"""Everything in one process over one decoded frame: `ros2 run face_detect_ros perception`.

The nodes are the same as when they run alone, with the same names, parameters and topics. The video source joins
only when its parameter `source` is set; otherwise the images come from the camera on `image_raw`.
"""

from __future__ import annotations

import sys

from rclpy.node import Node

from . import runtime
from .face_detector import FaceDetector
from .image_input import ImageHub
from .video_source import VideoSource


def make_nodes() -> list[Node]:
    """The nodes of the process. Raises ConfigError for an unusable initial parameter."""
    hub = ImageHub()
    source = VideoSource(hub)
    if source.params.source:
        return [source, FaceDetector(hub)]
    source.destroy_node()
    return [FaceDetector(ImageHub())]


def main() -> None:
    sys.exit(runtime.main(make_nodes))


if __name__ == "__main__":
    main()
