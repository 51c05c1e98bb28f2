# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The first look at a file of weights: is it a file at all, and is it something else in the place of one?

A failed download or clone often leaves a small text under the right name: a web page, a Git LFS pointer, the words of
a server. Every reader of weights calls `check` first, so that each is named as what it is.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.files.near import near_path
from face_detect_ros.zoo.formats import onnx_graph

_START_BYTES = 512
_ARCHIVES = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR"}


def check(path: Path, *, text: bool = False) -> bytes:
    """Looks at the start of a file of weights.

    Args:
        path: the file.
        text: it should be a text, such as JSON.

    Returns:
        Its first bytes, at most 512.

    Raises:
        WeightsError: the file cannot be read, is not a regular file, is empty, or is a web page, a Git LFS pointer,
            a packed archive or (without `text`) a text.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # opening a pipe would wait forever
            raise WeightsError(f"{path}: is not a regular file; give a file of weights")
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError as error:
        near = near_path(path) if isinstance(error, FileNotFoundError) else ""
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}{near}") from error
    reason = impostor(start, text=text)
    if reason:
        raise WeightsError(f"{path}: {reason}")
    return start


def check_alone(path: Path, content: bytes) -> None:
    """Refuses an ONNX file that keeps weights in a second one.

    Whoever loads a file from memory needs this: libraries then look for the second file in the working directory,
    and a digest of the content does not tell other weights apart.

    Args:
        path: The file, for the message.
        content: Its bytes.

    Raises:
        WeightsError: It keeps weights in a second file, or is not an ONNX file.
    """
    try:
        alone = onnx_graph.in_one_file(content)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}; get the file again or export it again") from error
    if not alone:
        raise WeightsError(
            f"{path}: keeps its weights in a second file; save it as one: "
            f"""python3 -c "import onnx; onnx.save(onnx.load({str(path)!r}), 'one.onnx')" and give one.onnx"""
        )


def impostor(start: bytes, *, text: bool = False) -> str:
    """Tells from a file's first bytes what is certainly not weights. Arguments as of `check`.

    Returns:
        What it is and what to do, as the end of a sentence that begins with the file's name; empty if it may be
        weights.
    """
    if not start:
        return "is empty; download it again"
    readable = _as_text(start)
    if readable.startswith("version https://git-lfs"):
        size = re.search(r"^size (\d{1,15})$", readable, re.MULTILINE)
        whole = f" to a file of {int(size[1]) / 1e6:.1f} MB" if size else ""
        return (
            f"is a Git LFS pointer{whole}, not the file itself; run git lfs pull or download the file itself"
        )
    if readable.startswith("<"):
        return "is a web page, not the file itself; download the file itself"
    if readable:
        return "" if text else f"is a text, not weights; it begins {readable[:40]!r}"
    if start[8:9] == b"{":  # safetensors, whose first bytes are a length and may look like anything
        return ""
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            return f"is a {name} archive; unpack it and give the file inside"
    return ""


def _as_text(start: bytes) -> str:
    """The first bytes if they are printable text, else an empty text."""
    try:
        text = start[: _START_BYTES - 4].decode("utf-8-sig")  # the last character may be cut
    except UnicodeDecodeError:
        return ""
    printable = all(character.isprintable() or character in "\t\r\n" for character in text)
    return text.lstrip() if printable else ""
