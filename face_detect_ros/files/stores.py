# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Object stores, by URL: s3://, gs:// and whatever else fsspec knows, where it is installed."""

from __future__ import annotations

import contextlib
import datetime
import errno
import io
import logging
import os
import posixpath
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from face_detect_ros.core.errors import ConfigError, OutputError, SourceError, StoreAccessError, StoreError
from face_detect_ros.core.text import shown_url, without_credentials
from face_detect_ros.files.stored_file import StoredFile

_LOG = logging.getLogger(__name__)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HINT = "pip install fsspec, and s3fs for s3://, gcsfs for gs://"
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each retry; a random part of up to half of it is added."""
_RETRIES_IN_SILENCE = 2
_FINAL = (
    FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError,
    ValueError, TypeError, AttributeError, ImportError,
)  # fmt: skip
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Numbers of errors of a disk that takes no more."""
_FINAL_NUMBERS = (*FULL, errno.EINVAL, errno.EPERM, errno.ENAMETOOLONG, errno.EMSGSIZE)
_TEMPORARY_STATUSES = (408, 425, 429)
"""Of HTTP, among those from 400 to 499, which mean that the request itself is wrong."""

Found = TypeVar("Found")


def is_url(place: str) -> bool:
    """Whether a place is a URL, not a path."""
    return _URL.match(place) is not None


@dataclass(frozen=True)
class Stored:
    """A file in a store.

    Attributes:
        size: In bytes.
        modified_ns: When it was last written; 0 if the store does not know.
    """

    size: int
    modified_ns: int


