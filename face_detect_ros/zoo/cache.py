"""Where fetched weights lie on this machine."""

from __future__ import annotations

from pathlib import Path

from face_detect_ros.core.errors import WeightsError

from .checkpoints import Checkpoint


def locate(checkpoint: Checkpoint) -> Path:
    """The checked file, or folder of files, of `checkpoint`. Raises WeightsError if it is absent or altered."""
    raise WeightsError(
        f"{checkpoint.name}: its weights are not on this machine; run: face_detect_ros models fetch {checkpoint.name}"
    )
