# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""MCAP files by the index at their end, which rosbags reads. Chunks are unpacked here, where their size is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.storage_mcap import McapReader

from face_detect_ros.bags.mcap_chunks import RECORD_HEAD, Chunk, Merger, Raw, read_header
from face_detect_ros.bags.stored import open_for_messages
from face_detect_ros.bags.topic import Key, Message, from_connection


class NoIndexError(Exception):
    """The file has no index, although its end is not damaged."""


class _IndexOnly(McapReader):
    """Refuses files without an index: rosbags would unpack them, however large they are."""

    def meta_scan(self) -> NoReturn:
        raise NoIndexError


class McapIndex:
    """The messages of one whole file.

    Attributes:
        topics: What the file holds, with the number of messages.
        start_ns, end_ns: Times of the first message, and 1 after the last; equal if there are none.
    """

    def __init__(self, path: Path) -> None:
        """Read the index. Raises NoIndexError if there is none, and whatever rosbags raises if it is damaged."""
        self._path = path
        reader = _IndexOnly(path)
        reader.open()
        try:
            self.topics = [from_connection(connection) for connection in reader.connections]
            self._keys = {connection.id: from_connection(connection).key for connection in reader.connections}
            self._chunks = [
                (chunk.message_start_time, chunk.message_end_time, chunk.chunk_start_offset, chunk.chunk_length,
                 frozenset(chunk.channel_count))
                for chunk in reader.chunks
            ]  # fmt: skip
            empty = not reader.metadata.message_count
            self.start_ns = 0 if empty else reader.metadata.start_time
            self.end_ns = 0 if empty else reader.metadata.end_time
        finally:
            reader.close()
        if not (self._chunks or empty):
            raise NoIndexError
        first_ns = min((first_ns for first_ns, *_ in self._chunks), default=0)
        last_ns = max((last_ns for _, last_ns, *_ in self._chunks), default=0)
        filled = any(channels for *_, channels in self._chunks)
        if filled if empty else not first_ns <= self.start_ns < self.end_ns <= last_ns + 1:
            raise ReaderError("its index and its statistics contradict each other")

    def messages(self, keys: set[Key], start_ns: int, end_ns: int) -> Iterator[Message]:
        """The messages of some topics, ordered by time.

        Args:
            keys: The topics.
            start_ns: Earliest time of recording.
            end_ns: End of the time of recording, exclusive.

        Raises:
            ReaderError: A chunk cannot be read, or is not where the index says.
            SourceError: Too many chunks overlap in time.
        """
        wanted = {number for number, key in self._keys.items() if key in keys}
        size = self._path.stat().st_size
        with open_for_messages(self._path) as file:
            merger = Merger(self._path, file, _refuse)

            def of_chunk(first_ns: int, at: int, length: int) -> Iterator[Raw]:
                """One chunk, looked at when its time has come: the file may be in a store, and large."""
                yield Raw(first_ns, 0, 0, None, b"")
                chunk = read_header(file, at + RECORD_HEAD.size, length, size)
                if chunk is None or not chunk.complete or chunk.start_ns < first_ns:
                    raise ReaderError(f"no whole chunk is at byte {at}")
                yield from merger.of_chunk(chunk)

            chunks = [
                of_chunk(first_ns, at, length)
                for first_ns, last_ns, at, length, channels in self._chunks
                if first_ns < end_ns and last_ns >= start_ns and (channels & wanted or not channels)
            ]
            for raw in merger.merged([], *chunks):
                if raw.channel in wanted and start_ns <= raw.log_ns < end_ns:
                    yield Message(self._keys[raw.channel], raw.log_ns, bytes(raw.data))


def _refuse(chunk: Chunk, error: ValueError) -> NoReturn:
    raise ReaderError(f"the chunk at byte {chunk.data_at}: {error}") from error
