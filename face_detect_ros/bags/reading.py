# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading rosbag2 bags: a folder or a single file, sqlite3 or MCAP, whole or damaged."""

from __future__ import annotations

import contextlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from face_detect_ros.bags.finding import METADATA, is_storage, natural, sure
from face_detect_ros.bags.mcap_scan import McapScan
from face_detect_ros.bags.sqlite_scan import SqliteScan, has_open_journal
from face_detect_ros.bags.stored import MOST_METADATA_BYTES, StoredPath
from face_detect_ros.bags.topic import Key, Message, Topic, from_connection
from face_detect_ros.bags.types import modern_name, require_rosbags
from face_detect_ros.bags.zstd import unpack, unpack_file, zstd
from face_detect_ros.core.errors import ConfigError, PerceptionError, SourceError, StoreError
from face_detect_ros.files.looking import looking_at
from face_detect_ros.files.reading import read_yaml
from face_detect_ros.files.scratch import scratch

if TYPE_CHECKING:
    from face_detect_ros.bags.mcap_index import McapIndex

END_NS = (1 << 63) - 1
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_FIRST = "\0"


@dataclass(frozen=True)
class _Stored:
    """A file of the bag. end_ns: 1 after its last message."""

    path: Path
    start_ns: int
    end_ns: int
    index: McapIndex | None = None
    """Of an MCAP file that is whole."""
    scan: McapScan | SqliteScan | None = None
    """How it is read if rosbags refuses it."""


