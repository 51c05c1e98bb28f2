# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files that would hang, fill or end the process that runs them are refused by one that may be ended."""

import functools
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import onnx_models, training_data
from helpers.onnx_embedders import brightness_embedder
from helpers.processes import state_of
from onnx import TensorProto, helper, numpy_helper

from face_detect_ros.core.errors import ConfigError, DeviceError, WeightsError
from face_detect_ros.detectors import catalogue
from face_detect_ros.engines import trial
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.training.learners import teacher

LOOK = "face_detect_ros.detectors.catalogue:look_once"
ONNX = {
    "factory": "face_detect_ros.detectors.onnx.detector:create",
    "arguments": {"input_size": 0},
    "engine_names": ["onnxruntime"],
}
FIELD = Path(__file__).parents[3] / "shared" / "cases" / "field"


def write(path, nodes, constants=(), shape=(1, 3, 64, 64)):
    """A graph from `images` to `boxes`."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, None)],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def number(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def endless(path, shape=(1, 3, 64, 64)):
    """A loop of 2^62 rounds."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["again"]),
            helper.make_node("Add", ["value", "value"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, shape),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, shape),
        ],
    )
    loop = helper.make_node("Loop", ["rounds", "true", "images"], ["boxes"], body=body)
    return write(path, [loop], [number("rounds", 2**62), number("true", True, bool)], shape)


def vast(path):
    """A hundred billion numbers out of three."""
    nodes = [
        helper.make_node("ReduceSum", ["images", "axes"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "shape"], ["boxes"]),
    ]
    return write(path, nodes, [number("axes", [0, 1, 2, 3]), number("shape", [100_000, 1_000_000])])


def test_a_good_file_is_tried_once_and_used(tmp_path, monkeypatch):
    name = f"onnx:{onnx_models.save(tmp_path / 'good.onnx', 'yolo', metadata=onnx_models.NAMES)}"
    catalogue.create(name, task="objects", device="cpu").close()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("tried again"))
    catalogue.create(name, task="objects", device="cpu").close()


@pytest.mark.parametrize("kind", ["detector", "embedder"])
def test_a_file_for_tensorrt_is_tried_on_the_cpu_without_it(tmp_path, kind):
    onnxruntime = pytest.importorskip("onnxruntime")
    if "TensorrtExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("an ONNX Runtime with TensorRT is installed")
    path = tmp_path / "good.onnx"
    if kind == "detector":
        onnx_models.save(path, "yolo", metadata=onnx_models.NAMES)
        make = functools.partial(catalogue.create, f"onnx:{path}", task="objects")
    else:
        brightness_embedder(path)
        make = functools.partial(embedders.create, f"arcface:{path}")
    said = "has only .*CPUExecutionProvider, not TensorrtExecutionProvider; .* in its place$"
    with pytest.raises(DeviceError, match=said):  # of the engine itself: the trial has passed
        make(engine="tensorrt", device="cuda")


def test_a_loop_without_end_is_ended(tmp_path):
    with pytest.raises(WeightsError, match=r"endless\.onnx: its first run was ended after 1 s; it may be"):
        trial.run(LOOK, endless(tmp_path / "endless.onnx"), ONNX, deadline_s=1.0)


def test_what_needs_all_memory_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"vast\.onnx: (does not run|its first run ended|needs more)"):
        trial.run(LOOK, vast(tmp_path / "vast.onnx"), ONNX)


def test_a_huge_input_is_refused_before_it_is_made(tmp_path):
    identity = helper.make_node("Identity", ["images"], ["boxes"])
    path = write(tmp_path / "huge.onnx", [identity], shape=(1, 3, 30_000, 30_000))
    assert path.stat().st_size < 4000
    with pytest.raises(WeightsError, match=r"huge\.onnx: its input .*30000.* is larger than any detector's"):
        trial.run(LOOK, path, ONNX)


def test_errors_arrive_as_they_were(tmp_path):
    path = write(tmp_path / "other.onnx", [helper.make_node("Identity", ["images"], ["boxes"])])
    with pytest.raises(ConfigError, match=r"other\.onnx: "):
        trial.run(LOOK, path, ONNX)


def test_a_crash_is_told(tmp_path, monkeypatch):
    (tmp_path / "crashing.py").write_text("import os\ndef create(file):\n    os.abort()\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"a\.onnx: its first run ended the process .*\(SIGABRT\)"):
        trial.run("crashing:create", tmp_path / "a.onnx", {})


def test_it_ends_with_its_owner(tmp_path):
    path = endless(tmp_path / "endless.onnx")
    code = "import sys; from pathlib import Path; from face_detect_ros.engines.trial import run; "
    code += f"run(sys.argv[1], Path(sys.argv[2]), {ONNX})"
    owner = subprocess.Popen([sys.executable, "-c", code, LOOK, str(path)])
    deadline = time.monotonic() + 60
    while not children(owner.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    (child,) = children(owner.pid)
    owner.kill()
    owner.wait()
    while state_of(child) not in (None, "Z"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


TASKS = {"onnx": "objects", "yunet": "faces", "centerface": "faces"}
STAND_INS = {
    "a pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 232589\n",
        "Git LFS pointer to a file of 0.2 MB",
    ),
    "a page": (b"<!DOCTYPE html><html>", "is a web page"),
    "nothing": (b"", "is empty"),
}


@pytest.mark.parametrize("name", ["onnx", "yunet", "centerface"])
@pytest.mark.parametrize("case", STAND_INS)
def test_what_stands_in_for_weights_is_named(tmp_path, name, case):
    content, reason = STAND_INS[case]
    path = tmp_path / "file.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"file\.onnx: .*{reason}"):
        catalogue.create(f"{name}:{path}", task=TASKS[name])


@pytest.mark.skipif(not FIELD.is_dir(), reason="no field cases here")
@pytest.mark.parametrize(
    ("name", "file"), [("onnx", "lfs_pointer_yolox.onnx"), ("yunet", "lfs_pointer_yunet_2023mar.onnx")]
)
def test_pointers_from_the_field(name, file):
    with pytest.raises(
        WeightsError, match=r"is a Git LFS pointer to a file of .* MB, not the file itself; run git lfs pull"
    ):
        catalogue.create(f"{name}:{FIELD / file}", task=TASKS[name])


def test_an_embedder_of_others_is_tried_first(tmp_path, monkeypatch):
    path = endless(tmp_path / "endless.onnx", shape=(1, 3, 112, 112))
    monkeypatch.setattr(trial, "DEADLINE_S", 1.0)
    with pytest.raises(WeightsError, match=r"endless\.onnx: its first run was ended after 1 s; it may be"):
        embedders.create(f"arcface:{path}")


@pytest.mark.parametrize("make", [embedders.create, embedders.identity], ids=["create", "identity"])
def test_an_embedder_that_is_not_a_regular_file_is_refused(make):
    with pytest.raises(WeightsError, match="/dev/zero: is not a regular file"):
        make("arcface:/dev/zero")


def test_a_teacher_of_others_is_tried_first(tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(trial, "run", lambda function, file, arguments: tried.append((function, file)))
    path = training_data.write_teacher(tmp_path / "teacher.onnx")
    teacher.Teacher(path, ("red",))
    assert tried == [("face_detect_ros.training.learners.teacher_file:look_once", path)]