class Store:
    """A file or folder in an object store.

    Requests that fail temporarily (overload, an internal error, a broken connection) are retried. No message shows a
    password.

    Args:
        url: Of the file or folder.

    Attributes:
        url: As given.
        shown: The URL for people to read, without credentials.
        name: The last part of its path.

    All methods raise SourceError if it is not there, OutputError if a local file cannot be written, StoreAccessError if
    this user may not do it, and StoreError if the store does not do what it is asked for.
    """

    def __init__(self, url: str) -> None:
        """Raises ConfigError if fsspec is not installed or does not know the store."""
        self.url = url
        self.shown = shown_url(url, keys=True)
        try:
            import fsspec
        except ImportError as error:
            raise ConfigError(f"{self.shown}: object stores need fsspec: {_HINT}") from error
        try:
            # listings are not remembered: other machines write here, too
            store, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"{self.shown}: {self._reason(error)} ({_HINT})") from error
        except Exception as error:
            raise StoreError(f"{self.shown}: cannot be opened: {self._reason(error)}") from error
        self._store: Any = store
        self._path = str(path).rstrip("/")
        # web servers have files alone, and queries that may be signatures
        self._is_web = re.match(r"https?://", url, re.IGNORECASE) is not None
        self.name = posixpath.basename(self.shown.rstrip("/") if self._is_web else self._path)

    def files(self) -> dict[str, Stored]:
        """All files in the folder and below it, by their names relative to it; of a file, itself under ""."""
        found = self._try("looked at", self._find)
        if not found:
            raise SourceError(f"{self.shown}: not there")
        return found

    def exists(self, name: str = "") -> bool:
        """Whether there is such a file or folder."""
        return bool(self._try("looked at", lambda: self._store.exists(self._at(name))))

    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return not self._is_web and bool(self._try("looked at", lambda: self._store.isdir(self._path)))

    def read(self, name: str = "") -> bytes | None:
        """The content of a small file; None if it is not there."""

        def cat() -> bytes | None:
            try:
                return bytes(self._store.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

        return self._try("read", cat)

    def write(self, name: str, content: bytes, *, new: bool = False) -> bool:
        """Write a small file.

        Args:
            name: Path below the store's folder.
            content: Of the file.
            new: Only if there is no such file yet, as far as the store can tell.

        Returns:
            Whether it was written.
        """

        def pipe() -> bool:
            path = self._at(name)
            self._make_parent(path)
            if not new:
                self._store.pipe_file(path, content)
                return True
            if self._store.exists(path):
                return False
            try:
                self._store.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            except TypeError:  # a store that does not know the mode
                self._store.pipe_file(path, content)
            return True

        return self._try("written", pipe)

    def open(self, name: str = "", *, block_bytes: int) -> BinaryIO:
        """Open a file to read parts of it; its reads, too, raise StoreError.

        Args:
            name: Path below the store's folder.
            block_bytes: How much the store is asked for at a time.
        """
        path = self._at(name)
        opened = self._try("read", lambda: self._store.open(path, "rb", block_size=block_bytes))
        return io.BufferedReader(StoredFile(opened, partial(self._try, "read")))

    def get(self, name: str, target: Path, stored: Stored | None = None) -> None:
        """Copy a file to this machine.

        Args:
            name: Path below the store's folder.
            target: The copy; missing folders are made.
            stored: What the store lists about the file, to copy its time; None: the copy has the present time.
        """

        def get() -> None:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._store.get_file(self._at(name), str(target))
            if stored is not None:
                os.utime(target, ns=(stored.modified_ns, stored.modified_ns))

        self._try("fetched", get)

    def put(self, source: Path, name: str) -> None:
        """Copy a file of this machine to the store."""

        def put() -> None:
            path = self._at(name)
            self._make_parent(path)
            self._store.put_file(str(source), path)

        self._try("written", put)

    def remove(self, name: str) -> None:
        """Remove a file. It is fine if there is none."""

        def remove() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._store.rm_file(self._at(name))

        self._try("removed", remove)

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path

    def _make_parent(self, path: str) -> None:
        with contextlib.suppress(FileExistsError):
            self._store.makedirs(posixpath.dirname(path), exist_ok=True)

    def _find(self) -> dict[str, Stored]:
        self._store.invalidate_cache()
        if self._is_web:
            return {"": _stored(self._store.info(self._path))}
        found: dict[str, dict[str, Any]] = self._store.find(self._path, detail=True)
        files = {}
        for path, about in found.items():
            if path.endswith("/"):  # an object that stands for a folder
                continue
            name = path[len(self._path) :].strip("/")
            if ".." in name.split("/"):
                raise SourceError(f"{self.shown}: has a file outside of it: {name}")
            files[name] = _stored(about)
        return files

    def _try(self, what: str, action: Callable[[], Found]) -> Found:
        for count, pause_s in enumerate((*PAUSES_S, None)):
            try:
                return action()
            except (ConfigError, SourceError, OutputError, io.UnsupportedOperation):
                raise
            except FileNotFoundError as error:
                raise SourceError(f"{self.shown}: not there") from error
            except Exception as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise OutputError(
                        f"{self.shown}: cannot be {what}: {self._reason(error)}; is the disk full?"
                    ) from error
                if pause_s is None or _is_final(error):
                    kind = StoreAccessError if _is_refusal(error) else StoreError
                    raise kind(f"{self.shown}: cannot be {what}: {self._reason(error)}") from error
                if count == _RETRIES_IN_SILENCE:
                    _LOG.warning("%s: not %s yet: %s; trying again", self.shown, what, self._reason(error))
            time.sleep(pause_s * random.uniform(1.0, 1.5))
        raise AssertionError  # the last try ends above

    @staticmethod
    def _reason(error: Exception) -> str:
        return without_credentials(" ".join(str(error).split())) or type(error).__name__


def _is_final(error: Exception) -> bool:
    """Whether it is no use to try again, as far as the error of whatever library a store uses tells."""
    if isinstance(error, _FINAL) or "Credential" in type(error).__name__:
        return True
    if isinstance(error, OSError) and error.errno in _FINAL_NUMBERS:
        return True
    status = _status(error)
    return 400 <= status < 500 and status not in _TEMPORARY_STATUSES


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, PermissionError) or _status(error) in (401, 403)


def _status(error: Exception) -> int:
    """Of HTTP; 0 if the error has none."""
    names = ("status", "code", "status_code")  # of aiohttp, of gcsfs, of adlfs
    found = (status for name in names if isinstance(status := getattr(error, name, None), int))
    return next(found, 403 if str(error).startswith("Forbidden: ") else 0)  # as gcsfs says it


def _stored(about: dict[str, Any]) -> Stored:
    return Stored(int(about.get("size") or 0), _modified_ns(about))


def _modified_ns(about: dict[str, Any]) -> int:
    """When a file was last written, which every store says in its own way; 0 if it does not."""
    for name in ("LastModified", "mtime", "last_modified", "modified", "updated", "created"):
        value = about.get(name)
        if isinstance(value, (int, float)):
            return int(value * 1e9)
        if isinstance(value, datetime.datetime):
            return int(value.timestamp() * 1e9)
    return 0
