# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results of bags as one SQLite table: a row per detection, and what is needed to find them again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_detect_ros.bags.finding import UNFINISHED
from face_detect_ros.bags.images import camera_name
from face_detect_ros.core.errors import ConfigError, OutputError, SourceError
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.files.looking import check_listing, is_file, is_folder
from face_detect_ros.pipeline.result import Result
from face_detect_ros.tracking.protocol import has_track

FILE = "results.sqlite3"
SCHEMA = """
CREATE TABLE IF NOT EXISTS detections(
    bag TEXT NOT NULL,          -- path of the bag
    topic TEXT NOT NULL,        -- of the image
    log_ns INTEGER NOT NULL,    -- when the image was recorded
    stamp_ns INTEGER NOT NULL,  -- of the image
    task TEXT NOT NULL,         -- faces or objects
    class TEXT NOT NULL,
    score REAL NOT NULL,
    track INTEGER,              -- NULL without a track
    name TEXT,                  -- of a person; 'unknown'; NULL where nobody was asked
    x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,  -- pixels of the image
    x_m REAL, y_m REAL, z_m REAL  -- meters in the camera's optical frame; NULL where not known
);
CREATE INDEX IF NOT EXISTS by_bag ON detections(bag, topic, log_ns);
CREATE INDEX IF NOT EXISTS by_class ON detections(class, name);
CREATE TABLE IF NOT EXISTS images(
    bag TEXT NOT NULL, topic TEXT NOT NULL, task TEXT NOT NULL,
    images INTEGER NOT NULL, failed INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    PRIMARY KEY (bag, topic, task)
);
CREATE TABLE IF NOT EXISTS problems(bag TEXT NOT NULL, problem TEXT NOT NULL);  -- what could not be read or processed
"""
_INSERT = "INSERT INTO detections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class ResultsWriter:
    """Writes the results of one bag to a new file. Raises OutputError if that cannot be done."""

    def __init__(self, path: Path, bag: str) -> None:
        self._path = path
        self._bag = bag
        self._images: dict[tuple[str, str], list[int]] = {}
        try:
            self._database = sqlite3.connect(path, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = OFF")  # the file counts once it is whole
            self._database.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {path}: {error}") from error

    def add(self, task: str, topic: str, log_ns: int, result: Result) -> None:
        """Add the detections of an image.

        Args:
            task: That the detector works for.
            topic: Of the image.
            log_ns: When it was recorded.
            result: What was found.
        """
        self._count(task, topic, log_ns, failed=0)
        found = result.detections
        if not len(found):
            return
        tracked = has_track(found)
        rows = []
        for index, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            place: tuple[float | None, ...] = (None, None, None)
            if result.positions is not None and result.positions.known[index]:
                place = tuple(map(float, result.positions.points[index]))
            name = None
            if result.identities is not None:
                name = result.identities[index].name or UNKNOWN
            rows.append(
                (
                    self._bag,
                    topic,
                    log_ns,
                    result.frame.stamp_ns,
                    task,
                    result.labels[int(found.class_ids[index])],
                    float(found.scores[index]),
                    int(found.track_ids[index]) if tracked[index] and found.track_ids is not None else None,
                    name,
                    x1,
                    y1,
                    x2,
                    y2,
                    *place,
                )
            )
        self._execute(_INSERT, rows)

    def add_failed(self, task: str, topic: str, log_ns: int) -> None:
        """Count an image that could not be processed."""
        self._count(task, topic, log_ns, failed=1)

    def close(self, problems: Sequence[str] = ()) -> None:
        """Complete the file.

        Args:
            problems: What could not be read or processed.

        Raises:
            OutputError: It cannot be written.
        """
        self._execute("INSERT INTO problems VALUES (?, ?)", [(self._bag, problem) for problem in problems])
        rows = [(self._bag, topic, task, *counts) for (topic, task), counts in self._images.items()]
        self._execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        try:
            self._database.commit()
            self._database.close()
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}; is the disk full?") from error

    def abort(self) -> None:
        """Stop without completing it."""
        self._database.close()

    def _count(self, task: str, topic: str, log_ns: int, *, failed: int) -> None:
        counts = self._images.setdefault((topic, task), [0, 0, log_ns, log_ns])
        counts[0] += 1
        counts[1] += failed
        counts[2], counts[3] = min(counts[2], log_ns), max(counts[3], log_ns)

    def _execute(self, query: str, rows: list[tuple[Any, ...]]) -> None:
        try:
            self._database.executemany(query, rows)
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}; is the disk full?") from error


def problems_in(path: Path) -> list[str]:
    """What could not be read or processed of the bags in a file. Raises SourceError if it is damaged."""
    try:
        with contextlib.closing(_open(path)) as database:
            return [row[0] for row in database.execute("SELECT problem FROM problems ORDER BY rowid")]
    except sqlite3.Error as error:
        raise SourceError(f"{path}: not results of bags, or damaged ({error})") from error


@dataclass(frozen=True)
class Query:
    """What to look for; empty or None: everything. Raises ConfigError for numbers that make no sense.

    Attributes:
        name: Of a person.
        class_name: Such as "person".
        near_m: Largest distance from the camera, in meters.
        min_score: Lowest score.
        topic: Of the images, or the camera's name.
        gap_s: Sightings further apart are two intervals.
    """

    name: str = ""
    class_name: str = ""
    near_m: float | None = None
    min_score: float = 0.0
    topic: str = ""
    gap_s: float = 1.0

    def __post_init__(self) -> None:
        if self.near_m is not None and not self.near_m > 0:
            raise ConfigError(f"near is {self.near_m:g}; give meters, more than 0")
        if not 0 <= self.min_score <= 1:
            raise ConfigError(f"min-score is {self.min_score:g}; give a number from 0 to 1")
        if not self.gap_s >= 0:
            raise ConfigError(f"gap is {self.gap_s:g}; give seconds, 0 or more")


