# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gallery: people a robot knows, in one SQLite file.

What is stored: names, embeddings (with the embedder that made them), when and from what each was taken and, only
if asked for, the images they were made from. Looks of several embedders may stand side by side; a `Gallery` that was
opened for one sees the others' in `people_without_looks` alone. The file is the user's alone (mode 0600).

Durable: when `enroll` returns, the looks are on disk; a process killed earlier leaves the gallery as it was.
Shared: any number of processes may read while one writes; `snapshot` costs microseconds until something
changes. Erased is erased: after `forget` or `rename` no file of the gallery holds the old bytes any more
(copies made elsewhere, such as exports and damaged files that were set aside, are the user's to delete).
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

import numpy as np

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery import file as gallery_file
from face_detect_ros.faces.gallery.file import default_path, explained
from face_detect_ros.faces.gallery.looks import (
    Model,
    StoredLook,
    as_bytes,
    as_png,
    as_text,
    check_source,
    load_people,
    load_snapshot,
    model_text,
)
from face_detect_ros.faces.gallery.people import GallerySnapshot, Person, check_embeddings, check_name

__all__ = ["Gallery", "default_path"]

_BUSY_TIMEOUT_S = 5.0


class Gallery:
    """People and their embeddings in a file. Threads may share an instance; use it as a context manager.

    Args:
        path: The file; made if missing, with folders of mode 0700. A file that is something else is never touched.
        model_id: Embedder that makes and compares the looks here. None: only list, forget, rename, export and import,
            whatever made the looks.
        model_version: Of that embedder.
        read_only: Change nothing, which also works in a folder that cannot be written to. The file must exist.
        busy_timeout_s: Longest wait for another process that writes.
        clock: Gives the time of enrollment.

    Attributes:
        path: The file.
        working_model: (id, version) of the embedder; None without one.
        set_aside: Where a damaged file was put before a new one was made; None where all was well. Tell the user.

    Raises:
        GalleryError: The file cannot be used: a newer schema, or a place that cannot be written.
    """

    def __init__(
        self,
        path: Path,
        model_id: str | None = None,
        model_version: str = "1",
        *,
        read_only: bool = False,
        busy_timeout_s: float = _BUSY_TIMEOUT_S,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self.working_model = None if model_id is None else (model_id, model_version)
        self._read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._clock = clock
        self._lock = threading.RLock()
        self._snapshot: GallerySnapshot | None = None
        self._seen: tuple[int, int] | None = None  # (data version, own writes) of the snapshot
        self._own_writes = 0
        self._closed = False
        self._open()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closing twice is fine."""
        with self._lock:
            self._closed = True
            self._file.close()

    @property
    def revision(self) -> int:
        """Grows with every change, by whichever process."""
        with self._reading() as connection:
            return _revision(connection)

    @property
    def models(self) -> tuple[Model, ...]:
        """(id, version) of every embedder that made looks here, sorted."""
        with self._reading() as connection:
            return _stored_models(connection)

    def people(self) -> tuple[Person, ...]:
        """Everybody who has looks of the working model, sorted by name; without such a model, everybody."""
        if self.working_model is not None:
            return self.snapshot().people
        with self._reading() as connection:
            return load_people(connection)

    def people_without_looks(self) -> tuple[Person, ...]:
        """Who was enrolled with other embedders only: cannot be recognized with this one until enrolled again."""
        here = {person.name for person in self.people()}
        with self._reading() as connection:
            return tuple(person for person in load_people(connection) if person.name not in here)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, D) float32 and for each its person's index (N,) int32 into `people()`."""
        snapshot = self.snapshot()
        return snapshot.embeddings, snapshot.person_index

    def snapshot(self) -> GallerySnapshot:
        """People and their looks of the working model as they are now; the same object while nothing changes.

        Raises GalleryError, also where no working model was given and the looks are of several.
        """
        with self._reading() as connection:
            data_version = connection.execute("PRAGMA data_version").fetchone()[0]
            seen = (int(data_version), self._own_writes)
            if self._snapshot is None or self._seen != seen:
                with _transaction(connection, "DEFERRED"):  # people and looks of one moment
                    revision = _revision(connection)
                    if self._snapshot is None or self._snapshot.revision != revision:
                        self._snapshot = load_snapshot(connection, self._model_to_read(connection), revision)
                self._seen = seen
            return self._snapshot

    def enroll(
        self,
        name: str,
        embeddings: np.ndarray,
        source: str,
        chips: Sequence[np.ndarray] | None = None,
    ) -> int:
        """Add looks of a person, new or known; how many were added, on disk when this returns.

        Args:
            name: Whose they are.
            embeddings: (N, D), or (D,) for one. Those the person already has, bit for bit, are left out.
            source: What they were taken from: a file, a topic.
            chips: The images they were made from, each (H, W, 3) uint8 RGB, to be kept as well; None keeps none.

        Raises GalleryError; then nothing was added.
        """
        if self.working_model is None:
            raise GalleryError(f"gallery {self.path}: was opened without a model; nobody can be added")
        name, source, array = check_name(name), check_source(source), check_embeddings(embeddings)
        if chips is not None and len(chips) != len(array):
            raise GalleryError(f"{len(array)} embeddings came with {len(chips)} chips; give one for each")
        stored = [None] * len(array) if chips is None else [as_png(chip) for chip in chips]
        at = as_text(self._clock())
        rows = zip(array, stored, strict=True)
        looks = [StoredLook(as_bytes(row), at, source, png) for row, png in rows]
        return self.add({self.working_model: {name: looks}})

    def add(self, looks: Mapping[Model, Mapping[str, Sequence[StoredLook]]]) -> int:
        """Add checked looks by model and name, all or none; how many were new. For `enroll` and transfer.py."""
        with self._writing() as connection:
            return sum(_add(connection, model, by_name) for model, by_name in looks.items())

    def forget(self, name: str) -> int:
        """Erase a person from every file of the gallery; how many looks they had. Raises GalleryError."""
        name = check_name(name)
        with self._writing() as connection:
            person = self._find(connection, name)
            looks = connection.execute("DELETE FROM looks WHERE person = ?", (person,)).rowcount
            connection.execute("DELETE FROM people WHERE number = ?", (person,))
            # an empty gallery takes any model
            connection.execute("DELETE FROM models WHERE number NOT IN (SELECT model FROM looks)")
            connection.execute("UPDATE state SET value = 1 WHERE key = 'erasing'")
        self._erase_remains()
        return int(looks)

    def rename(self, old: str, new: str) -> None:
        """Give a person another name.

        Args:
            old: Present name.
            new: Name to give.

        Raises:
            GalleryError: Nobody is called `old`, or somebody else is called `new`.
        """
        old, new = check_name(old), check_name(new)
        with self._writing() as connection:
            person = self._find(connection, old)
            if new != old and connection.execute("SELECT 1 FROM people WHERE name = ?", (new,)).fetchone():
                raise GalleryError(f"cannot rename '{old}': '{new}' already exists; remove one of them first")
            connection.execute("UPDATE people SET name = ? WHERE number = ?", (new, person))
            connection.execute("UPDATE state SET value = 1 WHERE key = 'erasing'")
        self._erase_remains()

    @contextlib.contextmanager
    def reading_looks(self) -> Iterator[tuple[int, Iterator[tuple[str, Model, StoredLook]]]]:
        """For export: how many looks there are, and each with its person's name and its model, by name, then age.

        Other threads wait until the context ends.
        """
        with self._reading() as connection, _transaction(connection, "DEFERRED"):
            count = connection.execute("SELECT count(*) FROM looks").fetchone()[0]
            rows = connection.execute(
                "SELECT name, id, version, embedding, at, source, chip FROM looks "
                "JOIN people ON people.number = looks.person JOIN models ON models.number = looks.model "
                "ORDER BY name, looks.number"
            )
            yield count, ((row[0], (row[1], row[2]), StoredLook(*row[3:])) for row in rows)

    def chips(self, name: str) -> list[bytes]:
        """The kept images of a person, PNG; empty where none were kept."""
        with self._reading() as connection:
            person = self._find(connection, check_name(name))
            rows = connection.execute(
                "SELECT chip FROM looks WHERE person = ? AND chip IS NOT NULL ORDER BY number", (person,)
            )
            return [chip for (chip,) in rows]

    def _open(self) -> None:
        self._file = gallery_file.open_file(
            self.path, busy_timeout_s=self._busy_timeout_s, read_only=self._read_only
        )
        self.set_aside = self._file.set_aside or self.set_aside
        self._snapshot = self._seen = None
        try:
            with explained(self.path):
                erasing = "SELECT value FROM state WHERE key = 'erasing'"
                if not self._read_only and self._file.connection.execute(erasing).fetchone()[0]:
                    # a process was killed between deleting and wiping; one that reads may still be in the way
                    with contextlib.suppress(GalleryError):
                        self._erase_remains()
        except BaseException:
            self._file.close()
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise GalleryError(f"gallery {self.path}: is closed; open it again")
            # removed, replaced or set aside by somebody: what is written to the old one would be lost. Closed already:
            # the new one could not be opened last time, and the old one may be back
            if self._file.closed or gallery_file.file_identity(self.path) != self._file.identity:
                self._file.close()
                self._open()
            with explained(self.path):
                yield self._file.connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._read_only:
            raise GalleryError(f"gallery {self.path}: was opened to read only; nothing was changed")
        with self._reading() as connection, _transaction(connection, "IMMEDIATE"):
            yield connection
            connection.execute("UPDATE state SET value = value + 1 WHERE key = 'revision'")
            self._own_writes += 1

    def _model_to_read(self, connection: sqlite3.Connection) -> Model:
        stored = _stored_models(connection)
        if self.working_model is None and len(stored) > 1:
            raise GalleryError(
                f"gallery {self.path}: holds looks of {', '.join(map(model_text, stored))}, which cannot be compared "
                "with each other; open it for one of them"
            )
        return self.working_model or (stored[0] if stored else ("", ""))

    def _find(self, connection: sqlite3.Connection, name: str) -> int:
        row = connection.execute("SELECT number FROM people WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise GalleryError(f"nobody in the gallery is called '{name}'")
        return int(row[0])

    def _erase_remains(self) -> None:
        """Wipe what deleted rows leave: pages are rewritten, the write-ahead log is emptied.

        secure_delete zeroes deleted rows, but copies stay in the log and where SQLite moved rows between
        pages. The mark `erasing` stays until all is done, so that a killed process is made up for.
        """
        with self._reading() as connection:
            try:
                connection.execute("VACUUM")
                # waits for readers as long as the busy timeout
                if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise GalleryError("another program is reading")
                connection.execute("UPDATE state SET value = 0 WHERE key = 'erasing'")
            except (sqlite3.Error, GalleryError) as error:
                raise GalleryError(
                    f"gallery {self.path}: the change is made, but traces of the old data are still in its "
                    f"files ({error}); close other programs that use it and open it again"
                ) from error


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _revision(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM state WHERE key = 'revision'").fetchone()[0])


def _stored_models(connection: sqlite3.Connection) -> tuple[Model, ...]:
    rows = connection.execute(
        "SELECT id, version FROM models WHERE number IN (SELECT model FROM looks) ORDER BY id, version"
    )
    return tuple((str(name), str(version)) for name, version in rows)


def _add(connection: sqlite3.Connection, model: Model, looks: Mapping[str, Sequence[StoredLook]]) -> int:
    number, added = _model_number(connection, model), 0
    known = connection.execute("SELECT length(embedding) FROM looks WHERE model = ? LIMIT 1", (number,))
    lengths = {length for (length,) in known} | {
        len(look.embedding) for rows in looks.values() for look in rows
    }
    if len(lengths) > 1:
        raise GalleryError(
            f"looks of {model_text(model)} differ in length: {sorted(lengths)} bytes; enroll again"
        )
    for name, rows in looks.items():
        person = _person_number(connection, name)
        mine = connection.execute(
            "SELECT embedding FROM looks WHERE person = ? AND model = ?", (person, number)
        )
        have = {embedding for (embedding,) in mine}
        for look in rows:
            if look.embedding not in have:
                have.add(look.embedding)
                added += 1
                connection.execute(
                    "INSERT INTO looks (person, model, embedding, at, source, chip) VALUES (?, ?, ?, ?, ?, ?)",
                    (person, number, *look),
                )
    return added


def _model_number(connection: sqlite3.Connection, model: tuple[str, str]) -> int:
    connection.execute("INSERT OR IGNORE INTO models (id, version) VALUES (?, ?)", model)
    row = connection.execute("SELECT number FROM models WHERE id = ? AND version = ?", model).fetchone()
    return int(row[0])


def _person_number(connection: sqlite3.Connection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO people (name) VALUES (?)", (name,))
    row = connection.execute("SELECT number FROM people WHERE name = ?", (name,)).fetchone()
    return int(row[0])
