# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Processes that the demo and the benchmarks start."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from helpers.ros_tools import wait_until

from face_detect_ros.ros.processes import NodeProcess

OWNER = """
import sys, time
from face_detect_ros.ros.processes import NodeProcess
process = NodeProcess("face_detect_ros.ros.nodes.video_source", {"source": "sample:astronaut", "rate_hz": 1.0})
print(process.pid, flush=True)
time.sleep(60)
"""


def shared_memory(pid):
    """Files of Fast DDS that the process keeps open; none once it has ended."""
    files = []
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                files.append(Path(os.readlink(descriptor)))
    return [file for file in files if file.is_relative_to("/dev/shm")]


def test_parameters_are_neither_in_the_arguments_nor_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
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
        file = Path(arguments[arguments.index("--params-file") + 1].replace("self", str(process.pid)))
        assert not list(tmp_path.iterdir())
        assert yaml.safe_load(file.read_text()) == {
            "/**": {"ros__parameters": {**given, "model": "a/b.onnx"}}
        }
    finally:
        process.stop()


@pytest.mark.parametrize("ready", [False, True], ids=["at its start", "at work"])
def test_a_node_ends_cleanly_with_its_owner(ready):
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        node = psutil.Process(int(owner.stdout.readline()))
        if ready:
            wait_until(lambda: len(shared_memory(node.pid)) > 1, "its participant")
        files = shared_memory(node.pid)
        owner.send_signal(signal.SIGKILL)
    try:
        # it is nobody's child by now: where nothing reaps orphans, a zombie is what stays
        wait_until(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE, "its end", 30)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            node.kill()
    # those of ports may stay for other nodes on the same port
    assert not [file for file in files if "port" not in file.name and file.exists()]
