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
_BARE = """
import importlib.util

found = importlib.util.find_spec
hidden = ("yaml", "safetensors")
importlib.util.find_spec = lambda name, *more: None if name in hidden else found(name, *more)
"""

pytestmark = pytest.mark.skipif(not _SCRIPT.is_file(), reason="not in an installed package")


def test_everything_passes_on_a_cpu_and_is_recorded_without_pyyaml_and_safetensors(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_BARE)
    only = ("--only", "networks,onnx,training,out_of_memory")
    for _ in range(3):
        done = subprocess.run(
            ["sh", str(_SCRIPT), "--device", "cpu", "--quick", "--output", str(tmp_path), *only],
            env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        # where memory runs out, the C library ends the process if it is itself the one that gets none
        if "thread-local data" not in done.stderr:
            break

    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "gpu_check.json").read_text())
    assert record["passed"]
    assert record["not installed"] == "yaml, safetensors"
    checked = {finding["name"] for finding in record["findings"] if finding["passed"]}
    assert {"yolov9-robot float32", "mmod float32", "dlib descriptor float32"} <= checked
    table = (tmp_path / "gpu_check.md").read_text()
    assert all(f"| {finding['section']} | {finding['name']} |" in table for finding in record["findings"])


@pytest.fixture
def gpu_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script's package may be imported."""
    monkeypatch.syspath_prepend(str(_ROOT / "tools"))


@pytest.mark.usefixtures("gpu_check")
def test_a_section_that_is_not_reached_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpu_check.__main__ import main

    words = ["gpu_check", "--device", "cpu", "--only", "memory", "--seconds", "0", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    assert not json.loads((tmp_path / "gpu_check.json").read_text())["passed"]


@pytest.mark.usefixtures("gpu_check")
def test_the_stand_in_reads_the_packaged_weights_as_safetensors_does() -> None:
    import safetensors
    from gpu_check import stand_ins

    from face_detect_ros.zoo.published import packaged

    path = packaged.locate("yolov9_robot.safetensors")
    stand_in = stand_ins._safetensors()
    with stand_in.safe_open(path, "pt") as found, safetensors.safe_open(path, "pt") as expected:
        assert found.metadata() == expected.metadata()
        assert set(found.keys()) == set(expected.keys())
        for name in expected.keys():  # noqa: SIM118 - not a dict
            assert found.get_tensor(name).equal(expected.get_tensor(name)), name
