"""Every detector that can be named, and the one way to make one.

A plain mapping, not an import-time registry: what exists can be read here, listed by the command line and
tested entry by entry, and naming a detector imports nothing. A new backend is a file with a function
``create(device: str) -> Detector`` and one entry in `CATALOGUE`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector

Task = Literal["faces", "objects"]
TASKS: tuple[str, ...] = get_args(Task)


@dataclass(frozen=True)
class CatalogueEntry:
    """One named detector.

    name: what users write.
    task: "faces" or "objects".
    factory: "module:function"; the function takes a device ("auto", "cpu", "cuda", "cuda:1") and gives a
    Detector. licence: of the weights (code and weights where they differ).
    description: one line for lists.
    """

    name: str
    task: Task
    factory: str
    licence: str
    description: str


_ENTRIES = (
    CatalogueEntry(
        name="dlib_hog",
        task="faces",
        factory="face_detect_ros.detectors.dlib_faces:create_hog",
        licence="Boost-1.0; landmarks CC0-1.0",
        description="dlib's HOG face detector with 5 landmarks: fast on CPU, frontal faces",
    ),
    CatalogueEntry(
        name="dlib_cnn",
        task="faces",
        factory="face_detect_ros.detectors.dlib_faces:create_cnn",
        licence="CC0-1.0",
        description="dlib's CNN (MMOD) face detector with 5 landmarks: any pose, slow on CPU",
    ),
)
CATALOGUE: dict[str, CatalogueEntry] = {entry.name: entry for entry in _ENTRIES}

DEFAULT_MODEL: dict[str, str] = {"faces": "dlib_hog"}

# 73 px: the smallest box of dlib's HOG detector in a picture that is not enlarged; enlarging costs time by
# the square
FACE_OPTIONS = DetectOptions(score_threshold=0.5, iou_threshold=0.5, max_detections=100, min_size_px=73)
DEFAULT_OPTIONS: dict[str, DetectOptions] = {"faces": FACE_OPTIONS}


def names(task: str) -> tuple[str, ...]:
    """Names of the detectors for `task`, in the catalogue's order. Raises ConfigError for an unknown task."""
    if task not in TASKS:
        raise ConfigError(f"task '{task}' is not known; choose one of: {', '.join(TASKS)}")
    return tuple(entry.name for entry in CATALOGUE.values() if entry.task == task)


def find(name: str, *, task: str) -> CatalogueEntry:
    """The entry called `name`. Raises ConfigError, listing the names of `task`, if there is none."""
    known = names(task)
    if name in known:
        return CATALOGUE[name]
    hint = f" ('{name}' is for task '{CATALOGUE[name].task}')" if name in CATALOGUE else ""
    raise ConfigError(f"model '{name}' is not known for task '{task}'{hint}; {_choices(known)}")


def default_model(task: str) -> str:
    """Name of the detector that `task` uses unless told otherwise. Raises ConfigError if it has none."""
    known = names(task)
    if task not in DEFAULT_MODEL:
        raise ConfigError(f"task '{task}' has no default model; {_choices(known)}")
    return DEFAULT_MODEL[task]


def create(name: str, *, task: str, device: str = "auto") -> Detector:
    """A ready detector with its weights loaded; close it after use.

    Raises ConfigError for an unknown name or a missing library, DeviceError for a device that does not exist
    or that this detector cannot use, WeightsError for a missing or damaged model file.
    """
    return load_factory(find(name, task=task).factory)(device)


def _choices(known: tuple[str, ...]) -> str:
    return f"choose one of: {', '.join(known)}" if known else "this version has no models for this task"


def load_factory(path: str) -> Callable[[str], Detector]:
    """The function that "module:function" names; imports the module."""
    module, _, function = path.partition(":")
    factory: Callable[[str], Detector] = getattr(importlib.import_module(module), function)
    return factory
