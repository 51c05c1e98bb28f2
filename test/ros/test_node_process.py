# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Processes that the demo and the benchmarks start."""

from pathlib import Path

import yaml
from helpers.ros_tools import wait_until

from face_detect_ros.ros.processes import NodeProcess


def test_parameters_are_neither_in_the_arguments_nor_left_behind():
    given = {
        "source": "rtsp://admin:hunter2@camera/x",
        "loop": False,
        "rate_hz": 2.0,
        "model": Path("a/b.onnx"),
    }
    process = NodeProcess("face_detect_ros.ros.nodes.video_source", given)
    try:
        proc = Path(f"/proc/{process.pid}/cmdline")
        wait_until(
            lambda: b"--params-file" in proc.read_bytes(), "the command line"
        )  # not yet that of this process
        arguments = proc.read_bytes().decode().split("\0")
        assert "hunter2" not in " ".join(arguments)
        file = Path(arguments[arguments.index("--params-file") + 1])
        assert file.stat().st_mode & 0o777 == 0o600
        assert yaml.safe_load(file.read_text()) == {
            "/**": {"ros__parameters": {**given, "model": "a/b.onnx"}}
        }
    finally:
        process.stop()
    assert not file.exists()
