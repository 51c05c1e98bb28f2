# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Python, libraries and models."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from typing import Any

from face_detect_ros.cli.doctor.finding import Finding
from face_detect_ros.core.errors import PerceptionError


def check_python() -> Finding:
    detail = f"{platform.python_version()} at {sys.executable}"
    return Finding("python", "ok", detail)


def check_numpy() -> Finding:
    numpy = importlib.import_module("numpy")
    if _version(numpy.__version__) < (1, 21):
        return Finding("numpy", "bad", numpy.__version__, "needs NumPy 1.21 or newer")
    return Finding("numpy", "ok", numpy.__version__)


def check_opencv() -> Finding:
    cv2 = importlib.import_module("cv2")
    ffmpeg = any("FFMPEG" in line and "YES" in line for line in cv2.getBuildInformation().splitlines())
    detail = f"{cv2.__version__}, {'with' if ffmpeg else 'without'} FFmpeg"
    version = _version(cv2.__version__)
    if version < (4, 5):
        return Finding("opencv", "bad", detail, "needs OpenCV 4.5 or newer")
    if version >= (5,):
        return Finding(
            "opencv",
            "bad",
            detail,
            "its types were renumbered, which breaks cv_bridge: pip install 'opencv-python-headless>=4.8,<5'",
        )
    if not ffmpeg:
        return Finding("opencv", "note", detail, "videos and network cameras need an OpenCV with FFmpeg")
    return Finding("opencv", "ok", detail)


def check_rclpy() -> Finding:
    advice = "install ROS 2 and source its setup.bash, or run `make setup` and use .venv/bin"
    try:
        importlib.import_module("rclpy")
        middleware = importlib.import_module("rclpy.utilities").get_rmw_implementation_identifier()
    except (ImportError, OSError, RuntimeError) as error:
        return Finding("rclpy", "bad", _first_line(error), advice)
    distribution = os.environ.get("ROS_DISTRO") or "wheels"
    return Finding(
        "rclpy", "ok", f"{_installed_version('rclpy')}, {middleware}, distribution: {distribution}"
    )


def check_messages() -> Finding:
    missing = []
    for package in ("sensor_msgs", "visualization_msgs", "diagnostic_msgs", "std_srvs", "lifecycle_msgs"):
        module = f"{package}.srv" if package.endswith("srvs") else f"{package}.msg"
        if not _importable(module):
            missing.append(package)
    if missing:
        apt = " ".join(f"ros-$ROS_DISTRO-{name.replace('_', '-')}" for name in missing)
        return Finding("messages", "bad", f"missing: {', '.join(missing)}", f"sudo apt install {apt}")
    return Finding("messages", "ok", "the standard interfaces are there")


def check_vision_msgs() -> Finding:
    advice = "sudo apt install ros-$ROS_DISTRO-vision-msgs; without ROS from apt: make setup"
    try:
        fields = importlib.import_module("vision_msgs.msg").Detection2D.get_fields_and_field_types()
    except (ImportError, AttributeError) as error:
        return Finding("vision_msgs", "bad", _first_line(error), advice)
    if "id" not in fields:
        return Finding("vision_msgs", "bad", "older than 4.0 (Detection2D has no id)", advice)
    return Finding("vision_msgs", "ok", "4.x")


def check_cv_bridge() -> Finding:
    if not _importable("cv_bridge"):
        advice = "sudo apt install ros-$ROS_DISTRO-cv-bridge; only unusual image encodings need it"
        return Finding("cv_bridge", "note", "not there", advice)
    return Finding("cv_bridge", "ok", _installed_version("cv_bridge"))


def check_tf2() -> Finding:
    if not _importable("tf2_ros"):
        advice = (
            "sudo apt install ros-$ROS_DISTRO-tf2-ros-py; target_frame, broadcast_tf and a ground_plane in another "
            "frame need it"
        )
        return Finding("tf2", "note", "not there", advice)
    return Finding("tf2", "ok", _installed_version("tf2_ros_py"))


