# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is at a path of a user's, or at one that a file names: pathlib's questions, without their OSErrors.

Nothing is at a path that is too long or has a zero byte. Where nobody can say what is there, as in another user's
private folder, the error that the caller asks for is raised; without one the answer is no.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from face_detect_ros.core.errors import PerceptionError


def exists(path: Path, error: type[PerceptionError] | None = None, *, follow: bool = True) -> bool:
    """Whether anything is there; with `follow`, at the end of a link."""
    return _mode(path, error, follow=follow) != 0


def is_file(path: Path, error: type[PerceptionError] | None = None) -> bool:
    """Whether it is a regular file or a link to one."""
    return stat.S_ISREG(_mode(path, error))


def is_folder(path: Path, error: type[PerceptionError] | None = None) -> bool:
    """Whether it is a folder or a link to one."""
    return stat.S_ISDIR(_mode(path, error))


def check_listing(folder: Path, error: type[PerceptionError]) -> None:
    """Raise `error` if nobody can say what is in a folder; `os.walk` and `listed` would find nothing."""
    with looking_at(folder, error):
        os.scandir(folder).close()


@contextlib.contextmanager
def looking_at(path: object, error: type[PerceptionError]) -> Iterator[None]:
    """Turn an OSError into `error`, with the path, the reason and what to do."""
    try:
        yield
    except OSError as cause:
        raise error(
            f"{path}: {cause.strerror or cause}; make it and its folder readable for this user, or give another path"
        ) from cause


def _mode(path: Path, error: type[PerceptionError] | None, *, follow: bool = True) -> int:
    try:
        return os.stat(path, follow_symlinks=follow).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a zero byte
        return 0
    except OSError as cause:
        if error is None or cause.errno == errno.ENAMETOOLONG:
            return 0
        with looking_at(path, error):
            raise
