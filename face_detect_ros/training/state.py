# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The files of a training, each written completely or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from face_detect_ros.core.errors import OutputError, TrainingError, WeightsError
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.zoo.formats import torch_file
from face_detect_ros.zoo.formats.stored_tensors import StoredTensor
from face_detect_ros.zoo.formats.torch_file import TorchFile

STATE_NAME = "state.pt"


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """`whole_file` for the only training in a folder. Raises OutputError."""
    try:
        with whole_file(path, only_writer=True) as beside:
            yield beside
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"{path}: cannot be written: {error}; make room or choose another folder"
        ) from error


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` so that no other training uses it. Raises TrainingError if one does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"{folder}: another training is at work in it; wait for its end or choose another folder"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Save the tensors, numbers and texts from which a training continues. Raises OutputError."""
    with written_whole(folder / STATE_NAME) as path:
        torch.save(state, path)


def load_state(folder: Path) -> dict[str, Any] | None:
    """Read what `save_state` wrote, without running anything in the file.

    Returns:
        The state, with tensors on the CPU; None if nothing was saved.

    Raises:
        TrainingError: The file is damaged.
    """
    path = folder / STATE_NAME
    if not is_file(path, TrainingError):
        return None
    try:
        with torch_file.opened(path) as file:
            state: dict[str, Any] = _read(file.content, file)
    except WeightsError as error:
        raise TrainingError(f"{error}; delete it to begin anew") from error
    return state


def _read(value: Any, file: TorchFile) -> Any:
    """`value` with its tensors read from `file`."""
    if isinstance(value, StoredTensor):
        return file.tensor(value)
    if isinstance(value, dict):
        return {key: _read(each, file) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_read(each, file) for each in value)
    return value


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Differences between two records of options, as "name: saved -> now"."""
    rows = []
    for name in sorted(saved.keys() | now.keys()):
        if saved.get(name) != now.get(name):
            rows.append(f"{name}: {saved.get(name)} -> {now.get(name)}")
    return rows