class BagReader:
    """The topics and messages of a bag. Use as a context manager. The bag is not changed.

    Attributes:
        path: The bag.
        topics: Everything recorded, by name.
        start_ns, end_ns: Times of the first message, and 1 after the last one; equal in an empty bag.
        problems: What could not be read, so far.
    """

    def __init__(self, path: Path) -> None:
        """Open the files and read what they hold, but no messages.

        Args:
            path: A folder or file; a `StoredPath` if all its files are MCAP.

        Raises:
            SourceError: Nothing of it can be read.
            OutputError: There is no room to unpack it.
            StoreError: Its store does not answer.
            ConfigError: It is not a bag, or rosbags is not installed.
        """
        require_rosbags()
        self.path = path
        self.problems: list[str] = []
        self._temporary = contextlib.ExitStack()
        self._unpacked_to: Path | None = None
        self._metadata: dict[str, Any] = {}
        self._stored: list[_Stored] = []
        topics: dict[Key, Topic] = {}
        try:
            with looking_at(path, ConfigError):
                files = self._find_files()
            for file in files:
                try:
                    stored, found = self._open(file)
                except StoreError:  # the bag may be fine
                    raise
                except SourceError as error:
                    self.problems.append(str(error))
                    continue
                self._stored.append(stored)
                for topic in found:
                    topics[topic.key] = topics[topic.key].joined(topic) if topic.key in topics else topic
        except BaseException:
            self.close()
            raise
        if not self._stored:
            problems = "; ".join(self.problems) or "there are no .mcap or .db3 files in it"
            raise SourceError(f"{path}: nothing of this bag can be read: {problems}")
        self.topics = tuple(self._with_metadata(topics[key]) for key in sorted(topics))
        filled = [stored for stored in self._stored if stored.end_ns > stored.start_ns]
        self.problems += [
            f"{stored.path}: messages recorded after the year 2262 are left out"
            for stored in filled
            if stored.end_ns > END_NS
        ]
        self.start_ns = min((stored.start_ns for stored in filled if stored.start_ns < END_NS), default=0)
        self.end_ns = min(max((stored.end_ns for stored in filled), default=0), END_NS)

    def __enter__(self) -> BagReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def duration_s(self) -> float:
        return max(0, self.end_ns - 1 - self.start_ns) * 1e-9

    @property
    def compressed_files(self) -> bool:
        """Whether its files are compressed as a whole, so that reading any part means unpacking all of it."""
        return self._unpacked_to is not None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the messages."""
        return tuple(stored.path for stored in self._stored)

    def topic(self, name: str) -> Topic | None:
        """The topic of that name; None if there is none."""
        return next((topic for topic in self.topics if topic.name == name), None)

    def messages(self, topics: Iterable[Topic], start_ns: int = 0, end_ns: int = END_NS) -> Iterator[Message]:
        """The messages of some topics, ordered by the time at which they were recorded.

        Messages of the same time keep the order of the files and of their places in them, so the order never varies.
        What cannot be read is left out and added to `problems`.

        Args:
            topics: Of this bag.
            start_ns: Earliest time of recording.
            end_ns: End of the time of recording, exclusive.
        """
        keys = {topic.key for topic in topics}
        if not keys:
            return
        sources = [
            self._of_file(stored, keys, start_ns, end_ns)
            for stored in self._stored
            if stored.start_ns < end_ns and stored.end_ns > start_ns
        ]
        for message in heapq.merge(*sources, key=lambda found: found.log_ns):
            if message.key.name != _FIRST:
                yield message

    def close(self) -> None:
        """Remove temporary copies. Calling it twice is fine."""
        for stored in self._stored:
            if isinstance(stored.scan, SqliteScan):
                stored.scan.close()
        self._temporary.close()

    def _find_files(self) -> list[Path]:
        path = self.path
        if path.is_file():
            if not is_storage(path):
                raise ConfigError(
                    f"{path}: not a bag; give a folder with metadata.yaml, or an .mcap or .db3 file"
                )
            return [path]
        if not path.is_dir():
            raise ConfigError(f"{path}: no such bag")
        storage = sorted(filter(is_storage, path.iterdir()), key=natural)
        if not storage and not (path / METADATA).exists():
            raise ConfigError(f"{path}: not a bag; there are no .mcap or .db3 files in it")
        files = []
        for file in storage:
            if sure(file.is_file):
                files.append(file)
            else:  # a pipe would never end
                self.problems.append(f"{file}: not a file, or a link to none; left out")
        if (path / METADATA).exists():
            try:
                content = _yaml(path / METADATA)
                self._metadata = content["rosbag2_bagfile_information"]
                names = [PurePath(str(name)).name for name in self._metadata["relative_file_paths"]]
                there = [path / name for name in names]
                missing = [file.name for file in there if not sure(file.is_file)]
            except (SourceError, KeyError, TypeError, AttributeError) as error:
                reason = error if isinstance(error, SourceError) else f"has no {error}"
                self.problems.append(f"{path / METADATA}: cannot be used ({reason}); read without it")
                self._metadata = {}
                return files
            if missing:
                self.problems.append(f"{path}: {', '.join(missing)} of this bag are missing")
            there = [file for file in there if file.name not in missing]
            # a recorder that was killed has not listed its last file
            return there + [file for file in files if file not in there and file.name not in names]
        return files

    def _open(self, path: Path) -> tuple[_Stored, list[Topic]]:
        """Raises SourceError if nothing of the file can be read."""
        if path.suffix == ".zstd":
            path = self._unpacked(path)
        refused: Exception | None = None
        if not (path.suffix == ".db3" and has_open_journal(path)):
            try:
                found = _by_rosbags(path)
                if found is not None:
                    return found
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever damaged files make parsers raise
                refused = error
        scan: McapScan | SqliteScan = McapScan(path) if path.suffix == ".mcap" else SqliteScan(path)
        self.problems += scan.problems
        scan.problems = self.problems
        if refused is not None and not scan.problems and "rofile" not in str(refused):
            self.problems.append(f"{path}: has no valid index ({_one_line(refused)}); read from its start")
        return _Stored(path, scan.start_ns, scan.end_ns, scan=scan), scan.topics

    def _unpacked(self, path: Path) -> Path:
        """A copy of a compressed file. Raises SourceError."""
        if self._unpacked_to is None:
            self._unpacked_to = self._temporary.enter_context(scratch())
        target = self._unpacked_to / path.stem
        try:
            unpack_file(path, target)
        except (EOFError, zstd.ZstdError) as error:
            self.problems.append(f"{path}: is damaged or cut off ({error})")
        return target

    def _of_file(self, stored: _Stored, keys: set[Key], start_ns: int, end_ns: int) -> Iterator[Message]:
        """The messages of one file; first a message that only says when it starts, so that it is opened late."""
        yield Message(Key(_FIRST, ""), max(start_ns, stored.start_ns), b"")
        messages = self._readable(stored, keys, start_ns, end_ns)
        for message in messages:
            if message.data[:4] == _ZSTD_MAGIC:  # compressed one by one
                try:
                    message = message._replace(data=unpack(message.data))
                except zstd.ZstdError as error:
                    self.problems.append(
                        f"{stored.path}: a message of {message.key.name} is damaged ({error})"
                    )
                    continue
            yield message

    def _readable(self, stored: _Stored, keys: set[Key], start_ns: int, end_ns: int) -> Iterator[Message]:
        if stored.scan is not None:
            yield from stored.scan.messages(keys, start_ns, end_ns)
            return
        latest_ns, given = start_ns, Counter[Key]()  # messages of the latest time, by topic
        try:
            whole = stored.index.messages if stored.index is not None else partial(_of_database, stored.path)
            for message in whole(keys, start_ns, end_ns):
                if message.log_ns != latest_ns:
                    latest_ns = message.log_ns
                    given.clear()
                given[message.key] += 1
                yield message
            return
        except Exception as error:
            if isinstance(error, PerceptionError):
                raise
        # go on where it failed, without what was given out at that very time: both ways have one order
        scan: McapScan | SqliteScan = (
            McapScan(stored.path) if stored.path.suffix == ".mcap" else SqliteScan(stored.path)
        )
        with contextlib.closing(scan) if isinstance(scan, SqliteScan) else contextlib.nullcontext():
            for message in scan.messages(keys, latest_ns, end_ns):
                if message.log_ns == latest_ns and given[message.key]:
                    given[message.key] -= 1
                else:
                    yield message
            # without problems nothing is lost: the messages are only out of order, or the index is wrong
            self.problems += [text for text in scan.problems if text not in self.problems]

    def _with_metadata(self, topic: Topic) -> Topic:
        """The topic with what only metadata.yaml says about it: QoS and the type's hash."""
        from rosbags.rosbag2.errors import ReaderError
        from rosbags.rosbag2.metadata import parse_qos

        for item in self._metadata.get("topics_with_message_count") or []:
            with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError, ReaderError):
                described = item["topic_metadata"]
                if described["name"] != topic.name or modern_name(described["type"]) != topic.type:
                    continue
                qos = topic.qos or tuple(parse_qos(described.get("offered_qos_profiles") or ""))
                digest = topic.digest or described.get("type_description_hash") or ""
                return replace(topic, qos=qos, digest=str(digest).strip())
        return topic


