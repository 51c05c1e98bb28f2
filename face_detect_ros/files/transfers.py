# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Copies of files and folders between object stores and this machine; what is on this machine is used as it is."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from face_detect_ros.core.errors import ConfigError, OutputError, PerceptionError, SourceError, StoreError
from face_detect_ros.files.scratch import check_space, kept, scratch
from face_detect_ros.files.stores import Store, is_url

UNDERWAY = ".incomplete"
"""Name of a file that a folder in a store has while it is written."""


@contextlib.contextmanager
def fetched(place: str, only: str = "") -> Iterator[Path]:
    """A file or folder: itself if `place` is a path, else a copy that is removed afterwards.

    Errors that the caller raises about the copy become errors about the place.

    Args:
        place: A path or a URL.
        only: Copy only the file of this name in a folder of a store; if there is none, all files of this name below it.

    Raises:
        ConfigError: fsspec is not installed, or does not know the store.
        SourceError: It is not there.
        OutputError: There is no room for it.
        StoreError: The store does not give it.
    """
    if not is_url(place):
        yield Path(place)
        return
    store = Store(place)
    with scratch() as folder:
        copy = fetch(store, folder, only)
        try:
            yield copy
        except (ConfigError, SourceError, OutputError) as error:
            if str(copy) not in str(error):
                raise
            raise type(error)(str(error).replace(str(copy), store.shown.rstrip("/"))) from error


def fetch(store: Store, folder: Path, only: str = "") -> Path:
    """Copy what is in a store to a path of the same name in `folder`. Copies have the times of their originals.

    Args:
        store: The file or folder.
        folder: Where to copy it to.
        only: See `fetched`.

    Returns:
        The copy.

    Raises:
        As `fetched`.
    """
    files = store.files()
    if only and "" not in files:
        below = {name: stored for name, stored in files.items() if name.rpartition("/")[2] == only}
        files = {only: below[only]} if only in below else below
    check_space(folder, sum(stored.size for stored in files.values()), store.shown)
    copy = folder / (store.name or "bag")
    if "" not in files:
        copy.mkdir()
    for name, stored in files.items():
        store.get(name, copy / name if name else copy, stored)
    return copy


@contextlib.contextmanager
def delivered(place: str, last: str) -> Iterator[Path]:
    """Where to write a new folder: `place` itself if it is a path, else a folder that is copied there afterwards.

    If the process ends before the copy is complete, that folder stays, and the next call with this `place` gives it
    again.

    Args:
        place: A path or a URL.
        last: Name of the file that is copied last: where it is, all others are complete.

    Raises:
        ConfigError: fsspec is not installed or does not know the store, the folder exists there, or another process
            of this machine is writing it.
        StoreError: It cannot be copied; the message says where the folder is left.
    """
    if not is_url(place):
        yield Path(place)
        return
    store = Store(place)
    if store.exists() and not store.exists(UNDERWAY):
        raise ConfigError(f"{store.shown}: exists already; give another folder, or delete it")
    with kept(store.shown) as folder:
        local = folder / (store.name or "bag")
        yield local
        try:
            deliver(local, store, last)
        except PerceptionError as error:  # it may have taken hours
            raise StoreError(f"{error}; the result is in {local}; the same command tries again") from error
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def deliver(local: Path, store: Store, last: str, below: str = "") -> None:
    """Copy a folder to a store.

    Args:
        local: The folder.
        store: Where to.
        last: Name of the file that is copied last: where it is, all others are complete.
        below: Name of the folder in the store, if not `store` itself.

    Raises:
        StoreError: The store does not take it.
    """
    prefix = f"{below}/" if below else ""
    store.write(f"{prefix}{UNDERWAY}", b"")
    files = sorted(file for file in local.rglob("*") if file.is_file())
    for file in sorted(files, key=lambda file: file.name == last):
        store.put(file, f"{prefix}{file.relative_to(local).as_posix()}")
    store.remove(f"{prefix}{UNDERWAY}")
