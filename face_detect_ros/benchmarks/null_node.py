# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The face detector node around a detector that finds nothing in no time: what is left is the cost of the node.

``python -m face_detect_ros.benchmarks.null_node EXECUTOR`` with EXECUTOR events, single or multi.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import rclpy
from rclpy.executors import Executor, MultiThreadedExecutor, SingleThreadedExecutor

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import CatalogueEntry
from face_detect_ros.ros import runtime
from face_detect_ros.ros.nodes.face_detector import FaceDetector


class NullDetector:
    """Finds one face in the middle of every image."""

    labels = ("face",)
    device = "cpu"
    times = StageTimes()

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        found = []
        for image in images:
            height, width = image.shape[:2]
            box = [width / 4, height / 4, width * 3 / 4, height * 3 / 4]
            found.append(Detections(np.array([box]), np.array([1.0]), np.array([0])))
        return found

    def warmup(self) -> None:
        pass

    def close(self) -> None:
        pass


def create(device: str) -> NullDetector:
    return NullDetector()


def _executor(kind: str) -> Executor:
    if kind == "events":
        return runtime.make_executor()
    return SingleThreadedExecutor() if kind == "single" else MultiThreadedExecutor(num_threads=2)


def main() -> None:
    entry = CatalogueEntry("null", "faces", f"{__name__}:create", "none", "finds nothing")
    catalogue.CATALOGUE["null"] = entry
    runtime.carry_large_images()
    rclpy.init()
    node = FaceDetector()
    executor = _executor(sys.argv[1])
    executor.add_node(node)
    runtime.spin(executor)
    node.stop(1.0)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
