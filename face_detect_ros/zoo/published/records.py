# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is known about the files in a checkpoint's folder: a small JSON file beside them.

It holds the SHA-256 of each file, recorded on the first fetch if none is published, and a stamp: what the file system
said of the file when its content was last checked. While the stamp stays the same, the content is not read again.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.files.looking import exists
from face_detect_ros.files.reading import read_object
from face_detect_ros.files.whole_file import whole_file

FILE_NAME = "checksums.json"
_VERSION = 1
_CHUNK = 1 << 20
_HINT = "the files beside it cannot be checked: delete the whole folder and fetch it again"
# a file written again at once could keep the same times: clocks of file systems are as coarse as 2 s
_QUIET_NS = 2_000_000_000

Stamp = tuple[int, int, int, int]
"""Size in bytes, times of the last change of content and of state in ns, inode; no program can set the second time."""


@dataclass(frozen=True)
class Record:
    """What is known about one file.

    Attributes:
        sha256: 64 hex digits.
        recorded: when, in UTC.
        stamp: when the content was last checked, or None if it must be read again.
    """

    sha256: str
    recorded: str
    stamp: Stamp | None = None


def read(folder: Path) -> dict[str, Record]:
    """Returns the records of a folder by file name; none without the file. Raises WeightsError if it is damaged."""
    path = folder / FILE_NAME
    if not exists(path, WeightsError):
        return {}
    content = read_object(path, error=WeightsError, hint=_HINT)
    try:
        if content["version"] != _VERSION:
            raise ValueError(f"version {content['version']} is not known")
        return {str(name): _parsed(fields) for name, fields in content["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise WeightsError(f"{path}: damaged ({error}); {_HINT}") from error


def write(folder: Path, records: dict[str, Record]) -> None:
    """Replaces the records of a folder in one step. Raises OSError."""
    files = {
        name: {"sha256": record.sha256, "recorded": record.recorded, "stamp": record.stamp}
        for name, record in sorted(records.items())
    }
    text = json.dumps({"version": _VERSION, "files": files}, indent=1) + "\n"
    with whole_file(folder / FILE_NAME) as beside:
        beside.write_text(text)
        beside.chmod(0o644)  # other users' nodes read it too


def made(sha256: str, stamp: Stamp) -> Record:
    """Returns the record of content that has just been read; `stamp` was taken before that."""
    quiet = time.time_ns() - max(stamp[1], stamp[2]) > _QUIET_NS
    return Record(sha256, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), stamp if quiet else None)


def stamp_of(path: Path) -> Stamp:
    """Returns what the file system says of a file. Raises OSError."""
    status = path.stat()
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, as 64 hex digits. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _parsed(fields: dict[str, Any]) -> Record:
    digest, stamp = fields["sha256"], fields["stamp"]
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError("a digest is not 64 hex digits")
    if stamp is None:
        return Record(digest, str(fields["recorded"]))
    size, changed, state_changed, inode = (int(value) for value in stamp)
    return Record(digest, str(fields["recorded"]), (size, changed, state_changed, inode))
