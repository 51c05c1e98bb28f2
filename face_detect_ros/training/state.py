"""A training's files, each written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from face_detect_ros.core.errors import OutputError, TrainingError
from face_detect_ros.files.whole_file import whole_file

STATE_NAME = "state.pt"


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """`whole_file` of a training, the only one in its folder. Raises OutputError."""
    try:
        with whole_file(path, only_writer=True) as beside:
            yield beside
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"{path}: cannot be written: {error}; make room or choose another folder"
        ) from error


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """No other training works in `folder` meanwhile. Raises TrainingError where one does."""
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
    """Tensors, numbers and texts that a training goes on from. Raises OutputError."""
    with written_whole(folder / STATE_NAME) as path:
        torch.save(state, path)


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save_state` wrote, on the CPU; None where nothing was saved. Raises TrainingError for a damaged file."""
    path = folder / STATE_NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"{path}: cannot be read ({type(error).__name__}); delete it to begin anew"
        ) from error
    return state


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What two records of options differ in, as "name: saved -> now"."""
    rows = []
    for name in sorted(saved.keys() | now.keys()):
        if saved.get(name) != now.get(name):
            rows.append(f"{name}: {saved.get(name)} -> {now.get(name)}")
    return rows
