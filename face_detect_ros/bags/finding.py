# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which files and folders are bags, without reading them and without rosbags."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

METADATA = "metadata.yaml"
_SUFFIXES = (".mcap", ".db3")
UNFINISHED = ".part"  # results that are not complete


def is_bag(path: Path) -> bool:
    """Whether `path` is a bag: such a file, or a folder with metadata.yaml or such files. Reads no content.

    What this user cannot look at is none.
    """
    if sure(path.is_dir):
        return sure((path / METADATA).is_file) or any(map(is_storage, listed(path)))
    return is_storage(path) and sure(path.is_file)


def split_topic(path: Path) -> tuple[Path, str]:
    """`BAG#TOPIC` as the bag and the topic; any other path as itself and ""."""
    bag, _, topic = str(path).rpartition("#")
    if topic and not sure(path.exists) and is_bag(Path(bag)):
        return Path(bag), topic
    return path, ""


def sure(question: Callable[[], bool]) -> bool:
    """The answer of a path, which may be in a store; no where this user cannot look."""
    try:
        return question()
    except OSError:
        return False


def find_bags(folder: Path) -> list[Path]:
    """The bags in a folder and below it, by name; the folder itself if it is one."""
    found: list[Path] = []
    storage: list[Path] = []
    for path in listed(folder):
        if path.name.startswith(".") or path.name.endswith(UNFINISHED):
            continue
        if sure(path.is_symlink) and sure(path.is_dir):  # not into circles
            found += [path] if is_bag(path) else []
        elif sure(path.is_dir):
            found += find_bags(path)
        elif is_storage(path):
            found.append(path)
            storage.append(path)
    here = set(storage)
    below = [path for path in found if path not in here]
    described = sure((folder / METADATA).is_file)
    if (storage and described) or _is_split(storage) or (not below and (described or len(storage) == 1)):
        return [folder, *below]
    return found


def is_storage(path: PurePath) -> bool:
    """Whether a file is named as one that holds messages."""
    name = path.name.removesuffix(".zstd")
    return name.endswith(_SUFFIXES) and not name.startswith(".")


def _is_split(files: Sequence[Path]) -> bool:
    """Whether the files are parts of one bag: NAME_0, NAME_1 and so on."""
    stems = {re.sub(r"_\d+$", "", file.name.removesuffix(".zstd").rsplit(".", 1)[0]) for file in files}
    numbered = all(re.search(r"_\d+\.\w+$", file.name.removesuffix(".zstd")) for file in files)
    return len(files) > 1 and len(stems) == 1 and numbered


def listed(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing if it cannot be read."""
    try:
        return sorted(folder.iterdir(), key=natural)
    except OSError:
        return []


def natural(path: Path) -> list[Any]:
    """A key that sorts NAME_10 behind NAME_9."""
    return [
        (1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", path.name)
    ]
