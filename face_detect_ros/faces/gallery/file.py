# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gallery's SQLite file: made, checked, opened, and set aside where it is damaged.

Kept apart from what the gallery means: here are permissions, durability, versions and SQLite's errors.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery.people import LONGEST, SHORTEST
from face_detect_ros.files import machine
from face_detect_ros.files.home import home

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x66646772  # "fdgr": a file of another program is not taken for a damaged gallery
_SQLITE = b"SQLite format 3\0"
_HEADER_BYTES = 100
_APPLICATION_AT = 68  # bytes from the start of the file, as SQLite's file format says
_ASIDE_FORMAT = "%Y%m%dT%H%M%SZ"

_SCHEMA = """
CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE models (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, version TEXT NOT NULL, UNIQUE (id, version)
);
CREATE TABLE people (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE looks (
    number INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES people (number) ON DELETE CASCADE,
    model INTEGER NOT NULL REFERENCES models (number),
    embedding BLOB NOT NULL,  -- float32, little endian; as many for all looks of a model
    at TEXT NOT NULL,         -- UTC, ISO 8601 with a Z
    source TEXT NOT NULL,     -- what it was taken from
    chip BLOB                 -- PNG, or NULL
);
CREATE INDEX looks_of_person ON looks (person);
INSERT INTO state VALUES ('revision', 0), ('erasing', 0);
"""


_opening = threading.Lock()


class _DamagedError(Exception):
    """The file is not a sound gallery."""


class OpenFile:
    """A connection and what it is connected to. Create it under `_opening`.

    Attributes:
        connection: To the database.
        identity: (device, inode) of the file, to notice one that was removed or replaced.
        set_aside: Where a damaged file went before this one was made; None where all was well.
        closed: Whether `close` was called.
    """

    def __init__(
        self, connection: sqlite3.Connection, identity: tuple[int, int], set_aside: Path | None = None
    ) -> None:
        self.connection = connection
        self.identity = identity
        self.set_aside = set_aside
        self.closed = False
        _open_files.add(self)

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self.connection.close()
        self.closed = True


_open_files: weakref.WeakSet[OpenFile] = weakref.WeakSet()
"""Those of this process: their files must not be opened except by SQLite.

When a process closes any descriptor of a file, POSIX releases all locks that the process has on it, those of SQLite's
connections included. Another process may then take itself for the last user and delete the log that is written to here.
"""


def default_path() -> Path:
    """`$ROS_HOME/face_detect_ros/gallery.sqlite3`, where ROS_HOME is ~/.ros unless set."""
    return home() / "gallery.sqlite3"


def open_file(path: Path, *, busy_timeout_s: float, read_only: bool = False) -> OpenFile:
    """Open the gallery at `path`; make it, with its folders, if there is none.

    The file is looked at before it is touched. Only one that provably is, or was, a gallery of this package is ever
    changed: a damaged one is renamed and a new one made, and `OpenFile.set_aside` says so.

    Args:
        path: The file.
        busy_timeout_s: How long to wait for other programs that write to it.
        read_only: Change nothing, and make nothing.

    Returns:
        The connection.

    Raises:
        GalleryError: The file is something else (a database of another program, a link, a device), has a newer schema,
            or is in a place that cannot be read or written; with `read_only` also if it is missing or damaged.
    """
    with _opening, explained(path):
        if "\0" in str(path):
            raise GalleryError(f"gallery {str(path)!r}: no path has such a character; give another")
        with _left_in_place(path, busy_timeout_s):
            ours = _look(path, busy_timeout_s)
            if read_only:
                if not ours:
                    raise GalleryError(f"gallery {path}: there is none; enroll somebody first")
                # before it is opened: whatever replaces it from now on is noticed
                identity = file_identity(path)
                return OpenFile(_connect_to_read(path, busy_timeout_s), identity)
            _prepare_place(path)
            identity = file_identity(path)
            connection = _connect_if_sound(path, busy_timeout_s)
        aside = None
        if connection is None:
            aside = _set_aside(path, busy_timeout_s)
            with _left_in_place(path, busy_timeout_s):
                identity = file_identity(path)
                connection = _connect(path, busy_timeout_s)
        return OpenFile(connection, identity, aside)


