# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Exported graphs of PyTorch networks, made once and kept in the folder of the models.

A graph's name tells the digest of its weights, so other weights get another graph. It is written whole, so several
processes may start at once. Making one needs PyTorch and the package onnx, in a process of its own unless PyTorch is
loaded already: a node that computes by another engine never carries PyTorch.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from face_detect_ros.core import errors
from face_detect_ros.core.errors import EngineError, OutputError, PerceptionError, WeightsError
from face_detect_ros.core.text import is_utf8
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.zoo.formats import onnx_graph
from face_detect_ros.zoo.published import cache, records

SUFFIX = ".onnx"
WEIGHTS_KEY = "face_detect_ros_weights"
"""Metadata that names what a graph was made of: digest of the weights, kind and version."""

_VERSION = 1  # of how graphs are made; a change makes all of them again
_FAILED = 3  # exit code of a process whose error is on its stdout


def folder() -> Path:
    """Where graphs, and what engines compile from them, are kept."""
    return cache.root() / "engines"


def clean() -> int:
    """Remove everything there; it is made again when it is needed. Returns its bytes. Raises OutputError."""
    place = folder()
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OutputError(f"{place}: cannot be removed: {error.strerror or error}") from error
    return size


def exported(weights: Path, kind: str, build: str) -> Path:
    """The graph of the network in the file `weights`: the one beside it, the one made before, or a new one.

    Args:
        weights: the file.
        kind: of network, in letters for a file name: one file may be read in several ways.
        build: "module:function", called as function(weights, destination): it writes an ONNX file.

    Raises:
        WeightsError: if the weights cannot be read.
        EngineError: if the folder cannot be written, the network cannot be exported, or PyTorch is not installed.
        PerceptionError: as `build` does.
    """
    made_of = _stamp(weights, kind)
    beside = weights.with_suffix(SUFFIX)
    if is_file(beside) and _made_of(beside) == made_of:
        return beside
    kept = folder() / f"{weights.stem}-{kind}-{made_of[:16]}-{_VERSION}{SUFFIX}"
    if not is_file(kept):
        _make(weights, kept, build, made_of)
    return kept


def export_beside(weights: Path, kind: str, build: str) -> Path:
    """Write the graph into the folder of the weights, where `exported` finds it first.

    Args:
        weights: File of the weights.
        kind: Of the graph, part of what it is recognized by.
        build: "module:function" that exports it.

    Returns:
        The graph's file.

    Raises:
        PerceptionError: As `exported`.
    """
    beside = weights.with_suffix(SUFFIX)
    _make(weights, beside, build, _stamp(weights, kind))
    return beside


def _stamp(weights: Path, kind: str) -> str:
    try:
        return f"{records.sha256_of(weights)} {kind} {_VERSION}"
    except OSError as error:
        raise WeightsError(f"{weights}: {error.strerror or error}") from error


def _make(weights: Path, destination: Path, build: str, made_of: str) -> None:
    if not is_utf8(str(destination)):  # PyTorch's exporter takes no such path
        raise EngineError(
            f"{destination}: the path is not valid Unicode; set {cache.FOLDER_VARIABLE} to another folder"
        )
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(destination) as beside:
            if "torch" in sys.modules:
                _build(build, weights, beside)
            else:
                _build_elsewhere(build, weights, beside)
            beside.write_bytes(onnx_graph.with_metadata(beside.read_bytes(), {WEIGHTS_KEY: made_of}))
            beside.chmod(0o644)  # other users' nodes read it too
    except OSError as error:
        raise EngineError(
            f"{destination}: cannot be written: {error.strerror or error}; make room, or set "
            f"{cache.FOLDER_VARIABLE} to another folder"
        ) from error


def _made_of(graph: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return onnx_graph.metadata(graph.read_bytes()).get(WEIGHTS_KEY, "")
    return ""


def _build(build: str, weights: Path, destination: Path) -> None:
    module, _, name = build.partition(":")
    with torch_engine.required_by(f"{weights}: making its graph"):
        function: Callable[[Path, Path], None] = getattr(importlib.import_module(module), name)
        function(weights, destination)


def _build_elsewhere(build: str, weights: Path, destination: Path) -> None:
    path = [entry for entry in sys.path if isinstance(entry, str)]
    code = f"import sys; sys.path[:] = {path!r}; from {__name__} import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, build, str(weights), str(destination)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    if done.returncode == _FAILED:
        told = json.loads(done.stdout.splitlines()[-1])
        raise getattr(errors, told["error"])(told["message"])
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    raise EngineError(f"{weights}: its graph cannot be made: exit code {done.returncode}, {last}")


def main(arguments: list[str]) -> None:
    """The process that makes one graph. arguments: as of `_build`."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the owner ends this process
    build, weights, destination = arguments
    try:
        _build(build, Path(weights), Path(destination))
    except PerceptionError as error:
        known = next(each for each in type(error).__mro__ if hasattr(errors, each.__name__))
        print(json.dumps({"error": known.__name__, "message": str(error)}))
        sys.exit(_FAILED)
