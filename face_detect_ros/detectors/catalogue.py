# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every detector that can be named, and the one way to make one.

A plain mapping, not an import-time registry: what exists can be read here, listed by the command line and tested entry
by entry, and naming a detector imports nothing. A new backend is a file with a factory function and one entry in
`entries`. The factory of an entry whose network several engines compute is called with the engines to try, best first::

    create(path, compute, engine_names, [input_size]) -> Detector

and that of another one like this::

    create(device, [path], [precision=...], [input_size=...]) -> Detector

- `path`, if the weights are a file or folder: the user's where the model is named ``NAME:PATH``, else that of the
  entry's `checkpoint`, looked up in the zoo's cache, or of its `packaged` weights.
- `precision`, if the entry offers more than float32.
- `input_size`, for objects: longest side in pixels of what the network sees, 0 for the model's own.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from face_detect_ros.core.errors import ConfigError, EngineError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors.entries import ENTRIES
from face_detect_ros.detectors.entry import ONLY_FLOAT32, TASKS, CatalogueEntry
from face_detect_ros.engines import catalogue as engine_catalogue
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.engines import trial
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.near import near_name
from face_detect_ros.zoo.formats import weights_file
from face_detect_ros.zoo.published import cache, checkpoints, packaged

CATALOGUE: dict[str, CatalogueEntry] = {entry.name: entry for entry in ENTRIES}

DEFAULT_MODEL: dict[str, str] = {"faces": "centerface", "objects": "yolov9-robot"}

# min_size_px 0: each detector has its own, and CenterFace's grows with the image
FACE_OPTIONS = DetectOptions(score_threshold=0.5, iou_threshold=0.4, max_detections=100, min_size_px=0)
OBJECT_OPTIONS = DetectOptions(score_threshold=0.25, iou_threshold=0.6, max_detections=100)
DEFAULT_OPTIONS: dict[str, DetectOptions] = {"faces": FACE_OPTIONS, "objects": OBJECT_OPTIONS}


def names(task: str) -> tuple[str, ...]:
    """Names of the detectors for `task` that need no file, in the catalogue's order.

    Raises ConfigError for an unknown task.
    """
    return tuple(entry.name for entry in entries(task) if not entry.needs_file)


def entries(task: str) -> tuple[CatalogueEntry, ...]:
    """Every detector for `task`, in the catalogue's order. Raises ConfigError for an unknown task."""
    if task not in TASKS:
        raise ConfigError(f"task '{task}' is not known; choose one of: {', '.join(TASKS)}")
    return tuple(entry for entry in CATALOGUE.values() if entry.task == task)


def find(name: str, *, task: str) -> CatalogueEntry:
    """The entry that a name means; its file is not looked at.

    Args:
        name: What users write, such as "dlib_hog" or "yunet:/path/to/file.onnx".
        task: "faces" or "objects".

    Raises:
        ConfigError: There is no such detector for the task, or a file is missing or too much; the message lists what
            there is.
    """
    known = entries(task)
    bare, colon, file = name.partition(":")
    entry = CATALOGUE.get(bare)
    if entry is None or entry not in known:
        near = near_name(bare, (each.name for each in known))
        hint = f" ('{bare}' is for task '{entry.task}')" if entry else _meant(name, task)
        raise ConfigError(f"model '{name}' is not known for task '{task}'{hint}{near}; {_choices(known)}")
    if (entry.needs_file and not file) or (colon and not file):
        raise ConfigError(f"model '{name}' needs its file: write {entry.name}:/path/to/file")
    if colon and not entry.takes_file:
        raise ConfigError(f"model '{name}': {entry.name} takes no file; write {entry.name}")
    return entry


_BY_SUFFIX = {
    ".onnx": {"objects": "onnx", "faces": "yunet"},
    ".pt": {"objects": "yolov9"},
    ".pth": {"objects": "yolov9"},
    ".safetensors": {"objects": "yolov9"},
}


def _meant(name: str, task: str) -> str:
    """A question for an error message, where `name` is the path of a model whose prefix is missing; else empty."""
    prefix = _BY_SUFFIX.get(Path(name).suffix.lower(), {}).get(task, "")
    if not prefix and task == "objects" and is_file(Path(os.path.expanduser(name)) / "config.json"):
        prefix = "detr"
    return f" (did you mean {prefix}:{name}?)" if prefix else ""


def default_model(task: str) -> str:
    """Name of the detector that `task` uses unless told otherwise. Raises ConfigError for an unknown task."""
    entries(task)
    return DEFAULT_MODEL[task]


def default_options(name: str, *, task: str) -> DetectOptions:
    """What a detector is asked for unless somebody says otherwise.

    Args:
        name: What users write.
        task: "faces" or "objects".

    Raises:
        ConfigError: As `find`.
    """
    entry = find(name, task=task)
    options = DEFAULT_OPTIONS[task]
    return replace(options, score_threshold=entry.score_threshold or options.score_threshold)


