# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Folders for temporary files, large ones too, that are removed later if their process is killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from face_detect_ros.core.errors import ConfigError, OutputError
from face_detect_ros.files.locks import locked

_LOCK = ".lock"
_NEW_S = 60.0  # a folder that is younger may be about to be locked
_NEW, _SWEPT, _KEPT = "new-", "run-", "kept-"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A new folder for temporary files, removed afterwards. Folders that killed processes left are removed first.

    It is below the folder that TMPDIR names.

    Raises:
        OutputError: It cannot be made.
    """
    root = _root()
    _sweep(root)
    try:
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
        lock = locked(new / _LOCK, 0o600)
        # under a name that others sweep once it is locked
        folder = new.rename(root / f"{_SWEPT}{new.name.removeprefix(_NEW)}")
    except OSError as error:
        raise OutputError(f"{root}: cannot be written: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextlib.contextmanager
def kept(key: str) -> Iterator[Path]:
    """The folder that belongs to `key`. It stays when the process is killed or fails; the next one finds it again.

    The caller removes what is no longer needed in it; an empty folder is removed afterwards.

    Raises:
        ConfigError: Another process uses it.
        OutputError: It cannot be made.
    """
    folder = _root() / f"{_KEPT}{hashlib.sha256(key.encode()).hexdigest()[:24]}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = locked(folder / _LOCK, 0o600)
    except BlockingIOError as error:
        raise ConfigError(f"{key}: another process is working on it") from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            if {path.name for path in folder.iterdir()} <= {_LOCK}:
                shutil.rmtree(folder)
        os.close(lock)


def check_space(folder: Path, bytes_needed: int, what: str) -> None:
    """Check that there is room in a folder.

    Args:
        folder: On the disk in question.
        bytes_needed: How much must fit.
        what: What needs it, for the error.

    Raises:
        OutputError: There is less.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error
    if bytes_needed > free:
        raise OutputError(
            f"{what}: needs {_size(bytes_needed)}, {folder} has {_size(free)} free; make room, or set TMPDIR to a "
            "folder with more"
        )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def _root() -> Path:
    """The folder of this user below TMPDIR, which nobody else can write."""
    try:
        root = Path(tempfile.gettempdir()) / f"face_detect_ros-{os.getuid()}"
    except OSError as error:
        raise OutputError(f"{error.strerror or error}; set TMPDIR to a folder that can be written") from error
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        status = root.lstat()
    except OSError as error:
        raise OutputError(f"{root}: cannot be made: {error.strerror or error}") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise OutputError(f"{root}: is not a folder that only you can write; remove it, or set TMPDIR")
    return root


def _sweep(root: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in [*root.glob(f"{_SWEPT}*"), *root.glob(f"{_NEW}*")]:
        with contextlib.suppress(OSError):
            if folder.name.startswith(_NEW) and time.time() - folder.stat().st_mtime < _NEW_S:
                continue
            lock = locked(folder / _LOCK, 0o600)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
