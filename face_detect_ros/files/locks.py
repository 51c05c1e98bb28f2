# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Locks between processes, which end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def locked(file: Path, mode: int = 0o666) -> int:
    """Lock a file, made if it is missing.

    Args:
        file: No symbolic link is followed.
        mode: Of a new file, as far as the umask allows.

    Returns:
        A descriptor; closing it, by the end of the process at the latest, releases the lock.

    Raises:
        BlockingIOError: Another process holds it.
        OSError: The file cannot be opened.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
