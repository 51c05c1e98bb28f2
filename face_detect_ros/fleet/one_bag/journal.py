# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a detector found, image by image, on disk: work is resumed from here, and pieces of a bag are joined.

Only the detector's own answers are kept. Everything behind it (tracks, names, covers, files) is computed again from
them in the order of the bag, so a run that was interrupted, or spread over many machines, ends with the same results.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import OutputError, SourceError
from face_detect_ros.core.protocols import StageTimes

_COMMIT_S = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS header(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS found(
    task TEXT NOT NULL, topic TEXT NOT NULL, log_ns INTEGER NOT NULL, number INTEGER NOT NULL, answer BLOB NOT NULL,
    PRIMARY KEY (task, topic, log_ns, number)
) WITHOUT ROWID;
"""
_ARRAYS = (
    ("boxes", "<f4", (4,)),
    ("scores", "<f4", ()),
    ("class_ids", "<i4", ()),
    ("landmarks", "<f4", (5, 2)),
    ("embeddings", "<f4", (128,)),
)


class ImageKey(NamedTuple):
    """An image of a bag.

    Attributes:
        topic: Of the image.
        log_ns: When it was recorded.
        number: Counts the images of the topic that were recorded at this very time, from 0.
    """

    topic: str
    log_ns: int
    number: int


@dataclass(frozen=True, eq=False)
class Answer:
    """What a detector said about an image.

    Attributes:
        detections: None found if it failed.
        times: Of the call.
        error: Why it failed; empty if it did not.
        size: (height, width) of the image.
    """

    detections: Detections
    times: StageTimes
    error: str = ""
    size: tuple[int, int] = (0, 0)


class Journal:
    """The answers in one file. One thread at a time may use an instance; several may be open at once.

    Args:
        path: The file, created if missing.
        work: Describes the work; a file that belongs to other work is emptied.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(self, path: Path, work: str) -> None:
        self._path = path
        self._committed_s = time.monotonic()
        try:
            self._database = sqlite3.connect(path, timeout=60, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
            if self._header("work") != work:
                self._database.execute("DELETE FROM found")
                self._database.execute("INSERT OR REPLACE INTO header VALUES ('work', ?)", (work,))
                self._database.execute("DELETE FROM header WHERE name != 'work'")
            self._database.commit()
        except sqlite3.Error as error:
            raise OutputError(
                f"cannot write {path}: {error}; is the disk full? If not, delete the file, or give another folder"
            ) from error

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM found").fetchone()[0])

    def get(self, task: str, key: ImageKey) -> Answer | None:
        """The answer for an image; None if there is none yet. Raises SourceError if it is damaged."""
        try:
            row = self._database.execute(
                "SELECT answer FROM found WHERE task = ? AND topic = ? AND log_ns = ? AND number = ?",
                (task, *key),
            ).fetchone()
            return None if row is None else _unpacked(row[0])
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{self._path}: is damaged ({error}); delete it and run again") from error

    def put(self, task: str, key: ImageKey, answer: Answer) -> None:
        """Keep an answer; it is on disk after about a second.

        Args:
            task: That the detector works for.
            key: The image.
            answer: Of the detector.

        Raises:
            OutputError: It cannot be written.
        """
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?)", (task, *key, _packed(answer))
            )
            if time.monotonic() - self._committed_s > _COMMIT_S:
                self.commit()
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}; is the disk full?") from error

    def commit(self) -> None:
        """Write what is still in memory. Raises OutputError."""
        try:
            self._database.commit()
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}; is the disk full?") from error
        self._committed_s = time.monotonic()

    def complete(self, summary: dict[str, Any]) -> None:
        """Note that everything is in it. Afterwards there are no files beside it, and it may be renamed once closed.

        Args:
            summary: To be kept with it.

        Raises:
            OutputError: It cannot be written.
        """
        text = json.dumps(summary)
        try:
            self._database.execute("INSERT OR REPLACE INTO header VALUES ('complete', ?)", (text,))
            self.commit()
            self._database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}; is the disk full?") from error

    @property
    def summary(self) -> dict[str, Any] | None:
        """What `complete` was given; None if it is not complete."""
        text = self._header("complete")
        return None if text is None else json.loads(text)

    def close(self) -> None:
        """Write what is still in memory, and close the file. Calling it twice is fine."""
        with contextlib.suppress(sqlite3.Error):
            self._database.commit()
        self._database.close()

    def _header(self, name: str) -> str | None:
        row = self._database.execute("SELECT value FROM header WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])


def completed(path: Path) -> tuple[str, dict[str, Any]] | None:
    """The work of a file and what `Journal.complete` was given; None if it is not complete, or damaged."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            header = dict(database.execute("SELECT name, value FROM header"))
            whole = database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        return (header["work"], json.loads(header["complete"])) if whole else None
    except (sqlite3.Error, ValueError, KeyError):
        return None


def _packed(answer: Answer) -> bytes:
    """A line of JSON, then the arrays one behind the other."""
    found = answer.detections
    present = [(name, form) for name, form, _ in _ARRAYS if getattr(found, name) is not None]
    head: dict[str, Any] = {
        "count": len(found),
        "arrays": [name for name, _ in present],
        "landmark_set": found.landmark_set,
        "ms": [answer.times.pre_ms, answer.times.network_ms, answer.times.post_ms],
        "error": answer.error,
        "size": answer.size,
    }
    arrays = [np.ascontiguousarray(getattr(found, name), form).tobytes() for name, form in present]
    return b"\n".join((json.dumps(head).encode(), b"".join(arrays)))


def _unpacked(data: bytes) -> Answer:
    line, _, content = data.partition(b"\n")
    head = json.loads(line)
    count, at = int(head["count"]), 0
    arrays: dict[str, np.ndarray] = {}
    for name, form, shape in _ARRAYS:
        if name in head["arrays"]:
            values = count * int(np.prod(shape, dtype=int))
            arrays[name] = np.frombuffer(content, form, values, at).reshape(count, *shape)
            at += 4 * values
    detections = Detections(**arrays, landmark_set=head["landmark_set"])  # type: ignore[arg-type]
    height, width = map(int, head["size"])
    return Answer(detections, StageTimes(*map(float, head["ms"])), str(head["error"]), (height, width))