def _yaml(path: Path | StoredPath) -> Any:
    if isinstance(path, StoredPath):
        return path.read_yaml()
    return read_yaml(path, most_bytes=MOST_METADATA_BYTES, error=SourceError)


def _by_rosbags(path: Path) -> tuple[_Stored, list[Topic]] | None:
    """A whole file and its topics; None for an MCAP file without an index. Raises whatever rosbags raises."""
    if path.suffix == ".mcap":
        from face_detect_ros.bags.mcap_index import McapIndex, NoIndexError  # needs rosbags

        try:
            index = McapIndex(path)
        except NoIndexError:
            return None
        return _Stored(path, index.start_ns, index.end_ns, index), index.topics
    from rosbags.rosbag2 import Reader

    with Reader(path) as reader:
        topics = [from_connection(connection) for connection in reader.connections]
        empty = not reader.message_count
        start_ns, end_ns = (0, 0) if empty else (reader.start_time, reader.end_time)
    if not (isinstance(start_ns, int) and isinstance(end_ns, int)):
        raise ValueError("its times are damaged")
    return _Stored(path, start_ns, end_ns), topics


def _of_database(path: Path, keys: set[Key], start_ns: int, end_ns: int) -> Iterator[Message]:
    """Messages of a whole sqlite3 file, by time. Raises whatever rosbags raises."""
    from rosbags.rosbag2 import Reader

    with Reader(path) as reader:
        wanted = [found for found in reader.connections if _key(found) in keys]
        if wanted:
            for connection, log_ns, data in reader.messages(wanted, start_ns, end_ns):
                if not (isinstance(log_ns, int) and isinstance(data, bytes)):
                    raise ValueError("a message is damaged")
                yield Message(_key(connection), log_ns, data)


def _key(connection: Any) -> Key:
    return Key(connection.topic, modern_name(connection.msgtype))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