def file_identity(path: Path) -> tuple[int, int]:
    """(device, inode) of the file; (0, 0) if there is none."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def unique_id(path: Path) -> str:
    """Identifies a file across computers, so that two nodes can tell whether they use the same one.

    Args:
        path: The file.

    Returns:
        A text without blanks, valid until the computer restarts; empty if the file or the computer cannot be
        identified.
    """
    boot, (device, inode) = machine.boot(), file_identity(path)
    # containers share the boot of their computer, but each has devices of its own for its own files
    return f"{boot}:{device}:{inode}" if boot and (device, inode) != (0, 0) else ""


def is_damage(error: Exception) -> bool:
    """Whether this error means that the file's content is not what was once written."""
    if isinstance(error, _DamagedError):
        return True
    text = str(error)
    return isinstance(error, sqlite3.DatabaseError) and any(
        words in text for words in ("malformed", "not a database", "unsupported file format")
    )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into GalleryErrors that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise GalleryError(f"gallery {path}: {error}; {_advice(error)}") from error
    except OSError as error:
        raise GalleryError(f"gallery {path}: {error.strerror or error}; choose another place") from error


def _advice(error: sqlite3.Error) -> str:
    # by their words: Python has the error codes only since 3.11
    text = str(error)
    if "full" in text:
        return "nothing was changed; make room on the disk"
    if "locked" in text or "busy" in text:
        return "another program has been writing to it for long; try again"
    if "readonly" in text or "unable to open" in text:
        return "its folder and the file must be writable for this user"
    if is_damage(error):
        return "it is damaged; at the next start it is set aside and a new one made"
    return "nothing was changed; look at the disk (full, a quota, defective) and try again"


def _look(path: Path, busy_timeout_s: float) -> bool:
    """Whether there is a gallery, sound or damaged. Touches nothing; raises GalleryError for anything else."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISLNK(status.st_mode):
        raise GalleryError(f"gallery {path}: is a symbolic link; give the path of the file itself")
    if stat.S_ISDIR(status.st_mode):
        raise GalleryError(f"gallery {path}: is a folder; give the path of a file")
    if not stat.S_ISREG(status.st_mode):
        raise GalleryError(f"gallery {path}: is not a regular file; give another path")
    if status.st_size == 0:
        return True  # as SQLite leaves it before the first table
    identity = (status.st_dev, status.st_ino)
    if any(each.identity == identity and not each.closed for each in _open_files):
        return True  # it was when it was opened; see `_open_files`
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(_SQLITE):
        raise GalleryError(
            f"gallery {path}: is not a gallery, nor the remains of one; nothing was changed. Move the file "
            "away, or give another path"
        )
    application = int.from_bytes(header[_APPLICATION_AT : _APPLICATION_AT + 4], "big")
    if application == _APPLICATION_ID:
        return True
    if application:
        raise _foreign(path)
    # what was just made may have its mark in the log alone
    try:
        with contextlib.closing(_connect_to_read(path, busy_timeout_s, check=False)) as connection:
            _check_owner(connection, path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise GalleryError(
            f"gallery {path}: is a damaged database of another program; nothing was changed. Give another path"
        ) from error
    return True


def _connect_to_read(path: Path, busy_timeout_s: float, *, check: bool = True) -> sqlite3.Connection:
    """A connection that changes nothing. Raises GalleryError for a damaged gallery and for one of another program."""
    # without a log its index is not needed: a folder that cannot be written to has no room for it, and beside a file
    # that may be another program's nothing is made
    alone = not Path(f"{path}-wal").exists() and not (check and os.access(path.parent, os.W_OK))
    place = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    connection = sqlite3.connect(
        place, busy_timeout_s, isolation_level=None, check_same_thread=False, uri=True
    )
    try:
        if check:
            _check_owner(connection, path)
            _check_content(connection)
    except (_DamagedError, sqlite3.DatabaseError) as error:
        connection.close()
        if not is_damage(error):
            raise
        raise GalleryError(
            f"gallery {path}: is damaged; nothing was changed. The next program that writes to it, such as enroll, "
            "sets it aside and makes a new one"
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare_place(path: Path) -> None:
    """Folders, and an empty file of mode 0600, which SQLite takes for a database without tables."""
    try:
        _make_folders(path.parent)
        _create(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except (FileExistsError, NotADirectoryError) as error:
        raise GalleryError(
            f"gallery {path}: {error.filename} is not a folder; choose another place"
        ) from error
    except OSError as error:
        raise GalleryError(
            f"gallery {path}: {error.strerror or error}; "
            "its folder and the file must be writable for this user"
        ) from error


def _make_folders(folder: Path) -> None:
    # one by one: Path.mkdir gives the mode to the last one only
    for parent in (*reversed(folder.parents), folder):
        if not parent.exists():
            with contextlib.suppress(FileExistsError):  # another process was faster
                parent.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(20, "not a folder", str(folder))


def _create(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _connect_if_sound(path: Path, busy_timeout_s: float) -> sqlite3.Connection | None:
    try:
        return _connect(path, busy_timeout_s)
    except (_DamagedError, sqlite3.DatabaseError) as error:
        if is_damage(error):
            return None
        raise


def _connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        _check_owner(connection, path)
        _write_ahead(connection, busy_timeout_s)
        connection.execute("PRAGMA synchronous=FULL")  # on disk before a commit returns
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA temp_store=MEMORY")  # faces must not lie in files elsewhere
        connection.execute("PRAGMA foreign_keys=ON")
        _make_tables(connection)
        _check_content(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switch to WAL: readers and a writer do not wait for each other."""
    deadline_s = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite does not wait here by itself when two make the file at once
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    # tables first: they are made in one commit with the marks, maybe between two of these queries
    tables, application, version = (
        connection.execute(query).fetchone()[0]
        for query in ("SELECT count(*) FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version")
    )
    if tables and application != _APPLICATION_ID:
        raise _foreign(path)
    if version > SCHEMA_VERSION:
        raise GalleryError(
            f"gallery {path}: was written by a newer face_detect_ros (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); update face_detect_ros, or give another path"
        )


