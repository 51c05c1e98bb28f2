# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The weights that a training starts from."""

from __future__ import annotations

import os
from pathlib import Path

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors import catalogue
from face_detect_ros.files.looking import is_file
from face_detect_ros.zoo.published import cache, checkpoints, packaged


def fine_tuned(model: str) -> Path | None:
    """The folder of a model to fine-tune; None if `model` names a YOLOv9 to train."""

    kind, _, folder = model.partition(":")
    if kind == "detr":
        return Path(os.path.expanduser(folder))
    entry = catalogue.CATALOGUE.get(model)
    if entry is None or not entry.factory.endswith(".detr:create"):
        return None
    return cache.locate(checkpoints.find(entry.checkpoint))


def initial_weights(init: str | None) -> Path | None:
    """The weights file that `--init` names: a catalogue model or a file. Raises ConfigError."""
    if init is None:
        return None

    if init in catalogue.CATALOGUE:
        entry = catalogue.find(init, task="objects")
        if entry.packaged:
            return packaged.locate(entry.packaged)
        name = entry.checkpoint
        if not name.startswith("yolov9"):
            raise ConfigError(
                f"--init {init}: a YOLOv9 cannot begin with these weights; give one of yolov9-*"
            )
        return cache.locate(checkpoints.find(name))
    path = Path(os.path.expanduser(init))
    if not is_file(path, ConfigError):
        raise ConfigError(
            f"--init {init}: neither a model of the catalogue nor a file; see face_detect_ros models list"
        )
    return path
