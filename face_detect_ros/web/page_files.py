# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The files of the page, read once; nothing else can be asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class PageFile(NamedTuple):
    """A file as it is sent.

    Attributes:
        data: Its bytes.
        media_type: Its content type.
        etag: Changes with the bytes.
    """

    data: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Path below `page/` -> the file."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _TYPES:
            data = path.read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            found[path.relative_to(FOLDER).as_posix()] = PageFile(data, _TYPES[path.suffix], etag)
    return found


def languages() -> list[str]:
    """The languages of the page, by the names of their files."""
    return sorted(path.stem for path in (FOLDER / "languages").glob("*.json"))
