# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fast DDS's segments in /dev/shm: how large ours may be, and those of processes that were killed.

A segment `fastdds_<number>` (`fastrtps_<number>` before Fast DDS 3) has a file `..._el` beside it, which its owner
keeps locked with flock(2) while it lives. Fast DDS itself does not remove segments of processes that were killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("/dev/shm")
LARGE_PROFILE, SMALL_PROFILE = (
    Path(__file__).with_name(name) for name in ("fastdds.xml", "fastdds_small.xml")
)
_LARGE_BYTES, _SMALL_BYTES = 34_000_000, 9_000_000  # with what Fast DDS adds to segment_size
_PROCESSES = 6  # that a robot's computer is sure to run
_LOCK = re.compile(r"(?:fastdds|fastrtps)_[0-9a-f]{16}_el")
_PORT = re.compile(r"(?:fastdds|fastrtps)_port\d{1,9}")
_INITIALIZED = 2  # state of Boost.Interprocess in the first four bytes of a segment; 0 and 1 come before
_YOUNG_S = 10.0  # a process may be about to lock it


def profile() -> Path | None:
    """The transport profile whose segment fits several times into what is free; None if /dev/shm is too full."""
    free = free_bytes()
    if free is None or free >= _PROCESSES * _LARGE_BYTES:
        return LARGE_PROFILE
    return SMALL_PROFILE if free >= _SMALL_BYTES else None


def profile_variable() -> str:
    """Name of the environment variable that tells Fast DDS its profile.

    Fast DDS 3 (Kilted and later) warns about the old name, the versions before know no other.
    """
    old = os.environ.get("ROS_DISTRO") in ("humble", "iron", "jazzy")
    return "FASTRTPS_DEFAULT_PROFILES_FILE" if old else "FASTDDS_DEFAULT_PROFILES_FILE"


def total_bytes() -> int | None:
    """The size of /dev/shm; None where there is none."""
    try:
        return shutil.disk_usage(FOLDER).total
    except OSError:
        return None


def free_bytes() -> int | None:
    """What is free in /dev/shm; None where there is none."""
    try:
        return shutil.disk_usage(FOLDER).free
    except OSError:
        return None


def dead_segments() -> list[Path]:
    """Segments of this user's processes that have ended without removing them, and ports that they had half made.

    Whoever opens a port that is half made waits for its end, forever.
    """
    found = list(_half_made_ports())
    for segment, lock in _own_locked_files():
        with _locked(lock) as dead:
            if dead:
                found.append(segment)
    return found


def remove_dead_segments() -> int:
    """Remove `dead_segments`. Returns how many bytes are free again."""
    freed = 0
    for port in _half_made_ports():
        with contextlib.suppress(OSError):
            port.unlink()
    for segment, lock in _own_locked_files():
        with _locked(lock) as dead:
            if dead:
                with contextlib.suppress(OSError):
                    freed += segment.stat().st_blocks * 512
                    segment.unlink()
                with contextlib.suppress(OSError):
                    lock.unlink()
    return freed


def remove_own_segments() -> None:
    """Remove the segments of this process, for one that is about to end without letting DDS do so.

    They are those whose lock it keeps open.
    """
    with contextlib.suppress(OSError):
        for descriptor in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                lock = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
                if lock.parent == FOLDER and _LOCK.fullmatch(lock.name):
                    (FOLDER / lock.name.removesuffix("_el")).unlink(missing_ok=True)
                    lock.unlink()


def other_users() -> set[int]:
    """User ids of others who have segments here; where this user may not write them, images go over UDP."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(FOLDER):
            if entry.name.startswith(("fastdds_", "fastrtps_")):
                with contextlib.suppress(OSError):
                    found.add(entry.stat(follow_symlinks=False).st_uid)
    return found - {os.getuid()}


def _half_made_ports() -> Iterator[Path]:
    for port in _own_and_old(_PORT):
        with contextlib.suppress(OSError):
            if _state(port) < _INITIALIZED:
                yield port


def _state(segment: Path) -> int:
    descriptor = os.open(segment, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return int.from_bytes(os.read(descriptor, 4), sys.byteorder)
    finally:
        os.close(descriptor)


def _own_locked_files() -> Iterator[tuple[Path, Path]]:
    for lock in _own_and_old(_LOCK):
        yield FOLDER / lock.name.removesuffix("_el"), lock


def _own_and_old(pattern: re.Pattern[str]) -> Iterator[Path]:
    """Files of this user whose names are of `pattern`, by name, but for those that were made a moment ago."""
    try:
        names = os.listdir(FOLDER)
    except OSError:
        return
    for name in sorted(filter(pattern.fullmatch, names)):
        with contextlib.suppress(OSError):
            status = (FOLDER / name).lstat()
            ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
            if ours and time.time() - status.st_ctime > _YOUNG_S:
                yield FOLDER / name


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[bool]:
    """Whether nobody held the lock; inside, it is ours."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        free = False
    else:
        free = True
    try:
        yield free
    finally:
        os.close(descriptor)
