# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What `ros2 run face_detect_ros NODE --help` prints."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import textwrap

from face_detect_ros.ros.nodes.lifecycle import NodeParameters, PerceptionNode

# executable -> its nodes, as "module:class:parameters"
_CLASSES: dict[str, tuple[str, ...]] = {
    "face_detector": ("face_detector:FaceDetector:FaceDetectorParameters",),
    "object_detector": ("object_detector:ObjectDetector:ObjectDetectorParameters",),
    "video_source": ("video_source:VideoSource:VideoSourceParameters",),
}
_CLASSES["perception"] = tuple(entry for entries in _CLASSES.values() for entry in entries)
_CLASSES["viewer"] = ("viewer:Viewer:ViewerParameters",)


def help_text(executable: str) -> str:
    """Purpose, topics and parameters of an executable's nodes, for a terminal."""
    module = importlib.import_module(f"face_detect_ros.ros.nodes.{executable}")
    lines = [inspect.cleandoc(module.__doc__ or ""), "", "Set a parameter: --ros-args -p NAME:=VALUE"]
    for entry in _CLASSES[executable]:
        lines += ["", *_describe(*entry.split(":"))]
    return "\n".join(lines)


def _describe(module: str, node: str, parameters: str) -> list[str]:
    code = importlib.import_module(f"face_detect_ros.ros.nodes.{module}")
    kind: type[PerceptionNode[NodeParameters]] = getattr(code, node)
    lines = [f"{module}: topics and services"]
    for name, what in kind.topics.items():
        lines += textwrap.wrap(what, 120, initial_indent=f"  {name:<29} ", subsequent_indent=" " * 32)
    lines += ["", f"{module}: parameters"]
    for field in dataclasses.fields(getattr(code, parameters)):
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        lines.append(f"  {field.name}: {default!r}" if default == "" else f"  {field.name}: {default}")
        spec = field.metadata
        allowed = f" One of: {', '.join(spec['choices'])}." if spec["choices"] else ""
        allowed += " From {} to {}.".format(*spec["range"]) if spec["range"] else ""
        lines += textwrap.wrap(
            spec["description"] + allowed, 92, initial_indent="      ", subsequent_indent="      "
        )
    return lines
