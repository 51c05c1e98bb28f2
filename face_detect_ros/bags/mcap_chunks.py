# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Chunks of MCAP files: compressed blocks of messages. A few bytes can claim any size, so sizes are bounded.

Format: https://mcap.dev/spec.
"""

from __future__ import annotations

import heapq
import struct
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np

from face_detect_ros.bags.zstd import MOST_BYTES, most_bytes_of, unpack, zstd
from face_detect_ros.core.errors import SourceError

SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x03, 0x04, 0x05, 0x06
RECORD_HEAD = struct.Struct("<BQ")
MESSAGE_HEAD = struct.Struct("<HIQQ")
_CHUNK_HEAD = struct.Struct("<QQQI")
MOST_HELD_BYTES = MOST_BYTES
"""Total of the chunks that are unpacked at the same time because their times overlap."""

Note = Callable[[int, bytes], None]
"""Called with opcode and content of each schema and channel."""


@dataclass(frozen=True)
class Chunk:
    """Where a chunk's messages are.

    Attributes:
        start_ns: Earliest time of a message, as the chunk's header says.
        end_ns: Latest time of a message, as the chunk's header says.
        data_at: Where the compressed messages begin, in bytes from the start of the file.
        size: Of the compressed messages, in bytes, as far as they are in the file.
        uncompressed: Size of the messages, in bytes, as the header says.
        crc: CRC-32 of the messages; 0: unknown.
        compression: "", "zstd" or "lz4".
        complete: Whether all of it is in the file.
    """

    start_ns: int
    end_ns: int
    data_at: int
    size: int
    uncompressed: int
    crc: int
    compression: str
    complete: bool


class Raw(NamedTuple):
    """A message, or with channel None the start of a chunk."""

    log_ns: int
    offset: int
    number: int
    channel: int | None
    data: bytes | memoryview


def read_header(file: BinaryIO, body: int, length: int, file_size: int) -> Chunk | None:
    """Read a chunk's header.

    Args:
        file: The MCAP file.
        body: Where the content of the chunk's record begins, in bytes from the start of the file.
        length: Of that content, in bytes, as the record says.
        file_size: In bytes.

    Returns:
        The chunk; None if its header is damaged or cut off.
    """
    file.seek(body)
    try:
        start_ns, end_ns, uncompressed, crc = _CHUNK_HEAD.unpack(file.read(_CHUNK_HEAD.size))
        (name_length,) = struct.unpack("<I", file.read(4))
        compression = file.read(min(name_length, 64)).decode("ascii")
        (compressed,) = struct.unpack("<Q", file.read(8))
    except (struct.error, UnicodeDecodeError):
        return None
    data_at = body + _CHUNK_HEAD.size + 4 + name_length + 8
    end = data_at + compressed
    complete = end <= file_size and end <= body + length
    size = min(compressed, file_size - data_at)
    return Chunk(start_ns, end_ns, data_at, size, uncompressed, crc, compression, complete)


def unpacked(file: BinaryIO, chunk: Chunk) -> bytes:
    """Unpack a chunk; a truncated one as far as it goes.

    Raises:
        ValueError: It is damaged, unpacks to more than its header says, or claims an implausible size.
    """
    if chunk.compression not in _DECOMPRESS:
        raise ValueError(f"its compression '{chunk.compression[:20]}' is unknown")
    if chunk.compression and chunk.uncompressed > most_bytes_of(chunk.size):
        raise ValueError(f"it unpacks to {chunk.uncompressed / 1e6:,.0f} MB")
    file.seek(chunk.data_at)
    data = file.read(chunk.size)
    try:
        content = _DECOMPRESS[chunk.compression](data, chunk)
    except Exception as error:  # whatever damaged data makes decompressors raise
        plain = isinstance(error, (ValueError, zstd.ZstdError))
        raise ValueError(str(error) if plain else f"{type(error).__name__}: {error}") from error
    if chunk.complete and chunk.crc and zlib.crc32(content) != chunk.crc:
        raise ValueError("its checksum is wrong")
    return content


def messages_in(content: bytes, offset: int, note: Note | None = None) -> Iterator[Raw]:
    """The messages of an unpacked chunk by time. What follows damage is left out.

    Args:
        content: Of the chunk.
        offset: Of the chunk in the file: it orders messages of the same time.
        note: Called with schemas and channels before the first message is yielded.
    """
    times, places = array("Q"), array("Q")  # half a gigabyte may hold 17 million messages of no length
    at, size, ordered, latest = 0, len(content), True, 0
    while at + RECORD_HEAD.size <= size:
        opcode, length = RECORD_HEAD.unpack_from(content, at)
        body = at + RECORD_HEAD.size
        at = body + length
        if opcode == 0 or at > size:
            break
        if opcode == MESSAGE and length >= MESSAGE_HEAD.size:
            log_ns = MESSAGE_HEAD.unpack_from(content, body)[2]
            ordered = ordered and log_ns >= latest
            latest = log_ns
            times.append(log_ns)
            places.append(body)
        elif note is not None and opcode in (SCHEMA, CHANNEL):
            note(opcode, content[body:at])
    data = memoryview(content)
    order: Iterable[int] = range(len(times))
    if not ordered:
        order = np.frombuffer(times, np.uint64).argsort(kind="stable")
    for number, index in enumerate(order):
        body = places[index]
        (length,) = struct.unpack_from("<Q", content, body - 8)
        (channel,) = struct.unpack_from("<H", content, body)
        yield Raw(times[index], offset, number, channel, data[body + MESSAGE_HEAD.size : body + length])


class Merger:
    """Merges the messages of chunks by time and keeps few chunks unpacked.

    Args:
        path: Of the file, for errors.
        file: The same file, open for reading.
        problem: Called with each chunk that cannot be read, and why.
    """

    def __init__(self, path: object, file: BinaryIO, problem: Callable[[Chunk, ValueError], None]) -> None:
        self._path = path
        self._file = file
        self._problem = problem
        self._held_bytes = 0

    def merged(self, chunks: Iterable[Chunk], *others: Iterator[Raw]) -> Iterator[Raw]:
        """Messages of all chunks and of `others`. Raises SourceError if too much overlaps in time."""
        for raw in heapq.merge(*(self.of_chunk(chunk) for chunk in chunks), *others):
            if raw.channel is not None:
                yield raw

    def of_chunk(self, chunk: Chunk, note: Note | None = None) -> Iterator[Raw]:
        """One chunk by time. The first item only says where it begins, so that it is unpacked late."""
        if chunk.complete:
            yield Raw(chunk.start_ns, 0, 0, None, b"")
        size = chunk.uncompressed if chunk.compression else chunk.size
        if self._held_bytes and self._held_bytes + size > MOST_HELD_BYTES:
            raise SourceError(
                f"{self._path}: chunks of more than {MOST_HELD_BYTES / 1e6:,.0f} MB overlap in time; "
                "put its messages in order first ('mcap sort' or 'ros2 bag convert')"
            )
        try:
            content = unpacked(self._file, chunk)
        except ValueError as error:
            self._problem(chunk, error)
            return
        self._held_bytes += len(content)
        yield from messages_in(content, chunk.data_at, note)
        self._held_bytes -= len(content)


def _zstd(data: bytes, chunk: Chunk) -> bytes:
    return unpack(data, complete=chunk.complete, most_bytes=chunk.uncompressed)


def _lz4(data: bytes, chunk: Chunk) -> bytes:
    from lz4 import frame

    decompressor = frame.LZ4FrameDecompressor()
    content: bytes = decompressor.decompress(data, max_length=chunk.uncompressed + 1)
    if len(content) > chunk.uncompressed:
        raise ValueError("it unpacks to more than its header says")
    if not decompressor.eof and chunk.complete:
        raise ValueError("it is cut off")
    return content


def _stored(data: bytes, chunk: Chunk) -> bytes:
    return data


_DECOMPRESS: dict[str, Callable[[bytes, Chunk], bytes]] = {"": _stored, "zstd": _zstd, "lz4": _lz4}
