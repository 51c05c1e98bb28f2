# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What tells whether the file of a model is still the same."""

from __future__ import annotations

import stat
from pathlib import Path


def stamp(model: str) -> list[int]:
    """Size in bytes and time in nanoseconds of a model's file; empty for models without a file of the user's.

    Args:
        model: What users write, such as "yunet:/path/to/file.onnx".
    """
    try:
        status = Path(model.partition(":")[2] or "/").expanduser().stat()
    except (OSError, ValueError, RuntimeError):
        return []
    return [status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else []