def _foreign(path: Path) -> GalleryError:
    return GalleryError(f"gallery {path}: is a database of another program; give another path")


def _make_tables(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0]:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another process may have been faster
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            for statement in _SCHEMA.strip().removesuffix(";").split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_content(connection: sqlite3.Connection) -> None:
    """Raises _DamagedError unless SQLite finds its structure sound and every look whole."""
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _DamagedError
    try:
        bad = connection.execute(
            "SELECT count(*) FROM looks WHERE typeof(embedding) != 'blob' OR length(embedding) % 4 "
            f"OR length(embedding) NOT BETWEEN {4 * SHORTEST} AND {4 * LONGEST}"
        ).fetchone()[0]
        keys = {key for (key,) in connection.execute("SELECT key FROM state")}
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise _DamagedError from error
        raise
    if bad or not keys >= {"revision", "erasing"}:
        raise _DamagedError


@contextlib.contextmanager
def _left_in_place(path: Path, busy_timeout_s: float) -> Iterator[None]:
    """Keep other processes from setting the file aside while it is opened.

    SQLite opens the file, its log and the index of the log one after another, by name: they must belong together.
    After `busy_timeout_s`, or where the folder cannot be locked, the file is opened without the lock.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield  # nothing is there yet, or it is not for this user to read
        return
    deadline_s = time.monotonic() + busy_timeout_s
    try:
        with contextlib.suppress(OSError):
            while not _try_to_share(folder) and time.monotonic() < deadline_s:
                time.sleep(0.01)
        yield
    finally:
        _unlock(folder)


def _try_to_share(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(folder: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.flock(folder, fcntl.LOCK_UN)  # a process that was forked meanwhile has the descriptor, too
    os.close(folder)


def _set_aside(path: Path, busy_timeout_s: float) -> Path | None:
    """Rename the damaged file and what belongs to it, and make an empty one.

    Under a lock on the folder, and after a second look: another process may have set it aside just now, and
    the file of this name is its new one.

    Returns:
        Where the damaged file went; None if another process was faster.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        sound = _connect_if_sound(path, busy_timeout_s) if path.exists() else None
        if sound is not None:
            sound.close()
            return None
        stamp = datetime.now(timezone.utc).strftime(_ASIDE_FORMAT)
        aside, number = path.with_name(f"{path.name}.damaged-{stamp}"), 2
        while aside.exists():
            aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
            number += 1
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, aside)
        _create(path)  # before anybody else may look
        os.fsync(folder)
        return aside if aside.exists() else None
    finally:
        _unlock(folder)