def create(
    name: str,
    *,
    task: str,
    device: str = "auto",
    precision: str = "auto",
    input_size: int = 0,
    engine: str = engine_catalogue.AUTO,
    threads: int = 0,
    steady: bool = False,
    classes: str = "",
) -> Detector:
    """A ready detector with its weights loaded; close it after use.

    Args:
        name: of the catalogue, with its file where it takes one.
        task: faces or objects.
        device: auto, cpu, cuda or cuda:N.
        precision: numbers to compute in; "auto" is the fastest that the device has.
        input_size: longest side in pixels of what the network of an object detector sees; 0: the model's own.
        engine: what computes the network; "auto": the fastest by measurement, or by experience (see
            `engines.catalogue`).
        threads: of the network on a CPU; 0: one for each core.
        steady: see `Compute.steady`.
        classes: what a detector finds that takes its classes as a text ("person, red cup"); others have their own.

    Raises:
        ConfigError: for an unknown name, a missing library, or an engine, precision or input size that this detector
            does not offer.
        DeviceError: for a device or precision that is not here or that this detector cannot use.
        WeightsError: for a missing or damaged model file.
    """
    entry = find(name, task=task)
    if precision not in entry.precisions:
        offered = ", ".join(entry.precisions)
        raise ConfigError(f"precision '{precision}': model '{entry.name}' computes in {offered} only")
    if input_size and entry.task != "objects":
        raise ConfigError(f"input_size {input_size}: model '{entry.name}' takes images as they are; give 0")
    if not entry.engines and engine != engine_catalogue.AUTO:
        raise ConfigError(f"engine '{engine}': model '{entry.name}' brings its own; set engine to auto")
    torch_engine.wait_passively()
    factory = load_factory(entry.factory)
    if entry.engines:
        try:
            order = engine_catalogue.order(entry.name, engine, device, entry.engines)
        except EngineError:
            if not entry.own_code or engine != engine_catalogue.AUTO:
                raise
            order = []
        sized: dict[str, str | int] = {"input_size": input_size} if entry.task == "objects" else {}
        path = _weights(entry, name)
        if entry.tried_first and ":" in name:
            _try(entry, path, sized, engine_catalogue.on_cpu(order))
        return factory(path, Compute(device, precision, threads, steady), order, **sized)
    arguments: dict[str, str | int] = {}
    if entry.precisions != ONLY_FLOAT32:
        arguments["precision"] = precision
    if entry.task == "objects":
        arguments["input_size"] = input_size
    if entry.takes_text:
        arguments["classes"] = classes
    if entry.takes_file or entry.packaged or entry.checkpoint:
        path = _weights(entry, name)
        if entry.tried_first and ":" in name:
            _try(entry, path, arguments)
        return factory(device, path, **arguments)
    return factory(device, **arguments)


def _try(
    entry: CatalogueEntry,
    path: Path,
    arguments: dict[str, str | int],
    engine_names: Sequence[str] | None = None,
) -> None:
    """Has a file of others run for the first time in a process of its own. Raises PerceptionError."""
    look = {"factory": entry.factory, "arguments": arguments, "engine_names": engine_names}
    trial.run(f"{__name__}:look_once", path, look)


def look_once(
    path: Path, factory: str, arguments: dict[str, str | int], engine_names: Sequence[str] | None
) -> None:
    """Make a detector on the CPU, let it look at one image, and close it. Runs in a process of its own, see `trial`.

    Args:
        path: The model file.
        factory: "module:function" that makes the detector.
        arguments: Further arguments of the factory.
        engine_names: Engines to try; None where the factory brings its own.

    Raises:
        PerceptionError: The file cannot be used.
    """
    make = load_factory(factory)
    given = (path, Compute("cpu"), engine_names) if engine_names is not None else ("cpu", path)
    detector = make(*given, **arguments)
    try:
        detector.warmup()
    finally:
        detector.close()


def _weights(entry: CatalogueEntry, name: str) -> Path:
    """The file or folder of `name`, which means `entry`. Raises WeightsError."""
    if file := name.partition(":")[2]:
        path = Path(os.path.expanduser(file))
        if is_file(path, WeightsError) and entry.file_is == "FILE":
            weights_file.check(path)
        return path
    if entry.packaged:
        return packaged.locate(entry.packaged)
    return cache.locate(checkpoints.find(entry.checkpoint))


def _choices(known: tuple[CatalogueEntry, ...]) -> str:
    return f"choose one of: {', '.join(entry.usage for entry in known)}"


def load_factory(path: str) -> Callable[..., Detector]:
    """The function that "module:function" names; imports the module.

    Args:
        path: As in `CatalogueEntry`, which also describes the function's arguments.

    Raises:
        ConfigError: The module needs PyTorch, which is not installed.
    """
    module, _, function = path.partition(":")
    with torch_engine.required_by("this model"):
        factory: Callable[..., Detector] = getattr(importlib.import_module(module), function)
    return factory
