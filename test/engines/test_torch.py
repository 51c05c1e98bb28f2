# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where PyTorch is not installed, whatever needs it says so with the next step."""

import json
import os
import subprocess
import sys

import pytest
from helpers.requirement_files import ROOT

# Python imports a module of this name at its start, also in the child processes of the one under test
ABSENT = """
import importlib.machinery as machinery
find = machinery.PathFinder.find_spec
machinery.PathFinder.find_spec = lambda name, *more: None if name.split(".")[0] == "torch" else find(name, *more)
"""

USES = """
import json
from typer.testing import CliRunner
from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors import catalogue
from face_detect_ros.faces.embedders import catalogue as embedders
said = {}
for name, task in (("mmod", "faces"), ("dfine-s", "objects")):
    try:
        catalogue.create(name, task=task)
    except ConfigError as error:
        said[name] = str(error)
try:
    embedders.create("dlib_resnet")
except ConfigError as error:
    said["dlib_resnet"] = str(error)
done = CliRunner().invoke(app, ["train", "a.json", "--output", "t"])
said["train"] = f"{done.exit_code} {done.stderr}"
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each use of PyTorch says in a process that cannot import it."""
    folder = tmp_path_factory.mktemp("without_pytorch")
    (folder / "sitecustomize.py").write_text(ABSENT)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV_CORE")}
    environment |= {"PYTHONPATH": f"{folder}:{ROOT}", "FACE_DETECT_ROS_MODELS": str(folder / "models")}
    done = subprocess.run(
        [sys.executable, "-c", USES], capture_output=True, text=True, timeout=100, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("mmod", "this model needs PyTorch, which is not installed; run: pip install torch"),
        ("dfine-s", "this model needs PyTorch, which is not installed; run: pip install torch"),
        ("dlib_resnet", "run: pip install torch; or choose the embedder dlib"),
        (
            "train",
            "2 face_detect_ros: this command needs PyTorch, which is not installed; run: pip install torch",
        ),
    ],
)
def test_the_error_names_the_next_step(said, use, words):
    assert words in said[use]
