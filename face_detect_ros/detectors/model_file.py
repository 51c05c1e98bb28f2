# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The file of the user's in the name of a model: where it is, and whether it is still the same."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def file_of(model: str) -> Path | None:
    """The file or folder in a model's name, "~" expanded; None where there is none, or the address of a server.

    Args:
        model: What users write, such as "yunet:/path/to/file.onnx".
    """
    file = model.partition(":")[2]
    return Path(os.path.expanduser(file)) if file and "://" not in file else None


def absolute(model: str) -> str:
    """The same name for a process with another working folder: its file has an absolute path."""
    file = file_of(model)
    return model if file is None else f"{model.partition(':')[0]}:{file.absolute()}"


def without_folder(model: str) -> str:
    """The same name for a file that may lie elsewhere; with `stamp` it tells files apart."""
    file = file_of(model)
    return model if file is None else f"{model.partition(':')[0]}:{file.name}"


def stamp(model: str) -> list[int]:
    """Size in bytes and time in nanoseconds of a model's file; empty for models without a file of the user's.

    Args:
        model: What users write, such as "yunet:/path/to/file.onnx".
    """
    try:
        status = (file_of(model) or Path("/")).stat()
    except (OSError, ValueError):
        return []
    return [status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else []
