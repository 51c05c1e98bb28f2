# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files and folders in object stores, by URL: s3://, gs:// and whatever else fsspec knows, where it is installed."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError, OutputError, PerceptionError, SourceError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HINT = "pip install fsspec, and s3fs for s3://, gcsfs for gs://"


def is_url(place: str) -> bool:
    """Whether a place is a URL, not a path."""
    return _URL.match(place) is not None


@contextlib.contextmanager
def fetched(place: str) -> Iterator[Path]:
    """A file or folder: itself if `place` is a path, else a copy that is removed afterwards.

    Copies have the times of their originals.

    Raises:
        ConfigError: fsspec is not installed, or does not know the store.
        SourceError: It is not there or cannot be copied.
    """
    if not is_url(place):
        yield Path(place)
        return
    store, path = _open(place)
    with tempfile.TemporaryDirectory(prefix="fetched-") as folder:
        copy = Path(folder) / _name(path)
        with _told(place, "fetched", SourceError):
            _fetch(store, path, copy, place)
        yield copy


@contextlib.contextmanager
def delivered(place: str, last: str) -> Iterator[Path]:
    """Where to write a new folder: `place` itself if it is a path, else a folder that is copied there afterwards.

    Args:
        place: A path or a URL.
        last: Name of the file that is copied last: where it is, all others are complete.

    Raises:
        ConfigError: fsspec is not installed, does not know the store, or the folder exists there.
        OutputError: It cannot be copied; the message says where the folder is left.
    """
    if not is_url(place):
        yield Path(place)
        return
    store, path = _open(place)
    with _told(place, "looked at", OutputError):
        exists = store.exists(path)
    if exists:
        raise ConfigError(f"{shown(place)}: exists already; give another folder, or delete it")
    temporary = Path(tempfile.mkdtemp(prefix="delivered-"))
    local = temporary / _name(path)
    keep = False
    try:
        yield local
        files = sorted(file for file in local.rglob("*") if file.is_file())
        try:
            with _told(place, "written", OutputError):
                for file in sorted(files, key=lambda file: file.name == last):
                    target = posixpath.join(path.rstrip("/"), file.relative_to(local).as_posix())
                    store.makedirs(posixpath.dirname(target), exist_ok=True)
                    store.put_file(str(file), target)
        except OutputError as error:
            keep = True  # it may have taken hours
            raise OutputError(f"{error}; the result is in {local}") from error
    finally:
        if not keep:
            shutil.rmtree(temporary, ignore_errors=True)


def _open(place: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise ConfigError(f"{shown(place)}: object stores need fsspec: {_HINT}") from error
    try:
        store, path = fsspec.core.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{shown(place)}: {error} ({_HINT})") from error
    except Exception as error:
        raise SourceError(f"{shown(place)}: cannot be opened: {error}") from error
    return store, str(path)


def _fetch(store: Any, path: str, copy: Path, place: str) -> None:
    files = store.find(path) if store.isdir(path) else [path]
    if not files or not store.exists(files[0]):
        raise SourceError(f"{shown(place)}: not there")
    for file in files:
        parts = [part for part in file[len(path) :].split("/") if part] if file != path else []
        if ".." in parts:
            raise SourceError(f"{shown(place)}: has a file outside of it: {file}")
        target = copy.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        store.get_file(file, str(target))
        with contextlib.suppress(Exception):  # not every store knows times
            modified_s = store.modified(file).timestamp()
            os.utime(target, (modified_s, modified_s))


@contextlib.contextmanager
def _told(place: str, what: str, kind: type[PerceptionError]) -> Iterator[None]:
    try:
        yield
    except PerceptionError:
        raise
    except FileNotFoundError as error:
        raise kind(f"{shown(place)}: not there") from error
    except Exception as error:
        raise kind(f"{shown(place)}: cannot be {what}: {str(error) or type(error).__name__}") from error


def _name(path: str) -> str:
    return posixpath.basename(path.rstrip("/")) or "bag"


def shown(place: str) -> str:
    """A place for people to read: a URL without user and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", place)
