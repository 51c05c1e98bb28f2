# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where published weights are on this machine, and whether they are what they should be.

Each checkpoint has a folder of its name under `root()`, or under `installed_root()` if the setup put it there. A file
is right if its SHA-256 is the published one or, if none is published, the one recorded on the first fetch.

Reading hundreds of megabytes at every start would cost a node a second or more. Content that was checked once is
therefore trusted as long as the file's stamp (see `records`) stays the same; every program that writes to the file
changes that. Silent disk corruption does not: `verify` reads everything.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.files.home import home
from face_detect_ros.files.looking import is_file
from face_detect_ros.zoo.published import records
from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile
from face_detect_ros.zoo.published.records import Record

FOLDER_VARIABLE = "FACE_DETECT_ROS_MODELS"

State = Literal["ok", "missing", "altered", "unreadable"]


@dataclass(frozen=True)
class FileState:
    """The state of one file of a checkpoint.

    Attributes:
        path: The file.
        state: How it is.
        detail: The reason, in words; empty for "ok" and "missing".
    """

    path: Path
    state: State
    detail: str = ""


def root() -> Path:
    """Returns `$FACE_DETECT_ROS_MODELS`, or `$ROS_HOME/face_detect_ros/models` (ROS_HOME: ~/.ros unless set)."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(os.path.expanduser(chosen)).absolute() if chosen else home() / "models"


def installed_root() -> Path:
    """Returns the folder of models that came with this Python environment; fetched ones of the same name win."""
    return Path(sys.prefix) / "share" / "face_detect_ros" / "models"


def fetched_folder(checkpoint: Checkpoint) -> Path:
    """Returns the folder that files are fetched into."""
    return root() / checkpoint.name


def folder(checkpoint: Checkpoint) -> Path:
    """Returns the folder in which the files are, or would be after a fetch."""
    fetched, installed = fetched_folder(checkpoint), installed_root() / checkpoint.name
    names = [remote.name for remote in checkpoint.files]
    if any(is_file(fetched / name) for name in names):
        return fetched
    return installed if all(is_file(installed / name) for name in names) else fetched


def locate(checkpoint: Checkpoint) -> Path:
    """Returns the checked file, or the folder of checked files. Raises WeightsError for missing or altered ones."""
    states = examine(checkpoint)
    missing = [state.path.name for state in states if state.state == "missing"]
    if missing:
        raise WeightsError(
            f"{checkpoint.name}: its weights are not on this machine; run: face_detect_ros models fetch "
            f"{checkpoint.name}, {by_hand(checkpoint, missing)}"
        )
    for state in states:
        if state.state != "ok":
            raise WeightsError(f"{state.path}: {state.detail}")
    return states[0].path if len(states) == 1 else folder(checkpoint)


def by_hand(checkpoint: Checkpoint, names: Sequence[str]) -> str:
    """Returns the end of a sentence that says how to get the files of these names without this program."""
    place = fetched_folder(checkpoint)
    return f"or copy {', '.join(names)} into {place} by hand (published at {checkpoint.source})"


def presence(checkpoint: Checkpoint) -> Literal["yes", "partly", "no"]:
    """Tells whether the files are here, whatever they contain."""
    there = [is_file(folder(checkpoint) / remote.name, WeightsError) for remote in checkpoint.files]
    return "yes" if all(there) else "partly" if any(there) else "no"


def examine(checkpoint: Checkpoint, place: Path | None = None) -> tuple[FileState, ...]:
    """Returns the state of each file in `place` (None: in `folder`); unchanged files are not read again.

    If the records there are damaged, it is the state of their file alone.
    """
    return _examine(checkpoint, place or folder(checkpoint), thorough=False)


def verify(checkpoint: Checkpoint) -> tuple[FileState, ...]:
    """Returns the state of each file, by its content."""
    return _examine(checkpoint, folder(checkpoint), thorough=True)


def expected_sha256(remote: RemoteFile, record: Record | None) -> str:
    """Returns the digest that a file must have; empty if none is published or recorded."""
    return remote.sha256 or (record.sha256 if record else "")


def record_content(place: Path, name: str, sha256: str, stamp: records.Stamp) -> None:
    """Record the content of a file.

    Args:
        place: Folder of the checkpoint.
        name: Of the file.
        sha256: 64 hex digits.
        stamp: What the file system said when the content was read.

    Raises:
        OSError: The records cannot be written.
        WeightsError: The records that are there are damaged.
    """
    known = records.read(place)
    records.write(place, {**known, name: records.made(sha256, stamp)})


def _examine(checkpoint: Checkpoint, place: Path, *, thorough: bool) -> tuple[FileState, ...]:
    try:
        known = records.read(place)
    except WeightsError as error:
        path = place / records.FILE_NAME
        return (FileState(path, "unreadable", str(error).removeprefix(f"{path}: ")),)
    updated = dict(known)
    states = tuple(
        _file_state(checkpoint, place / remote.name, remote, updated, thorough=thorough)
        for remote in checkpoint.files
    )
    changed = {name: record for name, record in updated.items() if record != known.get(name)}
    if changed:
        # in a folder that this user cannot write to, files are read at every start
        with contextlib.suppress(OSError):
            records.write(place, {**records.read(place), **changed})  # another process may have added some
    return states


def _file_state(
    checkpoint: Checkpoint, path: Path, remote: RemoteFile, known: dict[str, Record], *, thorough: bool
) -> FileState:
    """Updates the record in `known`."""
    record = known.get(remote.name)
    expected = expected_sha256(remote, record)
    try:
        stamp = records.stamp_of(path)
        if record and record.sha256 == expected and record.stamp == stamp and not thorough:
            return FileState(path, "ok")
        actual = records.sha256_of(path)
    except FileNotFoundError:
        return FileState(path, "missing")
    except OSError as error:
        return FileState(path, "unreadable", f"cannot be read: {error.strerror or error}")
    if expected and actual != expected:
        if record:
            known[remote.name] = replace(record, stamp=None)  # not to be trusted from now on
        return FileState(path, "altered", _altered(checkpoint, remote, actual, expected, record))
    if record is None or record.sha256 != actual or record.stamp != stamp:
        fresh = records.made(actual, stamp)
        same = record is not None and record.sha256 == actual
        known[remote.name] = replace(fresh, recorded=record.recorded) if record and same else fresh
    return FileState(path, "ok")


def _altered(
    checkpoint: Checkpoint, remote: RemoteFile, actual: str, expected: str, record: Record | None
) -> str:
    fetch = f"fetch it again: face_detect_ros models fetch {checkpoint.name}"
    if remote.sha256 or record is None:
        return (
            f"sha256 {actual[:12]}..., published {expected[:12]}...; it is damaged or another file; {fetch}"
        )
    return (
        f"sha256 {actual[:12]}..., but {expected[:12]}... was recorded on {record.recorded}; {fetch}, or, if you have "
        f"replaced it on purpose, delete {records.FILE_NAME} beside it"
    )
