# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files and folders that appear whole or not at all, even if power or process ends halfway."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_RANDOM_BYTES = 8


@contextlib.contextmanager
def whole_file(path: Path, *, only_writer: bool = False, private: bool = False) -> Iterator[Path]:
    """Yields an empty temporary file to fill; on exit it is synced and replaces `path`.

    The temporary file is created exclusively, under a name that nobody can predict, so a symbolic link planted in the
    folder is never followed; a link at `path` itself is replaced, not followed. After an exception `path` is
    unchanged and nothing is left behind. A killed process leaves its temporary file.

    Args:
        path: the file to write.
        only_writer: nobody else writes `path` at the same time, so temporary files that killed processes left are
            removed.
        private: mode 0600 whatever the umask; otherwise the umask decides.

    Yields:
        The temporary file's path: same folder and suffix, to be opened for writing by name.

    Raises:
        OSError: a file cannot be written, or nothing was written.
    """
    if only_writer:
        _remove_leftovers(path)
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(_RANDOM_BYTES)}{path.suffix}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(beside, flags, 0o600 if private else 0o666)
    try:
        if private:
            os.fchmod(descriptor, 0o600)
        yield beside
        if not beside.stat().st_size:
            raise FileNotFoundError(errno.ENOENT, "nothing was written", str(path))
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def move_new(path: Path, target: Path) -> None:
    """Rename a file within its folder, as `Path.rename` does, but never over a file that is there.

    Raises:
        FileExistsError: There is a file `target`, perhaps since a moment ago.
        OSError: The folder cannot be written.
    """
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:  # many memory sticks and network drives have no hard links: reserve the name instead
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            os.replace(path, target)
        except OSError:
            target.unlink()
            raise
    else:
        path.unlink()


def sync(path: Path, *, follow: bool = True) -> None:
    """Write a file, or the names in a folder, to the disk. Raises OSError, also for a link if `follow` is false."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder to fill; on exit it replaces the folder `path`.

    As with `whole_file` its name cannot be predicted. Between the removal of an old folder and the appearance of the
    new one there is a moment without either.

    Raises:
        OSError: the folder cannot be written.
    """
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    new, old = beside / "new", beside / "old"
    try:
        new.mkdir()
        yield new
        if os.path.lexists(path):
            path.rename(old)
        try:
            new.rename(path)
        except OSError:
            if os.path.lexists(old):
                old.rename(path)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def own_folder(path: Path) -> None:
    """Make the folder `path` where there is none; a link in its place, which somebody may have planted, is refused.

    Raises:
        OSError: It cannot be made, or is a link.
    """
    path.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        raise OSError(errno.ELOOP, f"{path.name} is a link where a folder should be; remove it", str(path))


def _remove_leftovers(path: Path) -> None:
    ours = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}{re.escape(path.suffix)}")
    for other in path.parent.iterdir():
        if ours.fullmatch(other.name):
            with contextlib.suppress(OSError):
                other.unlink()
