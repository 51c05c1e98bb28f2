# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which engine a model gets: asked for, measured, or by experience."""

import importlib
import json
import subprocess
import sys

import pytest

from face_detect_ros.core.errors import ConfigError, DeviceError, EngineError
from face_detect_ros.engines import catalogue, choices, cpu
from face_detect_ros.engines.catalogue import ANY_ENGINE, ONNX_ENGINES

CPU = ["openvino", "onnxruntime", "torch"]


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with every engine and no GPU, where nothing was measured."""
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setattr(catalogue, "_installed", lambda package: True)
    monkeypatch.setattr(cpu, "has_nvidia", lambda: False)


@pytest.mark.parametrize("entry", catalogue.ENGINES.values(), ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry):
    assert entry.install.startswith("pip install ")
    assert entry.on_cpu or entry.on_gpu
    if entry.module:
        assert callable(importlib.import_module(f"face_detect_ros.engines.{entry.module}").create)


@pytest.mark.parametrize(
    ("device", "offered", "expected"),
    [
        ("auto", ANY_ENGINE, CPU),
        ("cpu", ANY_ENGINE, CPU),
        ("cpu", ONNX_ENGINES, ["openvino", "onnxruntime"]),
        ("cuda", ANY_ENGINE, ["torch", "onnxruntime", "tensorrt"]),
        ("cuda:1", ONNX_ENGINES, ["onnxruntime", "tensorrt"]),
    ],
)
def test_the_order_where_nothing_was_measured(device, offered, expected):
    assert catalogue.order("yolov9", "auto", device, offered) == expected


@pytest.mark.parametrize(
    ("torch_can", "providers", "offered", "expected"),
    [
        (True, ["CPU"], ANY_ENGINE, ["torch", "openvino", "onnxruntime"]),
        (False, ["CUDA", "CPU"], ANY_ENGINE, ["onnxruntime", "openvino", "torch"]),
        (True, ["Tensorrt", "CUDA", "CPU"], ANY_ENGINE, ["torch", "onnxruntime", "tensorrt", "openvino"]),
        (True, ["CPU"], ONNX_ENGINES, ["openvino", "onnxruntime"]),
        (False, ["CPU"], ANY_ENGINE, CPU),
    ],
    ids=["torch", "onnxruntime", "all", "only one that the model lacks", "none: a driver alone"],
)
def test_auto_means_a_gpu_that_an_installed_library_can_use(
    monkeypatch, torch_can, providers, offered, expected
):
    torch, onnxruntime = pytest.importorskip("torch"), pytest.importorskip("onnxruntime")
    monkeypatch.setattr(cpu, "has_nvidia", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: torch_can)
    listed = [f"{name}ExecutionProvider" for name in providers]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    assert catalogue.order("yolov9", "auto", "auto", offered) == expected
    assert catalogue.order("yolov9", "auto", "cpu", ANY_ENGINE) == CPU


def test_auto_with_a_driver_and_openvino_alone(monkeypatch):
    monkeypatch.setattr(cpu, "has_nvidia", lambda: True)
    monkeypatch.setattr(catalogue, "_installed", lambda package: package == "openvino")
    assert catalogue.order("onnx", "auto", "auto", ONNX_ENGINES) == ["openvino"]


def test_a_library_that_cannot_be_loaded_can_use_no_gpu(monkeypatch):
    monkeypatch.setattr(cpu, "has_nvidia", lambda: True)
    for library in ("torch", "onnxruntime"):
        monkeypatch.setitem(sys.modules, library, None)
    assert catalogue.order("yolov9", "auto", "auto", ANY_ENGINE) == CPU


def test_without_a_driver_no_library_is_asked():
    code = "import sys; from face_detect_ros.engines import catalogue, cpu; cpu.has_nvidia = lambda: False; "
    code += "catalogue.order('yolov9', 'auto', 'auto', catalogue.ANY_ENGINE); "
    code += "sys.exit(bool({'torch', 'onnxruntime', 'openvino'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_measured_one_comes_first():
    choices.remember("cpu", {"yolov9": "torch"})
    choices.remember("cuda", {"yolov9": "tensorrt"})
    choices.remember("cpu", {"centerface": "onnxruntime"})
    assert catalogue.order("yolov9", "auto", "cpu", ANY_ENGINE) == ["torch", "openvino", "onnxruntime"]
    assert catalogue.order("yolov9", "auto", "cuda", ANY_ENGINE)[0] == "tensorrt"
    assert catalogue.order("centerface", "auto", "cpu", ONNX_ENGINES) == ["onnxruntime", "openvino"]
    assert catalogue.order("onnx", "auto", "cpu", ONNX_ENGINES)[0] == "openvino"
    choices.remember("cpu", {choices.EVERY_MODEL: "onnxruntime"})
    assert catalogue.order("onnx", "auto", "cpu", ONNX_ENGINES)[0] == "onnxruntime"


def test_one_that_was_measured_and_is_gone_is_left_out(monkeypatch):
    choices.remember("cpu", {"yolov9": "openvino"})
    monkeypatch.setattr(catalogue, "_installed", lambda package: package != "openvino")
    assert catalogue.order("yolov9", "auto", "cpu", ANY_ENGINE) == ["onnxruntime", "torch"]


@pytest.mark.parametrize(
    "alter",
    [
        lambda text: json.dumps({**json.loads(text), "machine": "another one"}),
        lambda text: json.dumps({**json.loads(text), "version": 0}),
        lambda text: text[:-20],
        lambda text: "[]",
    ],
    ids=["of another machine", "of another version", "cut off", "something else"],
)
def test_a_file_that_does_not_count_says_nothing(alter):
    choices.remember("cpu", {"yolov9": "torch"})
    choices.path().write_text(alter(choices.path().read_text()))
    assert catalogue.order("yolov9", "auto", "cpu", ANY_ENGINE) == CPU


def test_one_that_was_asked_for_is_the_only_one():
    choices.remember("cpu", {"yolov9": "torch"})
    assert catalogue.order("yolov9", "onnxruntime", "cpu", ANY_ENGINE) == ["onnxruntime"]


@pytest.mark.parametrize(
    ("engine", "device", "error", "words"),
    [
        ("caffe", "cpu", ConfigError, "auto, openvino, onnxruntime, torch, tensorrt"),
        ("torch", "cpu", ConfigError, "computed by openvino, onnxruntime, tensorrt only"),
        ("onnxruntime", "tpu", DeviceError, "auto, cpu, cuda"),
        pytest.param("auto", f"cuda:{'9' * 5000}", DeviceError, "auto, cpu, cuda", id="5000 digits"),
    ],
)
def test_what_cannot_be_is_refused(engine, device, error, words):
    with pytest.raises(error, match=words):
        catalogue.order("onnx", engine, device, ONNX_ENGINES)


@pytest.mark.parametrize("engine", ["auto", "openvino"])
def test_what_is_missing_is_named_with_its_remedy(monkeypatch, engine):
    monkeypatch.setattr(catalogue, "_installed", lambda package: False)
    with pytest.raises(EngineError, match="pip install openvino"):
        catalogue.order("yolov9", engine, "cpu", ANY_ENGINE)


def test_the_next_one_is_tried_where_one_cannot(caplog):
    def make(name):
        if name != "torch":
            raise EngineError(f"{name} cannot")
        return name

    assert catalogue.first(CPU, make) == "torch"
    assert "left out engine openvino: openvino cannot" in caplog.text
    with pytest.raises(EngineError, match="openvino cannot"):
        catalogue.first(CPU[:2], make)
