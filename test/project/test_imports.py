# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What importing costs: no ROS, no networks, no devices where none are asked for."""

import importlib.util
import json
import os
import pkgutil
import subprocess
import sys

import pytest
from helpers.ros_tools import ROOT

import face_detect_ros

ROS = {"rclpy", "ament_index_python", "cv_bridge", "launch"}
INTERFACES = "_interfaces", "_msgs", "_srvs"
NETWORK_LIBRARIES = {"torch", "dlib"}

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(face_detect_ros.__path__, "face_detect_ros.")
    # what is made of ROS, starts it or measures it
    if module.name.split(".")[1] not in ("ros", "cli", "demo", "benchmarks")
)
# made of torch, and imported only by what needs a network
# what computes in PyTorch; what people start (cli, ros) and what lists (the catalogue) loads these when they are needed
MADE_OF_TORCH = (
    "nn.",
    "training.",
    "benchmarks.",
    "detectors.detr",
    "detectors.export",
    "detectors.faces.mmod",
    "detectors.grounding",
    "detectors.objects.tensor_input",
    "detectors.yolov9",
    "engines.torch_export",
    "faces.embedders.dlib_export",
    "zoo.formats.safetensors_file",
    "zoo.formats.stored_tensors",
    "zoo.formats.torch_file",
    "zoo.yolov9.",
)
OF_TORCH = [name for name in MODULES if name.removeprefix("face_detect_ros.").startswith(MADE_OF_TORCH)]

# audit hooks see what the interpreter does; devices and sockets are what a robot would notice
WATCHED = """
import importlib, json, sys
touched = []
def watch(event, arguments):
    if event.startswith("socket.") and event not in ("socket.gethostname",):
        touched.append(event)
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith("/dev/"):
        if not arguments[0].startswith(("/dev/null", "/dev/urandom", "/dev/shm")):
            touched.append(arguments[0])
    if event in ("subprocess.Popen", "os.system"):
        touched.append(f"{event} {arguments[0]}")
sys.addaudithook(watch)
before = set(sys.modules)
results = []
for names in json.loads(sys.argv[1]):
    for name in names:
        importlib.import_module(name)
    loaded = {name.split(".")[0] for name in set(sys.modules) - before}
    results.append({"touched": list(touched), "loaded": sorted(loaded)})
print(json.dumps(results))
"""


def import_afresh(*groups):
    """What a new process has touched and loaded after each group of modules, one group after the other."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_CORE")}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(groups)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_ros(loaded):
    return sorted(name for name in loaded if name in ROS or name.endswith(INTERFACES))


def test_there_are_modules_to_test():
    assert "face_detect_ros.core.frame" in MODULES
    assert "face_detect_ros.detectors.catalogue" in MODULES


def test_importing_loads_no_ros_touches_no_network_and_no_device_and_torch_only_where_it_computes():
    others, all_of_them = import_afresh([name for name in MODULES if name not in OF_TORCH], OF_TORCH)
    assert NETWORK_LIBRARIES.isdisjoint(others["loaded"])
    assert of_ros(all_of_them["loaded"]) == []
    assert all_of_them["touched"] == []


def test_importing_the_nodes_touches_no_network_and_no_device():
    nodes = ("face_detector", "object_detector", "video_source", "perception", "viewer")
    (result,) = import_afresh([f"face_detect_ros.ros.nodes.{name}" for name in nodes])
    assert result["touched"] == []
    assert {"torch", "dlib", "cv_bridge"}.isdisjoint(result["loaded"])


@pytest.mark.parametrize("name", ["rclpy", "numpy"])
def test_the_watch_works(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    assert name in import_afresh([name])[0]["loaded"]


def test_the_watch_sees_devices_and_sockets(tmp_path, monkeypatch):
    code = "import socket; socket.socket().bind(('127.0.0.1', 0)); open('/dev/zero').close()"
    (tmp_path / "curious.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert {"socket.bind", "/dev/zero"} <= set(import_afresh(["curious"])[0]["touched"])
