# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""sqlite3 bags that rosbags refuses: damaged, cut off, or left by a recorder that was killed."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from face_detect_ros.bags.topic import Key, Message, Topic
from face_detect_ros.bags.types import modern_name
from face_detect_ros.core.errors import PerceptionError, SourceError
from face_detect_ros.files.looking import exists
from face_detect_ros.files.scratch import check_space, scratch

_BESIDE = ("-wal", "-journal")
_TRY = 5_000  # ids in a row that cannot be read, after which there is nothing more


def has_open_journal(path: Path) -> bool:
    """Whether messages of this bag are still in a journal beside it, because its recorder was killed."""
    for suffix in _BESIDE:
        beside = path.with_name(path.name + suffix)
        with contextlib.suppress(OSError):
            if beside.stat().st_size:
                return True
    return False


class SqliteScan:
    """The messages of one file that can be read. The file is not changed: a journal is applied to a copy.

    Attributes: as of `McapScan`.
    """

    def __init__(self, path: Path) -> None:
        """Look at every message once.

        Raises:
            SourceError: It is not such a bag.
            OutputError: There is no room for a copy of a bag whose journal is open.
        """
        self.problems: list[str] = []
        self.topics: list[Topic] = []
        self.start_ns = self.end_ns = 0
        self._path = path
        self._copy = contextlib.ExitStack()
        self._rows: list[tuple[int, int, int]] = []  # log_ns, id, topic
        self._keys: dict[int, Key] = {}
        self._unread: set[int] = set()
        try:
            opened, form = path, "?immutable=1"
            if has_open_journal(path):
                opened, form = self._copied(path), ""
            self._database = sqlite3.connect(
                f"{opened.absolute().as_uri()}{form}", uri=True, check_same_thread=False
            )
            # else SQLite opens no file that is shorter than its header says; nothing is ever written
            self._database.execute("PRAGMA writable_schema = ON")
            found = self._read_topics()
            self._list_rows()
        except PerceptionError:
            self.close()
            raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise SourceError(f"{path}: not a bag, or damaged beyond reading ({error})") from error
        counts = Counter(topic for _, _, topic in self._rows)
        joined: dict[Key, Topic] = {}
        for number, topic in found.items():
            self._keys[number] = topic.key
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
        if self._rows:
            self.start_ns, self.end_ns = self._rows[0][0], self._rows[-1][0] + 1

    def messages(self, keys: set[Key], start_ns: int, end_ns: int) -> Iterator[Message]:
        """The readable messages of some topics, ordered by time.

        Args:
            keys: The topics.
            start_ns: Earliest time of recording.
            end_ns: End of the time of recording, exclusive.
        """
        for log_ns, number, topic in self._rows:
            key = self._keys.get(topic)
            if key is None or key not in keys or not start_ns <= log_ns < end_ns:
                continue
            try:
                (data,) = self._database.execute(
                    "SELECT data FROM messages WHERE id = ?", (number,)
                ).fetchone()
            except (sqlite3.Error, TypeError) as error:
                if number not in self._unread:
                    self._unread.add(number)
                    self.problems.append(f"{self._path}: a message of {key.name} cannot be read ({error})")
                continue
            if isinstance(data, bytes):  # else damaged
                yield Message(key, log_ns, data)

    def close(self) -> None:
        """Close the file. Calling it twice is fine."""
        with contextlib.suppress(AttributeError):
            self._database.close()
        self._copy.close()

    def _copied(self, path: Path) -> Path:
        """A copy with its journal: SQLite changes both when it opens them."""
        parts = [part for suffix in ("", *_BESIDE) if exists(part := path.with_name(path.name + suffix))]
        folder = self._copy.enter_context(scratch())
        check_space(folder, sum(part.stat().st_size for part in parts), str(path))
        for part in parts:
            shutil.copyfile(part, folder / part.name)
        return folder / path.name

    def _read_topics(self) -> dict[int, Topic]:
        from rosbags.rosbag2.errors import ReaderError
        from rosbags.rosbag2.metadata import parse_qos

        columns = {row[1] for row in self._database.execute("PRAGMA table_info(topics)")}
        definitions: dict[str, str] = {}
        with contextlib.suppress(sqlite3.Error):  # bags before Iron have no such table
            definitions = dict(
                self._database.execute(
                    "SELECT topic_type, encoded_message_definition FROM message_definitions"
                ).fetchall()
            )
        wanted = ["id", "name", "type", "serialization_format"]
        wanted += [name for name in ("offered_qos_profiles", "type_description_hash") if name in columns]
        found = {}
        for row in self._database.execute(f"SELECT {', '.join(wanted)} FROM topics ORDER BY id"):
            values = dict(zip(wanted, row, strict=True))
            if not all(isinstance(values[name], str) for name in wanted[1:4]):
                continue  # of a damaged bag
            try:
                qos = tuple(parse_qos(values.get("offered_qos_profiles", "")))
            except (ReaderError, KeyError, TypeError, AttributeError, ValueError):
                qos = ()
            found[int(values["id"])] = Topic(
                values["name"],
                modern_name(values["type"]),
                0,
                str(definitions.get(values["type"]) or ""),
                str(values.get("type_description_hash") or ""),
                qos,
                values["serialization_format"],
            )
        return found

    def _list_rows(self) -> None:
        """Note id, time and topic of each message, and go on behind what cannot be read."""
        last, failed, failures = 0, 0, 0
        query = "SELECT id, timestamp, topic_id FROM messages WHERE id > ? ORDER BY id"
        while failures < _TRY:
            try:
                for number, log_ns, topic in self._database.execute(query, (last + failures,)):
                    if isinstance(number, int):
                        failed, last, failures = failed + failures, number, 0
                    if all(isinstance(value, int) for value in (number, log_ns, topic)):
                        self._rows.append((log_ns, number, topic))
                    else:  # damaged
                        failed += 1
                break
            except sqlite3.Error:
                failures += 1
        if failures:
            self.problems.append(
                f"{self._path}: is damaged or cut off; what follows message {last} cannot be read"
            )
        if failed:
            self.problems.append(f"{self._path}: about {failed} messages cannot be read")
        self._rows.sort()
