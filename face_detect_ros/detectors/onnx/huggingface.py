"""What the files of a Hugging Face model beside its ONNX export say: `config.json`, `preprocessor_config.json`.

Exports of transformers models (by Optimum) carry no metadata; their folder does.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.format import OnnxFormat, usual
from face_detect_ros.detectors.onnx.resize import FILTERS

_LONGEST_PX = 1333  # of DETR, where older files do not say
# whose logits have a last class for nothing
_SOFTMAX = ("detr", "table-transformer", "yolos")


def described(file: Path) -> OnnxFormat | None:
    """How the DETR model in `file` is to be read by what lies beside it, or None. Raises ConfigError."""
    found = _beside(file)
    return None if found is None else _completed(usual("detr"), *found, file)


def named_in(file: Path) -> tuple[str, ...] | None:
    """Class names by index from what lies beside `file`, or None. Raises ConfigError unless every class has one."""
    found = _beside(file)
    named = found and found[0].get("id2label")
    if not named:
        return None
    try:
        by_index = {int(index): str(name) for index, name in named.items()}
        return tuple(by_index[index] for index in range(len(by_index)))
    except (AttributeError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{file}: 'id2label' in its config.json does not name every class from 0 on"
        ) from error


def _beside(file: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(config, preprocessor config) in the folder of `file`, or in the one above a folder called onnx."""
    for folder in (file.parent, *([file.parent.parent] if file.parent.name == "onnx" else [])):
        paths = (folder / "config.json", folder / "preprocessor_config.json")
        if all(path.is_file() for path in paths):
            config, processor = (_object(path) for path in paths)
            return config, processor
    return None


def _completed(detr: OnnxFormat, config: dict[str, Any], processor: dict[str, Any], file: Path) -> OnnxFormat:
    """`detr` with what the two say about pixels, sizes and scores."""
    try:
        rescales = processor.get("do_rescale", True)
        size = processor.get("size") or {}
        if isinstance(size, int):  # as older versions wrote it
            size = {"shortest_edge": size}
        changes: dict[str, Any] = {
            "largest": 1 if rescales else 255,
            "activation": "softmax" if config.get("model_type") in _SOFTMAX else "sigmoid",
        }
        if processor.get("do_normalize", False):
            changes.update(mean=processor["image_mean"], std=processor["image_std"])
        if "resample" in processor:
            changes["filter"] = FILTERS[1 + int(processor["resample"])]  # Pillow's numbers
        if "height" in size:
            changes.update(fit="stretch", size=max(size["height"], size["width"]))
        elif "shortest_edge" in size:
            shortest = int(size["shortest_edge"])
            longest = int(size.get("longest_edge") or processor.get("max_size") or _LONGEST_PX)
            changes.update(fit="top_left", size=longest, shortest=shortest)
        return replace(detr, **changes)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{file}: the preprocessor_config.json beside it cannot be used ({type(error).__name__}: {error})"
        ) from error


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no JSON ({error})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: no JSON object")
    return content