def check_dlib() -> Finding:
    from face_detect_ros.zoo.published import dlib_models

    try:
        dlib = dlib_models.import_dlib()
    except PerceptionError as error:
        return Finding("dlib", "bad", str(error), "pip install dlib-bin")
    cuda = "built with CUDA" if dlib.DLIB_USE_CUDA else "CPU only"
    return Finding("dlib", "ok", f"{dlib.__version__}, {cuda}")


def check_face_models() -> Finding:
    from face_detect_ros.zoo.published import dlib_models

    try:
        paths = [dlib_models.verify(model) for model in dlib_models.FACE_MODELS]
    except PerceptionError as error:
        return Finding("face models", "bad", str(error), dlib_models.INSTALL)
    return Finding("face models", "ok", f"{len(paths)} files, checksums right, in {paths[0].parent}")


def check_face_detector() -> Finding:
    from face_detect_ros.detectors import catalogue
    from face_detect_ros.zoo.published import cache, checkpoints

    name = catalogue.default_model("faces")
    states = cache.examine(checkpoints.find(catalogue.find(name, task="faces").checkpoint))
    wrong = [state for state in states if state.state != "ok"]
    if wrong:
        advice = f"face_detect_ros models fetch {name}; without it: model:=mmod"
        return Finding(
            "face detector", "bad", f"{wrong[0].path}: {wrong[0].detail or wrong[0].state}", advice
        )
    return Finding("face detector", "ok", f"{name}, checksum right, in {states[0].path.parent}")


def check_torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        advice = (
            "pip install torch; without it the DETR family, mmod, heat maps and training do not work, and "
            "face_detector needs embedder:=dlib"
        )
        return Finding("torch", "note", "not there", advice)
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return Finding("torch", "ok", f"{torch.__version__}, no CUDA device: networks run on the CPU")
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return Finding("torch", "ok", f"{torch.__version__}, {names}")


def check_transformers() -> Finding:
    advice = "pip install transformers; RT-DETR, D-FINE, RF-DETR and other DETR models need it"
    return _optional("transformers", advice)


def check_safetensors() -> Finding:
    return _optional(
        "safetensors",
        "pip install safetensors; most published models for objects need it, and the default one with engine:=torch",
    )


def check_onnxruntime() -> Finding:
    name = "onnxruntime"
    try:
        onnxruntime = importlib.import_module(name)
    except ImportError:
        return Finding(
            name,
            "note",
            "not there",
            "pip install onnxruntime; without it the default face detector and onnx:FILE need OpenVINO",
        )
    providers = [
        provider.removesuffix("ExecutionProvider") for provider in onnxruntime.get_available_providers()
    ]
    return Finding(name, "ok", f"{onnxruntime.__version__}, providers: {', '.join(providers)}")


def check_rosbags() -> Finding:
    return _optional("rosbags", "pip install rosbags; the verb bag, bags as sources and the demo need it")


def check_viewer() -> Finding:
    missing = [
        name for name in ("starlette", "uvicorn", "websockets") if importlib.util.find_spec(name) is None
    ]
    if missing:
        advice = f"pip install {' '.join(missing)}; the live page in the browser needs it"
        return Finding("viewer", "note", f"not there: {', '.join(missing)}", advice)
    return Finding("viewer", "ok", f"uvicorn {_installed_version('uvicorn')}")


def _version(text: str) -> tuple[int, ...]:
    """ "4.10.0-dev" to (4, 10): enough to compare."""
    return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())


def _optional(package: str, advice: str) -> Finding:
    # found, not imported: transformers takes seconds
    if importlib.util.find_spec(package) is None:
        return Finding(package, "note", "not there", advice)
    return Finding(package, "ok", _installed_version(package))


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _installed_version(distribution: str) -> str:
    for name in (distribution, distribution.replace("_", "-"), f"ros-{distribution}"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "version unknown"


def _first_line(error: Any) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
