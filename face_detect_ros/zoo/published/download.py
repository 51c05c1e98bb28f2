# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Brings published weights onto this machine: complete, checked, and in one step.

A file gets its name when it is complete, on the disk and checked; until then it is `NAME.part`, which a later run
resumes. A lock per checkpoint lets one process fetch while others wait. With a mirror folder nothing is asked of the
network.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import filelock

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.files.looking import exists
from face_detect_ros.files.whole_file import sync
from face_detect_ros.zoo.published import cache, partial_file, records
from face_detect_ros.zoo.published.answers import DownloadError, shown
from face_detect_ros.zoo.published.cache import FileState
from face_detect_ros.zoo.published.checkpoints import HUB, Checkpoint, RemoteFile
from face_detect_ros.zoo.published.http import Download, HttpOptions

MIRROR_VARIABLE = "FACE_DETECT_ROS_MIRROR"
ENDPOINT_VARIABLE = "HF_ENDPOINT"
_LOCK = ".lock"

Progress = Callable[[str, int, "int | None"], None]
"""Called with a file's name, the bytes that are here, and how many there will be (None: unknown)."""


def fetch(
    checkpoint: Checkpoint,
    *,
    options: HttpOptions | None = None,
    progress: Progress = lambda name, done, total: None,
    notify: Callable[[str], None] = lambda message: None,
) -> Path:
    """Fetches what is missing or altered.

    Args:
        checkpoint: the published weights.
        options: how long to try.
        progress: told what is here.
        notify: told, in words, when another process must be waited for and when an attempt failed.

    Returns:
        The path that `cache.locate` gives.

    Raises:
        WeightsError: a file cannot be had, or is not the right one.
        OutputError: a file cannot be written.
    """
    place = cache.fetched_folder(checkpoint)
    with partial_file.explained(place):
        place.mkdir(parents=True, exist_ok=True)
    with _locked(place, lambda: notify(f"{checkpoint.name}: another process is fetching it; waiting")):
        records.read(place)  # damage is better reported before than after an hour
        right = _right(cache.examine(checkpoint))
        if len(right) < len(checkpoint.files):
            # also those beside an altered one that came with this environment
            right = _right(cache.examine(checkpoint, place))
        for remote in checkpoint.files:
            if remote.name not in right:
                _fetch_file(checkpoint, place, remote, options or HttpOptions(), progress, notify)
    return cache.locate(checkpoint)


def mirror() -> Path | None:
    """Returns `$FACE_DETECT_ROS_MIRROR`: a folder laid out as `cache.root()`, such as another machine's."""
    chosen = os.environ.get(MIRROR_VARIABLE)
    return Path(os.path.expanduser(chosen)).absolute() if chosen else None


def address(remote: RemoteFile) -> str:
    """Returns where a file is fetched from: `$HF_ENDPOINT`, as in huggingface_hub, replaces the hub's address."""
    endpoint = os.environ.get(ENDPOINT_VARIABLE, "").rstrip("/")
    return (
        endpoint + remote.url.removeprefix(HUB)
        if endpoint and remote.url.startswith(f"{HUB}/")
        else remote.url
    )


def _right(states: Sequence[FileState]) -> set[str]:
    """Returns the names of the files that need not be fetched."""
    return {state.path.name for state in states if state.state == "ok"}


def _fetch_file(
    checkpoint: Checkpoint,
    place: Path,
    remote: RemoteFile,
    options: HttpOptions,
    progress: Progress,
    notify: Callable[[str], None],
) -> None:
    partial = place / f"{remote.name}.part"
    expected = cache.expected_sha256(remote, records.read(place).get(remote.name))
    mirrored, url = mirror(), address(remote)
    copied = mirrored / checkpoint.name / remote.name if mirrored else None
    origin = str(copied or shown(url))
    while True:
        if copied is not None:
            resumed = False
            _copy(copied, partial, remote, progress)
        else:
            download = Download(
                url,
                partial,
                checked=bool(expected),
                options=options,
                progress=lambda done, total: progress(remote.name, done, total),
                retrying=lambda reason: notify(f"{checkpoint.name}: {origin}: {reason}"),
            )
            try:
                download.run()
            except DownloadError as error:
                raise WeightsError(
                    f"{checkpoint.name}: {origin}: {error}; try again later, {_by_hand(checkpoint, remote)}"
                ) from error
            expected, resumed = expected or download.sha256, download.resumed
        with partial_file.explained(partial):
            actual = _synced_sha256(partial)
        if not expected or actual == expected:
            break
        partial_file.discard(partial)
        if not resumed:  # otherwise a part is from a run that may have ended in a crash of the machine
            raise WeightsError(_wrong(checkpoint, remote, origin, actual, expected))
    target = place / remote.name
    with partial_file.explained(target):
        os.replace(partial, target)
        sync(place, follow=False)
        cache.record_content(place, remote.name, actual, records.stamp_of(target))
    partial_file.discard(partial)  # what was known of it


def _wrong(checkpoint: Checkpoint, remote: RemoteFile, origin: str, actual: str, expected: str) -> str:
    found = f"{checkpoint.name}: {origin}: sha256 {actual[:12]}..., expected {expected[:12]}...; it was not kept; "
    if remote.sha256:
        return found + f"try again, {_by_hand(checkpoint, remote)}"
    record = cache.fetched_folder(checkpoint) / records.FILE_NAME
    return found + f"it has been replaced since it was first fetched: to accept that, delete {record}"


def _by_hand(checkpoint: Checkpoint, remote: RemoteFile) -> str:
    place = cache.fetched_folder(checkpoint)
    names = [each.name for each in checkpoint.files if each is remote or not exists(place / each.name)]
    return cache.by_hand(checkpoint, names)


def _copy(source: Path, partial: Path, remote: RemoteFile, progress: Progress) -> None:
    partial_file.discard(partial)
    try:
        origin = source.open("rb")
    except OSError as error:
        raise WeightsError(
            f"{source}: {error.strerror or error}; put it there (published as {remote.url}), or unset "
            f"{MIRROR_VARIABLE} to fetch from the network"
        ) from error
    with origin, partial_file.opened(partial) as file:
        total = os.fstat(origin.fileno()).st_size
        progress(remote.name, 0, total)
        shutil.copyfileobj(origin, file, 1 << 20)
        progress(remote.name, total, total)


def _synced_sha256(partial: Path) -> str:
    """The digest of a file, which is then surely on the disk. Raises OSError."""
    sync(partial, follow=False)
    return records.sha256_of(partial)


@contextlib.contextmanager
def _locked(place: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Alone in `place` among processes; the lock of a killed one goes with it."""
    lock = filelock.FileLock(place / _LOCK)
    with partial_file.explained(lock.lock_file):
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
