# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CPUs by number, and threads that stay on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import cpu

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="threads cannot be pinned here")
HERE = sorted(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", set(), id="any"),
        pytest.param(f"{HERE[0]}", {HERE[0]}, id="one"),
        pytest.param(f" {HERE[0]} , {HERE[0]}-{HERE[0]},", {HERE[0]}, id="several times, with blanks"),
        pytest.param(f"{HERE[0]},{HERE[-1]}", {HERE[0], HERE[-1]}, id="two"),
    ],
)
def test_cpus_as_taskset_takes_them(text: str, expected: set[int]) -> None:
    assert cpu.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("all", "'all' is not a CPU", id="a word"),
        pytest.param("-1", "'-1' is not a CPU", id="negative"),
        pytest.param("3-1", "the range 3-1 is empty", id="backward"),
        pytest.param("9999", "may not use CPU 9999", id="more than there are"),
    ],
)
def test_cpus_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cpu.parse(text)


# in a process of its own: OpenVINO's threads stay where its first ones were
PINNED = """
import contextlib, json, os, sys, threading
from pathlib import Path
import numpy as np
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.engines import cpu

engine, chosen = sys.argv[1], int(sys.argv[2])


def threads():
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it may have ended
            lines = (task / "status").read_text(encoding="ascii").splitlines()
            found[task.name] = next(line.split()[1] for line in lines if line.startswith("Cpus_allowed_list"))
    return found


def work():
    with cpu.pinned({chosen}):
        detector = catalogue.create("yolov9-robot", task="objects", device="cpu", engine=engine, threads=2)
    with contextlib.closing(detector):
        for _ in range(3):
            detector.detect([np.zeros((96, 128, 3), np.uint8)], DetectOptions())
        where.update({thread: cpus for thread, cpus in threads().items() if thread not in before})


before, where = threads(), {}
worker = threading.Thread(target=work)
worker.start()
worker.join()
print(json.dumps([sorted(set(where.values())), cpu.cores(), sorted(os.sched_getaffinity(0))]))
"""


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_pinned_thread_makes_a_detector_whose_threads_are_pinned(engine: str) -> None:
    if problem := engines.problem(engine):
        pytest.skip(problem)
    chosen = HERE[-1]
    command = [sys.executable, "-c", PINNED, engine, str(chosen)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[str(chosen)], len(HERE), HERE]
