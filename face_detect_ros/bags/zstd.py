# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The compression of bags: in Python itself from 3.14 on, before that as rosbags brings it along."""

from __future__ import annotations

import errno
import shutil
import sys
from pathlib import Path

from face_detect_ros.core.errors import OutputError, PerceptionError, SourceError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["MOST_BYTES", "most_bytes_of", "unpack", "unpack_file", "zstd"]

MOST_BYTES = 1 << 29
"""Of a message or chunk: more than the largest image that is accepted. A few bytes may unpack to any amount."""
_MOST_TIMES = 1000
"""Recordings of images shrink by 2 to 100; only images of one color, and bombs, by more."""
_ALWAYS_BYTES, _ALWAYS_FILE_BYTES = 1 << 27, 1 << 30
"""Sizes that a message or chunk, and a file, may always unpack to, however small they are."""
_LEFT_FREE_BYTES = 1 << 28
_BLOCK_BYTES = 1 << 20


def most_bytes_of(size: int) -> int:
    """What a message or chunk of `size` compressed bytes may unpack to."""
    return min(MOST_BYTES, max(_ALWAYS_BYTES, _MOST_TIMES * size))


def unpack_file(path: Path, target: Path) -> None:
    """Write what the zstd file `path` holds to `target`.

    Raises:
        EOFError, ZstdError: It is damaged or cut off; `target` has what comes before.
        SourceError: It cannot be read, or there is far more in it than in a recording. `target` is removed.
        OutputError: There is no space for it. `target` is removed.
    """
    hint = f"if you trust it, unpack it with: zstd -d {path.name}"
    written = 0
    try:
        most_bytes = max(_ALWAYS_FILE_BYTES, _MOST_TIMES * path.stat().st_size)
        with path.open("rb") as raw, zstd.open(raw, "rb") as source, target.open("wb") as copy:
            while block := source.read(_BLOCK_BYTES):
                written += len(block)
                if written > most_bytes:
                    raise SourceError(f"{path}: unpacks to more than {most_bytes / 1e6:,.0f} MB; {hint}")
                if shutil.disk_usage(target.parent).free < _LEFT_FREE_BYTES:
                    full = f"{path}: unpacks to more than fits into {target.parent}"
                    raise OutputError(f"{full}; set TMPDIR to a folder on a larger disk, or {hint}")
                copy.write(block)
    except PerceptionError:
        target.unlink(missing_ok=True)
        raise
    except OSError as error:
        target.unlink(missing_ok=True)
        # a disk that is full, or too slow to say so before, is not the bag's fault
        kind = OutputError if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) else SourceError
        raise kind(f"{path}: cannot be unpacked to {target.parent}: {error}") from error


def unpack(data: bytes, *, complete: bool = True, most_bytes: int | None = None) -> bytes:
    """What a zstd frame holds.

    Args:
        data: The frame.
        complete: It must be whole; else what there is of it is unpacked.
        most_bytes: A frame that unpacks to more is refused; None: by its size.

    Raises:
        ZstdError: It is damaged, cut off, or too large.
    """
    most_bytes = most_bytes_of(len(data)) if most_bytes is None else most_bytes
    decompressor = zstd.ZstdDecompressor()
    # one more, or it stops before the checksum
    content: bytes = decompressor.decompress(data, max_length=most_bytes + 1)
    if len(content) > most_bytes:
        raise zstd.ZstdError(f"it unpacks to more than {most_bytes / 1e6:.0f} MB")
    if complete and not decompressor.eof:
        raise zstd.ZstdError("it is cut off")
    return content
