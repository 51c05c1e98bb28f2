# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Entry points of the executables: they end cleanly on a signal at any moment, while modules are imported too.

`python -m face_detect_ros.ros.start NODE` starts a node where the package is not installed.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

NODES = ("face_detector", "object_detector", "video_source", "perception", "viewer")


def _end_at_once(*_: object) -> None:
    # nothing has been opened yet, and a KeyboardInterrupt in the middle of an import is a long traceback
    os._exit(0)


def _run(node: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # until rclpy takes over
        signal.signal(number, _end_at_once)
    if _asks_for_help(sys.argv[1:]):
        from face_detect_ros.ros.help import help_text

        print(help_text(node))
        return
    importlib.import_module(f"face_detect_ros.ros.nodes.{node}").main()


def _asks_for_help(arguments: list[str]) -> bool:
    own = arguments[: arguments.index("--ros-args")] if "--ros-args" in arguments else arguments
    return "--help" in own or "-h" in own


def face_detector() -> None:
    """Run the face detector."""
    _run("face_detector")


def object_detector() -> None:
    """Run the object detector."""
    _run("object_detector")


def video_source() -> None:
    """Run the video source."""
    _run("video_source")


def perception() -> None:
    """Run all nodes in one process."""
    _run("perception")


def viewer() -> None:
    """Run the viewer."""
    _run("viewer")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NODES:
        sys.exit(f"usage: python -m face_detect_ros.ros.start {{{','.join(NODES)}}} [--ros-args ...]")
    _run(sys.argv.pop(1))
