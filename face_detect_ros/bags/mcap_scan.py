# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""MCAP files that rosbags refuses: cut off, without an index, or with damaged chunks.

Records are read from the start of the file on. A chunk that is damaged is left out; of one that is cut off the complete
messages are kept. Format: https://mcap.dev/spec.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from face_detect_ros.bags.mcap_chunks import (
    CHANNEL,
    CHUNK,
    MESSAGE,
    MESSAGE_HEAD,
    RECORD_HEAD,
    SCHEMA,
    Chunk,
    Merger,
    Raw,
    read_header,
)
from face_detect_ros.bags.stored import open_for_messages
from face_detect_ros.bags.topic import Key, Message, Topic
from face_detect_ros.bags.types import modern_name
from face_detect_ros.core.errors import SourceError

_MAGIC = b"\x89MCAP0\r\n"
_FOOTER, _CHUNK_INDEX = 0x02, 0x08
_LAST_OPCODE = 0x0F


class McapScan:
    """The messages of one file that can be read.

    Attributes:
        topics: What the file holds, with the number of readable messages.
        start_ns, end_ns: Times of the first message, and 1 after the last; equal if there are none.
        problems: What could not be read.
    """

    def __init__(self, path: Path) -> None:
        """Read through the file once. Raises SourceError if it is not an MCAP file."""
        self.problems: list[str] = []
        self.topics: list[Topic] = []
        self.start_ns = self.end_ns = 0
        self._path = path
        self._schemas: dict[int, tuple[str, str]] = {}
        self._channels: dict[int, Topic] = {}
        self._chunks: list[Chunk] = []
        self._loose: list[
            tuple[int, int, int, int]
        ] = []  # log_ns, offset, channel, size: of messages without a chunk
        self._known_chunks: list[int] = []
        self._told: set[int] = set()
        try:
            with open_for_messages(path) as file:
                self._scan(file)
                self._count(file)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error

    def messages(self, keys: set[Key], start_ns: int, end_ns: int) -> Iterator[Message]:
        """The readable messages of some topics, ordered by time.

        Args:
            keys: The topics.
            start_ns: Earliest time of recording.
            end_ns: End of the time of recording, exclusive.
        """
        with open_for_messages(self._path) as file:
            merger = Merger(self._path, file, self._tell)
            chunks = [
                chunk
                for chunk in self._chunks
                if not chunk.complete or (chunk.start_ns < end_ns and chunk.end_ns >= start_ns)
            ]
            for raw in merger.merged(chunks, self._of_loose(file)):
                if not start_ns <= raw.log_ns < end_ns:
                    continue
                topic = self._channels.get(raw.channel if raw.channel is not None else -1)
                if topic is not None and topic.key in keys:
                    yield Message(topic.key, raw.log_ns, bytes(raw.data))

    def _scan(self, file: BinaryIO) -> None:
        """Note where everything is."""
        size = self._path.stat().st_size
        if file.read(8) != _MAGIC:
            raise SourceError(f"{self._path}: not an MCAP file")
        self._known_chunks = self._indexed_chunks(file, size)
        at = 8
        while at < size:
            file.seek(at)
            head = file.read(RECORD_HEAD.size)
            if len(head) < RECORD_HEAD.size:
                if head != _MAGIC[: len(head)] or len(head) < len(_MAGIC):
                    self._cut_off(size - at)
                return
            opcode, length = RECORD_HEAD.unpack(head)
            body = at + RECORD_HEAD.size
            if not 0 < opcode <= _LAST_OPCODE or (body + length > size and opcode != CHUNK):
                onward = next((known for known in self._known_chunks if known > at), None)
                if onward is None:
                    self._cut_off(size - at)
                    return
                self.problems.append(f"{self._path}: {onward - at} bytes at {at} are damaged")
                at = onward
                continue
            if opcode == CHUNK:
                self._note_chunk(file, body, length, size)
                if body + length > size:
                    self._cut_off(size - at)
                    return
            elif opcode == MESSAGE and length >= MESSAGE_HEAD.size:
                channel, _, log_ns, _ = MESSAGE_HEAD.unpack(file.read(MESSAGE_HEAD.size))
                self._loose.append((log_ns, body + MESSAGE_HEAD.size, channel, length - MESSAGE_HEAD.size))
            elif opcode in (SCHEMA, CHANNEL):
                self._note(opcode, file.read(length))
            elif opcode == _FOOTER:
                return
            at = body + length

    def _cut_off(self, size: int) -> None:
        self.problems.append(f"{self._path}: is cut off; its last {size} bytes are not complete")

    def _indexed_chunks(self, file: BinaryIO, size: int) -> list[int]:
        """Offsets of the chunks by the index at the end of the file; none if it cannot be read."""
        found = []
        try:
            file.seek(max(8, size - 37))
            footer = file.read(37)
            if footer[-8:] != _MAGIC or footer[0] != _FOOTER:
                return []
            (at,) = struct.unpack_from("<Q", footer, 9)
            while 8 < at < size - 37:
                file.seek(at)
                opcode, length = RECORD_HEAD.unpack(file.read(RECORD_HEAD.size))
                if opcode == _CHUNK_INDEX:
                    found.append(struct.unpack_from("<Q", file.read(24), 16)[0])
                at += RECORD_HEAD.size + length
        except (struct.error, IndexError):
            return []
        return sorted(found)

    def _note_chunk(self, file: BinaryIO, body: int, length: int, file_size: int) -> None:
        chunk = read_header(file, body, length, file_size)
        if chunk is not None and chunk.size > 0:
            self._chunks.append(chunk)

    def _note(self, opcode: int, record: bytes) -> None:
        """Remember a schema or channel."""
        try:
            reader = _Fields(record)
            number = reader.number("<H")
            if opcode == SCHEMA:
                name, encoding, text = reader.text(), reader.text(), reader.text()
                self._schemas[number] = (name, text if encoding in ("ros2msg", "ros2idl") else "")
                return
            schema = self._schemas.get(reader.number("<H"), ("", ""))
            topic, serialization, metadata = reader.text(), reader.text(), _Fields(reader.block())
        except (struct.error, UnicodeDecodeError):
            return
        if number not in self._channels:
            kind = modern_name(schema[0])
            self._channels[number] = Topic(
                topic, kind, 0, schema[1], "", _qos_of(metadata), serialization or "cdr"
            )

    def _count(self, file: BinaryIO) -> None:
        """Count what is readable, and learn the channels that only chunks name."""
        counts: Counter[int] = Counter()
        first, last = 1 << 63, -1
        merger = Merger(self._path, file, self._tell)
        sources = [merger.of_chunk(chunk, self._note) for chunk in self._chunks]
        for source in (*sources, self._of_loose(file)):
            for raw in source:
                if raw.channel is not None:
                    counts[raw.channel] += 1
                    first, last = min(first, raw.log_ns), max(last, raw.log_ns)
        joined: dict[Key, Topic] = {}
        for number, topic in self._channels.items():
            counted = Topic(
                topic.name,
                topic.type,
                counts[number],
                topic.definition,
                topic.digest,
                topic.qos,
                topic.serialization,
            )
            joined[topic.key] = joined[topic.key].joined(counted) if topic.key in joined else counted
        self.topics = list(joined.values())
        if last >= 0:
            self.start_ns, self.end_ns = first, last + 1

    def _tell(self, chunk: Chunk, error: ValueError) -> None:
        """Remember that a chunk cannot be read, once."""
        if chunk.data_at in self._told:
            return
        self._told.add(chunk.data_at)
        self.problems.append(
            f"{self._path}: the chunk at byte {chunk.data_at} cannot be read ({error}); "
            f"{(chunk.end_ns - chunk.start_ns) * 1e-9:.1f} s of the bag are affected"
        )

    def _of_loose(self, file: BinaryIO) -> Iterator[Raw]:
        for log_ns, offset, channel, size in sorted(self._loose):
            file.seek(offset)
            yield Raw(log_ns, offset, 0, channel, file.read(size))


class _Fields:
    """Reads the fields of a record. Raises struct.error at its end."""

    def __init__(self, record: bytes) -> None:
        self._record = record
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._record)

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._record, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def block(self) -> bytes:
        size = self.number("<I")
        if self._at + size > len(self._record):
            raise struct.error("too short")
        self._at += size
        return self._record[self._at - size : self._at]

    def text(self) -> str:
        return self.block().decode(errors="replace")  # of damaged bags


def _qos_of(metadata: _Fields) -> tuple[Any, ...]:
    from rosbags.rosbag2.errors import ReaderError
    from rosbags.rosbag2.metadata import parse_qos

    try:
        while metadata:
            name, value = metadata.text(), metadata.text()
            if name == "offered_qos_profiles":
                return tuple(parse_qos(value))
    except (struct.error, ReaderError, KeyError, TypeError, AttributeError, ValueError):
        pass  # damaged: the bag is read without
    return ()
