# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""State of every bag and piece, in the same file as the results: both change together or not at all."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from face_detect_ros.bags.finding import UNFINISHED
from face_detect_ros.core.errors import ConfigError, OutputError, SourceError
from face_detect_ros.fleet.one_bag import table

SCHEMA = (
    table.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS work(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bags(
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,           -- of its result, below bags/
    state TEXT NOT NULL DEFAULT 'new',   -- new, planned, done; or failed: set aside
    reason TEXT NOT NULL DEFAULT '',     -- why it was set aside
    problems TEXT NOT NULL DEFAULT '[]', -- what of it could not be read or processed
    attempts INTEGER NOT NULL DEFAULT 0, -- of the step in hand that ended with their process
    expected INTEGER NOT NULL DEFAULT 0, -- images
    duration_s REAL NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
    images INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, detections INTEGER NOT NULL DEFAULT 0,
    network_s REAL NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS pieces(
    bag INTEGER NOT NULL REFERENCES bags(id), number INTEGER NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    images INTEGER NOT NULL DEFAULT 0, network_s REAL NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (bag, number)
);
"""
)
_SELECT = (
    "SELECT id, path, name, state, reason, problems, expected, duration_s, bytes, images, failed, detections, "
    "network_s, seconds FROM bags"
)


@dataclass(frozen=True)
class Bag:
    """A bag of the fleet, as the columns of the table `bags` say."""

    id: int
    path: str
    name: str
    state: str
    reason: str
    problems: list[str]
    expected: int
    duration_s: float
    bytes: int
    images: int
    failed: int
    detections: int
    network_s: float
    seconds: float


class Manifest:
    """The file. One process at a time may write it.

    Args:
        path: The file, made if missing.
        work: Describes what is done with the bags; a file for other work is refused.
        shown: The folder of the results for messages, if it is not that of the file.

    Raises:
        ConfigError: The file belongs to other work.
        OutputError: It cannot be written.
    """

    def __init__(self, path: Path, work: str, shown: str = "") -> None:
        self.path = path
        try:
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(SCHEMA)
            row = self._database.execute("SELECT value FROM work WHERE name = 'options'").fetchone()
            if row is not None and row[0] != work:
                raise ConfigError(
                    f"{shown or path.parent}: has results of other options; give another folder"
                )
            self._database.execute("INSERT OR IGNORE INTO work VALUES ('options', ?)", (work,))
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {path}: {error}; give another folder") from error

    def add(self, bags: Sequence[tuple[str, str]]) -> None:
        """Add bags, with a name for the result of each; those that are known stay as they are."""
        with self._transaction():
            known = {row[0] for row in self._database.execute("SELECT path FROM bags")}
            names = _Names(row[0] for row in self._database.execute("SELECT name FROM bags"))
            for path, name in bags:
                if path in known:
                    continue
                known.add(path)
                self._database.execute(
                    "INSERT INTO bags(path, name) VALUES (?, ?)", (path, names.unique(name))
                )

    def bags(self) -> list[Bag]:
        """All bags, in the order in which they were added."""
        return [_bag(*row) for row in self._query(f"{_SELECT} ORDER BY id")]

    def bag(self, number: int) -> Bag:
        """One bag."""
        [row] = self._query(f"{_SELECT} WHERE id = ?", (number,))
        return _bag(*row)

    def progress(self) -> tuple[int, int, int]:
        """How many bags there are, how many of them are done or set aside, and the images expected in the others."""
        [[count, closed, images]] = self._query(
            "SELECT count(*), coalesce(sum(state IN ('done', 'failed')), 0), "
            "coalesce(sum(CASE state WHEN 'failed' THEN 0 ELSE expected END), 0) FROM bags"
        )
        return int(count), int(closed), int(images)

    def pieces(self, bag: int) -> list[tuple[tuple[int, int], bool]]:
        """The pieces of a bag, and whether each is done."""
        rows = self._query("SELECT start_ns, end_ns, done FROM pieces WHERE bag = ? ORDER BY number", (bag,))
        return [((start_ns, end_ns), bool(done)) for start_ns, end_ns, done in rows]

    def images_done(self) -> int:
        """Images of all pieces that are done."""
        [[count]] = self._query("SELECT coalesce(sum(images), 0) FROM pieces WHERE done")
        return int(count)

    def retry(self) -> None:
        """Take up again what was set aside."""
        with self._transaction():
            self._database.execute(
                "DELETE FROM pieces WHERE bag IN (SELECT id FROM bags WHERE state = 'failed')"
            )
            self._database.execute(
                "UPDATE bags SET state = 'new', reason = '', attempts = 0 WHERE state = 'failed'"
            )

    def planned(self, bag: int, values: dict[str, Any]) -> None:
        """Note how a bag is cut."""
        with self._transaction():
            self._database.execute("DELETE FROM pieces WHERE bag = ?", (bag,))
            self._database.executemany(
                "INSERT INTO pieces(bag, number, start_ns, end_ns) VALUES (?, ?, ?, ?)",
                [(bag, number, *span) for number, span in enumerate(values["spans_ns"])],
            )
            self._database.execute(
                "UPDATE bags SET state = 'planned', attempts = 0, expected = ?, duration_s = ?, bytes = ? WHERE id = ?",
                (values["images"], values["duration_s"], values["bytes"], bag),
            )

    def detected(self, bag: int, piece: int, values: dict[str, Any]) -> None:
        """Note that a piece of a bag is done.

        Args:
            bag: Number of the bag.
            piece: Number of the piece in the bag.
            values: Its images, network_s and seconds.
        """
        with self._transaction():
            self._database.execute(
                "UPDATE pieces SET done = 1, images = ?, network_s = ?, seconds = ? WHERE bag = ? AND number = ?",
                (values["images"], values["network_s"], values["seconds"], bag, piece),
            )

    def finished(self, bag: int, values: dict[str, Any], results: Path) -> None:
        """Note that a bag is done, and take over its results.

        Args:
            bag: Number of the bag.
            values: Figures of the bag.
            results: Its table of detections and images.

        Raises:
            OutputError: The results cannot be read.
        """
        try:
            self._database.execute("ATTACH ? AS one", (str(results),))
        except sqlite3.Error as error:
            raise OutputError(f"cannot read {results}: {error}") from error
        try:
            with self._transaction():
                [[path]] = self._query("SELECT path FROM bags WHERE id = ?", (bag,))
                for name in ("detections", "images", "problems"):
                    self._database.execute(f"DELETE FROM main.{name} WHERE bag = ?", (path,))
                    self._database.execute(f"INSERT INTO main.{name} SELECT * FROM one.{name} ORDER BY rowid")
                [[images, failed]] = self._query(
                    "SELECT coalesce(max(images), 0), coalesce(sum(failed), 0) FROM "
                    "(SELECT sum(images) AS images, sum(failed) AS failed FROM one.images GROUP BY task)"
                )
                problems = [row[0] for row in self._query("SELECT problem FROM one.problems ORDER BY rowid")]
                [[detections]] = self._query("SELECT count(*) FROM one.detections")
                self._database.execute(
                    "UPDATE bags SET state = 'done', reason = '', attempts = 0, problems = ?, images = ?, failed = ?, "
                    "detections = ?, network_s = ? + (SELECT coalesce(sum(network_s), 0) FROM pieces WHERE bag = ?), "
                    "seconds = ? + (SELECT coalesce(sum(seconds), 0) FROM pieces WHERE bag = ?) WHERE id = ?",
                    (
                        json.dumps(problems),
                        images,
                        failed,
                        detections,
                        values["network_s"],
                        bag,
                        values["seconds"],
                        bag,
                        bag,
                    ),
                )
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("DETACH one")

    def crashed(self, bag: int, piece: int | None) -> int:
        """Count a process that ended over a step. Returns how many did over this one."""
        with self._transaction():
            if piece is None:
                self._database.execute("UPDATE bags SET attempts = attempts + 1 WHERE id = ?", (bag,))
                [[count]] = self._query("SELECT attempts FROM bags WHERE id = ?", (bag,))
            else:
                where = "WHERE bag = ? AND number = ?"
                self._database.execute(f"UPDATE pieces SET attempts = attempts + 1 {where}", (bag, piece))
                [[count]] = self._query(f"SELECT attempts FROM pieces {where}", (bag, piece))
        return int(count)

    def set_aside(self, bag: int, reason: str) -> None:
        """Give a bag up."""
        with self._transaction():
            self._database.execute("UPDATE bags SET state = 'failed', reason = ? WHERE id = ?", (reason, bag))

    def copy_to(self, path: Path) -> None:
        """Write a copy, which is one file. Raises OutputError."""
        try:
            path.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
                self._database.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
        except (sqlite3.Error, OSError) as error:
            raise OutputError(f"cannot write {path}: {error}; is the disk full?") from error

    def close(self) -> None:
        """Close the file. Calling it twice is fine."""
        self._database.close()

    def _query(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise SourceError(f"cannot read {self.path}: {error}") from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self.path}: {error}; is the disk full?") from error


class _Names:
    """Names of results. Each is a folder of its own: none is inside another, or where another one is being written."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken: set[str] = set()
        self._above: set[str] = set()
        for name in taken:
            self._take(name)

    def unique(self, name: str) -> str:
        """The name, or one like it that is free; it is taken from then on."""
        parts = [
            f"{part.removesuffix(UNFINISHED)}-part" if part.endswith(UNFINISHED) else part
            for part in PurePosixPath(name).parts
        ]
        wanted = "/".join(parts)
        if not self._taken.isdisjoint(_above(wanted)):
            wanted = "_".join(parts)
        found, number = wanted, 2
        while found in self._taken or found in self._above:
            found, number = f"{wanted}-{number}", number + 1
        self._take(found)
        return found

    def _take(self, name: str) -> None:
        self._taken.add(name)
        self._above.update(_above(name))


def _above(name: str) -> list[str]:
    """The folders in which a name is."""
    return [str(folder) for folder in PurePosixPath(name).parents][:-1]


def _bag(number: int, path: str, name: str, state: str, reason: str, problems: str, *figures: Any) -> Bag:
    return Bag(number, path, name, state, reason, json.loads(problems), *figures)
