# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the files of a Hugging Face model beside its ONNX export say: `config.json`, `preprocessor_config.json`.

Exports of transformers models (by Optimum) carry no metadata; their folder does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.format import OnnxFormat, usual
from face_detect_ros.detectors.preprocessor import SETTINGS_FILE, InputSettings, read_settings
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import read_object

# whose logits have a last class for nothing
_SOFTMAX = ("detr", "table-transformer", "yolos")


def described(file: Path) -> OnnxFormat | None:
    """How the DETR model in `file` is to be read by what lies beside it, or None. Raises ConfigError."""
    found = _beside(file)
    if found is None:
        return None
    config, processor = found
    return _completed(usual("detr"), config, read_settings(processor, error=ConfigError), file)


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


def _beside(file: Path) -> tuple[dict[str, Any], Path] | None:
    """(config, preprocessor config's path) in the folder of `file`, or in the one above a folder called onnx."""
    for folder in (file.parent, *([file.parent.parent] if file.parent.name == "onnx" else [])):
        config, processor = folder / "config.json", folder / SETTINGS_FILE
        if is_file(config) and is_file(processor):
            return read_object(config), processor
    return None


def _completed(detr: OnnxFormat, config: dict[str, Any], settings: InputSettings, file: Path) -> OnnxFormat:
    """`detr` with what the two say about pixels, sizes and scores. Raises ConfigError."""
    largest = {1 / 255: 1, 1.0: 255}.get(settings.factor)
    if largest is None:
        raise ConfigError(f"{file}: rescale_factor {settings.factor:g} beside it is not known; give 1/255")
    changes: dict[str, Any] = {
        "largest": largest,
        "activation": "softmax" if config.get("model_type") in _SOFTMAX else "sigmoid",
        "mean": settings.mean,
        "std": settings.std,
        "filter": settings.filter,
    }
    if settings.size:
        changes.update(fit="stretch", size=max(settings.size))
    elif settings.edges:
        changes.update(fit="top_left", size=settings.edges[1], shortest=settings.edges[0])
    elif settings.within:
        changes.update(fit="top_left", size=max(settings.within))
    return replace(detr, **changes)
