# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every engine by name, whether it can be used here, and which one a network gets.

A plain mapping, as that of the detectors. A new engine is a file with a function::

    create(file, compute, *, content=None, cache=None) -> Engine

`content` are the ONNX file's bytes, where they differ from what `file` holds; `cache` is a folder for what it compiles.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from face_detect_ros.core.errors import ConfigError, DeviceError, EngineError
from face_detect_ros.engines import choices, cpu
from face_detect_ros.engines.protocol import Compute, Engine

_LOG = logging.getLogger(__name__)

Made = TypeVar("Made")

AUTO = "auto"
TORCH = "torch"


@dataclass(frozen=True)
class EngineEntry:
    """One engine.

    Attributes:
        name: What users write.
        package: The Python package that it needs.
        module: Its file; empty: the detector's own code.
        install: What to run where the package is missing.
        on_cpu, on_gpu: Where it computes.
    """

    name: str
    package: str
    module: str
    install: str
    on_cpu: bool = True
    on_gpu: bool = True


# in the order in which `auto` prefers them on a CPU that nobody has measured, as on the machines measured so far; a
# model that offers them in another order has its own
_ENTRIES = (
    EngineEntry("openvino", "openvino", "openvino", "pip install openvino", on_gpu=False),
    EngineEntry("onnxruntime", "onnxruntime", "onnxruntime", "pip install onnxruntime"),
    EngineEntry(TORCH, "torch", "", "pip install torch"),
    EngineEntry("tensorrt", "onnxruntime", "tensorrt", "pip install onnxruntime-gpu", on_cpu=False),
)
ENGINES: dict[str, EngineEntry] = {entry.name: entry for entry in _ENTRIES}
CHOICES: tuple[str, ...] = (AUTO, *ENGINES)

ANY_ENGINE: tuple[str, ...] = tuple(ENGINES)
ONNX_ENGINES: tuple[str, ...] = tuple(name for name in ENGINES if name != TORCH)

# nobody has measured any of this on a GPU
_ON_GPU = (TORCH, "onnxruntime", "tensorrt")


def problem(name: str) -> str:
    """Why the engine cannot be used here, and what to do; empty if it can. Loads nothing."""
    entry = ENGINES[name]
    if _installed(entry.package):
        return ""
    return f"engine {name} is not installed; run: {entry.install}"


def order(model: str, engine: str, device: str, offered: Sequence[str]) -> list[str]:
    """Names of the engines to try, best first.

    Args:
        model: name of the detector or embedder in its catalogue, for which a measured choice may be on record.
        engine: what was asked for; "auto": the measured choice, else the first one that is installed.
        device: auto, cpu, cuda or cuda:N. auto: engines whose library can use a GPU that is here come first, those
            for a CPU behind them.
        offered: engines that the model can be computed by, those for a CPU best first.

    Returns:
        One name for an engine that was asked for, else at least one.

    Raises:
        ConfigError: for an engine that is unknown or not offered.
        DeviceError: for a device that is unknown.
        EngineError: for an engine that is not installed, or if none is.
    """
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,4})?", device) is None:
        raise DeviceError(f"device '{device}' is not known; give auto, cpu, cuda or cuda:N")
    if engine != AUTO:
        if engine not in ENGINES:
            raise ConfigError(f"engine '{engine}' is not known; choose one of: {', '.join(CHOICES)}")
        if engine not in offered:
            raise ConfigError(f"engine '{engine}': model '{model}' is computed by {', '.join(offered)} only")
        if problem(engine):
            raise EngineError(problem(engine))
        return [engine]
    of_gpu = [name for name in _ON_GPU if name in offered]
    of_cpu = [name for name in offered if ENGINES[name].on_cpu]
    where, names = ("cuda", of_gpu) if device.startswith("cuda") else ("cpu", of_cpu)
    found = _best(model, where, names)
    if device == "auto" and cpu.has_nvidia():  # only then are libraries loaded to ask them
        usable = [name for name in _best(model, "cuda", of_gpu) if _can_use_cuda(name)]
        found = list(dict.fromkeys([*usable, *found]))
    if not found:
        raise EngineError(f"model '{model}': {'; '.join(problem(name) for name in names)}")
    return found


def on_cpu(names: Sequence[str]) -> list[str]:
    """Engines that try on a CPU what `names` are to compute: the library of a GPU's engine has one for CPUs too."""
    entries = [ENGINES[name] for name in names]
    return list(dict.fromkeys(entry.name if entry.on_cpu else entry.package for entry in entries))


def first(names: Sequence[str], make: Callable[[str], Made]) -> Made:
    """What `make` gives for the first name for which it raises neither EngineError nor DeviceError.

    If it does so for all, the first error is raised: the first engine is the one that is recommended.
    """
    errors: list[DeviceError | EngineError] = []
    for name in names:
        try:
            return make(name)
        except (DeviceError, EngineError) as error:
            errors.append(error)
            if len(names) > 1:
                # a device or precision that another engine may have is no fault of the engine
                level = logging.INFO if isinstance(error, DeviceError) else logging.WARNING
                _LOG.log(level, "left out engine %s: %s", name, error)
    raise errors[0]


def open_graph(
    name: str, file: Path, compute: Compute, *, content: bytes | None = None, cache: Path | None = None
) -> Engine:
    """Load an ONNX file into an engine.

    Args:
        name: Of the engine.
        file: The ONNX file.
        compute: Device, precision and threads.
        content: What to load instead of what `file` holds.
        cache: Folder for what the engine compiles; None: compiled at every start.

    Raises:
        EngineError: The engine is unknown or not installed, or cannot load the file.
        DeviceError: It does not have the device or the precision.
        WeightsError: The file is missing or not ONNX; with `content` or `cache`, its weights lie in a second file.
    """
    module = importlib.import_module(f"face_detect_ros.engines.{ENGINES[name].module}")
    made: Engine = module.create(file, compute, content=content, cache=cache)
    return made


def _best(model: str, device: str, names: Sequence[str]) -> list[str]:
    """Those of `names` that are installed, the one measured to be the fastest on `device` (cpu or cuda) first."""
    measured = choices.chosen(model, device)
    return sorted((name for name in names if not problem(name)), key=lambda name: name != measured)


def _can_use_cuda(name: str) -> bool:
    """Whether the library of an engine that is installed reports that it can compute on a GPU here; loads it."""
    try:
        if name == TORCH:
            import torch

            return torch.cuda.is_available()
        from face_detect_ros.engines import onnxruntime

        provider = onnxruntime.TENSORRT if name == "tensorrt" else onnxruntime.CUDA
        return provider in onnxruntime.import_runtime().get_available_providers()
    except (ImportError, OSError, ConfigError):  # a broken installation, which using it explains
        return False


@functools.cache
def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
