# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a user may have meant by a path or a name that does not exist."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

from face_detect_ros.core.text import printable

_MOST_ENTRIES = 10_000  # of a folder; more are not looked through
_MOST_PARTS = 64


def near_path(path: str | os.PathLike[str]) -> str:
    """The end of a message about a missing file or folder; empty where nothing is near it.

    Names the part of the path that is missing first, and what is called almost the same beside it.
    """
    if "@" in os.fspath(path):
        return ""  # it may be an address with a password
    path = Path(os.path.expanduser(path))
    parts = Path(os.path.abspath(path)).parts[:_MOST_PARTS]
    folder = Path(parts[0])
    for place, part in enumerate(parts[1:], 2):
        if not os.path.lexists(folder / part):
            lacking = f"; {printable(str(folder / part))} is missing" if place < len(parts) else ""
            return lacking + _meant(part, _names(folder), folder)
        folder /= part
    return ""


def near_name(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name; empty where none of `known` is near it."""
    return _meant(name, known, None)


_CUTOFF = 0.85  # yolov10 is not a misspelled yolov9


def _meant(name: str, known: Iterable[str], folder: Path | None) -> str:
    by_folded = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=_CUTOFF)
    if not found:  # without its suffix, or with another
        stem = Path(name).stem.casefold()
        found = [each for each in by_folded if stem and Path(each).stem == stem][:1]
    if not found:
        return ""
    meant = by_folded[found[0]]
    return f"; did you mean {printable(str(meant if folder is None else folder / meant))}?"


def _names(folder: Path) -> list[str]:
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) == _MOST_ENTRIES:
                    break
    except OSError:
        pass
    return names
