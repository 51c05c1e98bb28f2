# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`tools/gpu_check.sh` passes on a CPU, so that on a GPU only the hardware is new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SCRIPT = _ROOT / "tools" / "gpu_check.sh"


def _run(output: Path, *arguments: str, path: str = "") -> tuple[subprocess.CompletedProcess[str], dict]:
    done = subprocess.run(
        ["sh", str(_SCRIPT), "--device", "cpu", "--quick", "--output", str(output), *arguments],
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    record = output / "gpu_check.json"
    return done, json.loads(record.read_text()) if record.is_file() else {}


@pytest.mark.skipif(not _SCRIPT.is_file(), reason="not in an installed package")
def test_everything_passes_on_a_cpu_and_is_recorded(tmp_path: Path) -> None:
    done, record = _run(tmp_path, "--only", "networks,onnx,training,out_of_memory")

    assert done.returncode == 0, done.stdout + done.stderr
    assert record["passed"]
    checked = {finding["name"] for finding in record["findings"] if finding["passed"]}
    assert {"yolov9-robot float32", "mmod float32", "dlib descriptor float32"} <= checked
    table = (tmp_path / "gpu_check.md").read_text()
    assert all(f"| {finding['section']} | {finding['name']} |" in table for finding in record["findings"])


@pytest.mark.skipif(not _SCRIPT.is_file(), reason="not in an installed package")
def test_a_section_that_is_not_reached_is_a_failure(tmp_path: Path) -> None:
    done, record = _run(tmp_path, "--only", "memory", "--seconds", "0")

    assert done.returncode == 1
    assert not record["passed"]


def test_the_stand_ins_read_the_packaged_weights_as_the_libraries_do(tmp_path: Path) -> None:
    """In a Python without PyYAML and safetensors."""
    code = (
        "import importlib.util, sys\n"
        "found = importlib.util.find_spec\n"
        "hidden = ('yaml', 'safetensors')\n"
        "importlib.util.find_spec = lambda name, *more: None if name in hidden else found(name, *more)\n"
        "from gpu_check import stand_ins\n"
        "assert stand_ins.install() == ['yaml', 'safetensors']\n"
        "from gpu_check import networks\n"
        "print(sum(float(values.detach().abs().sum()) for values in networks.robot().model.parameters()))\n"
    )
    path = os.pathsep.join([str(_ROOT), str(_ROOT / "tools")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    from face_detect_ros.zoo.published import packaged
    from face_detect_ros.zoo.yolov9 import weights

    loaded = weights.load(packaged.locate("yolov9_robot.safetensors"), attention=True)
    expected = sum(float(values.detach().abs().sum()) for values in loaded.model.parameters())
    assert float(done.stdout) == pytest.approx(expected)
