# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What `pipeline.json` says, which MMDeploy writes beside its ONNX file: how pixels are prepared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.format import OnnxFormat
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import read_object

_FILE = "pipeline.json"


def completed(described: OnnxFormat, file: Path) -> OnnxFormat:
    """`described` with what the pipeline beside `file` says; unchanged if there is none.

    Raises:
        ConfigError: The file cannot be used.
    """
    path = file.parent / _FILE
    if not is_file(path):
        return described
    content = read_object(path)
    try:
        changes: dict[str, Any] = {}
        for step in _steps(content):
            kind = step.get("type")
            if kind == "Resize":
                changes["fit"] = "top_left" if step.get("keep_ratio", False) else "stretch"
            elif kind == "Pad":
                fill = step.get("pad_val", 0)
                fill = fill.get("img", 0) if isinstance(fill, dict) else fill
                changes["fill"] = int(fill[0] if isinstance(fill, list) else fill)
            elif kind == "Normalize":
                changes["color"] = "rgb" if step.get("to_rgb", True) else "bgr"
                changes["mean"] = tuple(value / 255 for value in step["mean"])
                changes["std"] = tuple(value / 255 for value in step["std"])
        return replace(described, **changes)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ConfigError(f"{path}: cannot be used ({type(error).__name__}: {error})") from error


def _steps(content: Any) -> Iterator[dict[str, Any]]:
    """The transforms of the first task, that of preprocessing."""
    for task in content["pipeline"]["tasks"]:
        if "transforms" in task:
            yield from task["transforms"]
            return