@dataclass(frozen=True)
class Interval:
    """Something was seen from `start_ns` to `end_ns` (times of recording), in `images` images.

    Attributes:
        what: The person's name, else the class.
        track: Its id; None where nothing tracks.
        best_score: Highest score.
        nearest_m: Shortest distance; None where not known.
        best_ns, box: When the score was highest, and where: xyxy, pixels.
    """

    bag: str
    topic: str
    task: str
    what: str
    track: int | None
    start_ns: int
    end_ns: int
    images: int
    best_score: float
    nearest_m: float | None
    best_ns: int
    box: tuple[float, float, float, float]


def result_files(path: Path) -> list[Path]:
    """The results in `path`: a file, or a folder with results anywhere below. Raises ConfigError if there are none.

    What is below results is in them already, and unfinished results do not count.
    """
    if is_file(path, ConfigError):
        return [path]
    if is_folder(path):
        check_listing(path, ConfigError)
    found = []
    for folder, below, files in os.walk(path):
        if FILE in files:
            found.append(Path(folder) / FILE)
            below.clear()
        below[:] = [name for name in below if not name.endswith(UNFINISHED)]
    if not found:
        raise ConfigError(f"{path}: no results here; make some with: face_detect_ros bag IN OUT")
    return sorted(found)


def find(path: Path, query: Query) -> Iterator[Interval]:
    """Intervals in which what `query` asks for was seen, by bag, topic and time.

    Raises:
        ConfigError: There are no results.
        SourceError: A file cannot be read.
    """
    for file in result_files(path):
        try:
            yield from _intervals(file, query)
        except sqlite3.Error as error:
            raise SourceError(f"{file}: not results of bags, or damaged ({error})") from error


def first_times(path: Path) -> dict[str, int]:
    """When the first image of each bag was recorded. Raises as `find`."""
    starts: dict[str, int] = {}
    for file in result_files(path):
        try:
            with contextlib.closing(_open(file)) as database:
                for bag, first_ns in database.execute("SELECT bag, min(first_ns) FROM images GROUP BY bag"):
                    starts[bag] = min(starts.get(bag, first_ns), first_ns)
        except sqlite3.Error as error:
            raise SourceError(f"{file}: not results of bags, or damaged ({error})") from error
    return starts


def _open(file: Path) -> sqlite3.Connection:
    """The file, for reading. A fleet's has a journal, which SQLite cannot open where nothing may be written."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    database = sqlite3.connect(address, uri=True)
    try:
        database.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError:
        database.close()
        journal = file.with_name(f"{file.name}-wal")
        if journal.exists() and journal.stat().st_size:
            raise
        database = sqlite3.connect(f"{address}&immutable=1", uri=True)
    return database


def _intervals(file: Path, query: Query) -> Iterator[Interval]:
    conditions = ["score >= ?"]
    arguments: list[Any] = [query.min_score]
    for column, wanted in (("name", query.name), ("class", query.class_name)):
        if wanted:
            conditions.append(f"{column} = ? COLLATE NOCASE")
            arguments.append(wanted)
    if query.near_m is not None:
        conditions.append("x_m * x_m + y_m * y_m + z_m * z_m <= ?")
        arguments.append(query.near_m**2)
    with contextlib.closing(_open(file)) as database:
        rows = database.execute(
            "SELECT bag, topic, task, log_ns, class, score, track, name, x1, y1, x2, y2, x_m, y_m, z_m FROM detections "
            f"WHERE {' AND '.join(conditions)} ORDER BY bag, topic, task, log_ns",
            arguments,
        )
        yield from _joined(rows, query)


def _joined(rows: Iterator[tuple[Any, ...]] | sqlite3.Cursor, query: Query) -> Iterator[Interval]:
    """Rows by bag, topic, task and time as intervals."""
    opened: dict[tuple[Any, ...], Interval] = {}
    finished: list[Interval] = []
    place: tuple[str, str, str] | None = None
    for bag, topic, task, log_ns, class_name, score, track, name, x1, y1, x2, y2, x, y, z in rows:
        if query.topic and query.topic not in (topic, camera_name(topic)):
            continue
        if (bag, topic, task) != place:
            yield from sorted((*finished, *opened.values()), key=_start)
            opened, finished, place = {}, [], (bag, topic, task)
        what = name if name and name != UNKNOWN else class_name
        distance = None if x is None else float((x * x + y * y + z * z) ** 0.5)
        seen = Interval(
            bag, topic, task, what, track, log_ns, log_ns, 1, score, distance, log_ns, (x1, y1, x2, y2)
        )
        key = (what, track)
        before = opened.get(key)
        if before is not None and log_ns - before.end_ns > query.gap_s * 1e9:
            finished.append(before)
            before = None
        opened[key] = seen if before is None else _with(before, seen)
    yield from sorted((*finished, *opened.values()), key=_start)


def _start(interval: Interval) -> int:
    return interval.start_ns


def _with(before: Interval, seen: Interval) -> Interval:
    best = seen if seen.best_score > before.best_score else before
    known = [distance for distance in (before.nearest_m, seen.nearest_m) if distance is not None]
    return Interval(
        before.bag,
        before.topic,
        before.task,
        before.what,
        before.track,
        before.start_ns,
        seen.end_ns,
        # two detections of one image without tracks
        before.images + (seen.start_ns != before.end_ns),
        best.best_score,
        min(known, default=None),
        best.best_ns,
        best.box,
    )
