# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A file that is not complete yet, and what is known of it, in JSON beside it.

Its name is predictable, or no later run could resume it. It is therefore never opened through a link, and what is not
a file of its own is removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.machine import boot
from face_detect_ros.files.reading import read_object
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.zoo.published.cache import FOLDER_VARIABLE

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Part:
    """Where a partial file is from.

    Attributes:
        url: address of the file.
        validator: tells whether the server's file is still the same: its ETag or date; empty without one.
        total: bytes of the complete file, or None.
        sha256: as the server stated it, or empty.
        boot: which run of this machine wrote the part; what was not synced when that ended may be lost or garbage.
    """

    url: str
    validator: str = ""
    total: int | None = None
    sha256: str = ""
    boot: str = ""


def usable(partial: Path, part: Part, url: str, *, checked: bool) -> bool:
    """Whether a download may be resumed.

    Args:
        partial: The partial file.
        part: What is known of it.
        url: Of the download.
        checked: The caller compares the digest afterwards.
    """
    here = size(partial)
    fits = part.total is None or here <= part.total
    sure = bool(part.validator) and part.boot == boot() != ""
    return here > 0 and part.url == url and fits and (checked or sure)


def size(partial: Path) -> int:
    """Returns the bytes that are here; 0 if `partial` is missing or not a file of its own."""
    with contextlib.suppress(OSError):
        status = partial.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            return status.st_size
    return 0


def read(partial: Path) -> Part:
    """Returns what is known of a partial file; nothing if that is missing or damaged."""
    try:
        fields = read_object(_sidecar(partial), error=OutputError)
        texts = {key: str(fields[key]) for key in ("url", "validator", "sha256", "boot")}
        return Part(total=None if fields["total"] is None else int(fields["total"]), **texts)
    except (OutputError, ValueError, KeyError, TypeError):
        return Part("")


def write(partial: Path, part: Part) -> None:
    """Records what is known of a partial file. Raises OutputError."""
    sidecar = _sidecar(partial)
    with explained(sidecar), whole_file(sidecar, only_writer=True) as beside:
        beside.write_text(json.dumps(asdict(part)))


@contextlib.contextmanager
def opened(partial: Path, offset: int = 0) -> Iterator[BinaryIO]:
    """Opens a partial file to write from byte `offset` on; 0 begins a new one. Raises OutputError."""
    if offset == 0:
        discard_content(partial)
    with explained(partial):
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if offset else os.O_CREAT | os.O_EXCL)
        with open(os.open(partial, flags, 0o666), "wb") as file:
            file.seek(offset)
            yield file


def discard(partial: Path) -> None:
    """Removes a partial file and what is known of it. Raises OutputError."""
    discard_content(partial)
    discard_content(_sidecar(partial))


def discard_content(path: Path) -> None:
    """Removes a file, whatever it is. Raises OutputError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed: {error.strerror or error}") from error


def check_room(partial: Path, needed: int) -> None:
    """Raises OutputError if `needed` bytes do not fit on the disk: better now than after an hour."""
    free = shutil.disk_usage(partial.parent).free
    if needed > free:
        raise OutputError(
            f"{partial.parent}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free; make room, or choose "
            f"another folder with {FOLDER_VARIABLE}"
        )


@contextlib.contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Inside, an OSError of writing `path` becomes an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            what = f"there is no room for it ({error.strerror}); make room, or choose another folder"
        else:
            what = (
                f"cannot be written: {error.strerror or error}; make its folder writable, or choose another"
            )
        raise OutputError(f"{path}: {what} with {FOLDER_VARIABLE}") from error


def _sidecar(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")
