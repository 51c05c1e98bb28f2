# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one way in which small files of others are read: calibrations, labels, data sets, records, settings.

What a file holds is bounded before it is believed: only regular files (a device or pipe would never end), at most so
many bytes, so deep, and so many values once its aliases are expanded. Whatever a parser raises becomes the error that
the caller asks for, with the path in it.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any

import yaml

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.files.near import near_path

SMALL_BYTES = 1 << 20
"""Enough for every file that people write by hand."""
LARGE_BYTES = 1 << 30
"""Enough for the annotations of COCO's largest parts (470 MB) and for lists of all images of a data set."""
MOST_DEPTH = 50
MOST_VALUES = 100_000
"""Of a YAML file, with every alias counted as often as it is used."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(
    path: str | os.PathLike[str],
    *,
    most_bytes: int = SMALL_BYTES,
    error: type[PerceptionError] = ConfigError,
    hint: str = "",
    pipes: bool = False,
) -> bytes:
    """Read a regular file.

    Args:
        path: The file.
        most_bytes: Larger files are refused.
        error: What to raise.
        hint: What to do if the file cannot be read, for the message.
        pipes: Wait for what comes through a pipe, for files that a user names on a command line.

    Returns:
        All of its content.

    Raises:
        error: If the file is missing, may not be read, is not a regular one, or is too large.
    """
    advice = f"; {hint}" if hint else ""
    try:
        waiting = 0 if pipes else os.O_NONBLOCK  # for the other end of a pipe
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | waiting)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not (stat.S_ISREG(status.st_mode) or (pipes and stat.S_ISFIFO(status.st_mode))):
                kind = next((name for test, name in _KINDS if test(status.st_mode)), "something else")
                raise error(f"{path}: {kind}, not a file{advice}")
            content = b"" if status.st_size > most_bytes else file.read(most_bytes + 1)
    except (OSError, ValueError) as cause:  # ValueError: a zero byte in the path
        reason = cause.strerror if isinstance(cause, OSError) else cause
        near = near_path(path) if isinstance(cause, FileNotFoundError) else ""
        raise error(f"{path}: {reason or cause}{near}{advice}") from cause
    if status.st_size > most_bytes or len(content) > most_bytes:
        raise error(f"{path}: larger than {most_bytes / 1e6:,.0f} MB, which no such file is{advice}")
    return content


def read_text(
    path: str | os.PathLike[str],
    *,
    most_bytes: int = SMALL_BYTES,
    error: type[PerceptionError] = ConfigError,
    hint: str = "",
) -> str:
    """Read a UTF-8 text file, with or without a byte order mark. Arguments and errors as of `read_bytes`."""
    content = read_bytes(path, most_bytes=most_bytes, error=error, hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        advice = f"; {hint}" if hint else ""
        raise error(f"{path}: not a UTF-8 text ({cause.reason} at byte {cause.start}){advice}") from cause


def read_json(
    path: str | os.PathLike[str],
    *,
    most_bytes: int = SMALL_BYTES,
    error: type[PerceptionError] = ConfigError,
    hint: str = "",
) -> Any:
    """Read a JSON file. Arguments and errors as of `read_bytes`."""
    content = read_bytes(path, most_bytes=most_bytes, error=error, hint=hint)
    return parse_json(content, str(path), error=error, hint=hint)


def parse_json(
    content: str | bytes, name: str, *, error: type[PerceptionError] = ConfigError, hint: str = ""
) -> Any:
    """The value of a JSON text.

    Args:
        content: The text.
        name: What it is, for the message.
        error: What to raise.
        hint: What to do if it cannot be used, for the message.

    Raises:
        error: If it is not JSON, or nested too deeply. NaN and Infinity are read, as Python writes them.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as cause:
        advice = f"; {hint}" if hint else ""
        reason = "nested too deeply" if isinstance(cause, RecursionError) else cause
        raise error(f"{name}: not JSON ({reason}){advice}") from cause


def read_object(
    path: str | os.PathLike[str],
    *,
    most_bytes: int = SMALL_BYTES,
    error: type[PerceptionError] = ConfigError,
    hint: str = "",
) -> dict[str, Any]:
    """Read a JSON file that holds an object. Arguments and errors as of `read_bytes`."""
    content = read_json(path, most_bytes=most_bytes, error=error, hint=hint)
    if not isinstance(content, dict):
        advice = f"; {hint}" if hint else ""
        raise error(f"{path}: not a JSON object{advice}")
    return content


def read_yaml(
    path: str | os.PathLike[str],
    *,
    most_bytes: int = SMALL_BYTES,
    error: type[PerceptionError] = ConfigError,
    hint: str = "",
) -> Any:
    """Read a YAML file. Arguments and errors as of `read_bytes`."""
    text = read_text(path, most_bytes=most_bytes, error=error, hint=hint)
    return parse_yaml(text, str(path), error=error, hint=hint)


def parse_yaml(text: str, name: str, *, error: type[PerceptionError] = ConfigError, hint: str = "") -> Any:
    """The value of a YAML text; also of OpenCV's FileStorage, whose matrices become mappings.

    Arguments and errors as of `parse_json`.
    """
    try:
        if text.lstrip().startswith("%YAML:"):  # OpenCV's directive, which is not YAML
            text = text.replace("%YAML:", "#YAML:", 1)
        _check_extent(text)
        return yaml.load(text, _Loader)
    except Exception as cause:  # bad dates, keys that are lists, ...: whatever a parser or its types raise
        advice = f"; {hint}" if hint else ""
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise error(f"{name}: not YAML that can be used ({reason}){advice}") from cause


# libyaml's is ten times as fast; some builds are without
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):
    """Builds plain values only."""


def _matrix(loader: _Loader, node: yaml.Node) -> Any:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)


def _check_extent(text: str) -> None:
    """Raise ValueError for YAML that is nested too deeply or too large once its aliases are expanded."""
    counts = [0]  # values inside each collection that is open, the document first
    anchors: list[str | None] = []  # of these
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, _Safe):
        if isinstance(event, yaml.CollectionStartEvent):
            anchors.append(event.anchor)
            counts.append(1)
        elif isinstance(event, yaml.CollectionEndEvent):
            size = counts.pop()
            if anchor := anchors.pop():
                sizes[anchor] = size
            counts[-1] += size
        elif isinstance(event, yaml.AliasEvent):
            # of an anchor that is still open: a structure that contains itself
            counts[-1] += sizes.get(event.anchor, MOST_VALUES + 1)
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                sizes[event.anchor] = 1
            counts[-1] += 1
        if len(counts) > MOST_DEPTH:
            raise ValueError(f"nested more than {MOST_DEPTH} deep")
        if counts[-1] > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values, with its aliases expanded")


def numbers(value: Any, count: int | None = None, *, most: float = 1e15) -> list[float]:
    """A list of finite numbers.

    Args:
        value: What a file holds where they should be.
        count: How many there must be; None: any number.
        most: The highest magnitude.

    Raises:
        ValueError: If there is anything else.
    """
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{value!r:.40} is not a list of numbers")
    found = [number(each, most=most) for each in value]
    if count is not None and len(found) != count:
        raise ValueError(f"{len(found)} numbers, expected {count}")
    return found


def number(value: Any, *, most: float = 1e15) -> float:
    """A finite number of at most that magnitude. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r:.40} is not a number")
    try:
        result = float(value)  # YAML takes 1e-5 for a text
    except OverflowError:
        result = float("inf")
    if not -most <= result <= most:
        raise ValueError(f"{value!r:.40} is not a finite number")
    return result
