"""Brings published weights onto this machine: whole, checked, and in one step.

A file gets its name when it is complete, on the disk and checked; until then it is `NAME.part`, which a later run
continues. A lock per checkpoint lets one process fetch while others wait. With a mirror folder nothing is asked of
the network.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from face_detect_ros.core.errors import OutputError, WeightsError
from face_detect_ros.zoo.published import cache, http, partial_file, records
from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile
from face_detect_ros.zoo.published.http import DownloadError, HttpOptions

MIRROR_VARIABLE = "FACE_DETECT_ROS_MIRROR"
_LOCK = ".lock"

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are here, and how many there will be (None: unknown)."""


def fetch(
    checkpoint: Checkpoint,
    *,
    options: HttpOptions | None = None,
    progress: Progress = lambda name, done, total: None,
    notify: Callable[[str], None] = lambda message: None,
) -> Path:
    """Fetch what is not here or not right; the path that `cache.locate` gives.

    notify: told, in words, when it must wait for another process.

    Raises WeightsError if a file cannot be had or is not the right one, OutputError if it cannot be written.
    """
    place = cache.fetched_folder(checkpoint)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise partial_file.write_error(place, error) from error
    with _locked(place, lambda: notify(f"{checkpoint.name}: another process is fetching it; waiting")):
        records.read(place)  # if that is damaged, it is better said before than after an hour
        for remote, state in zip(checkpoint.files, cache.examine(checkpoint), strict=True):
            if state.state != "ok":
                _fetch_file(checkpoint, place, remote, options or HttpOptions(), progress)
    return cache.locate(checkpoint)


def mirror() -> Path | None:
    """`$FACE_DETECT_ROS_MIRROR`: a folder laid out as `cache.root()`, such as another machine's."""
    chosen = os.environ.get(MIRROR_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else None


def _fetch_file(
    checkpoint: Checkpoint, place: Path, remote: RemoteFile, options: HttpOptions, progress: Progress
) -> None:
    partial = place / f"{remote.name}.part"
    recorded = records.read(place).get(remote.name)
    expected = cache.expected_sha256(remote, recorded)
    mirrored = mirror()
    while True:
        if mirrored is not None:
            origin, resumed = str(mirrored / checkpoint.name / remote.name), False
            _copy(Path(origin), partial, remote, progress)
        else:
            origin = remote.url
            try:
                arrived = http.download(
                    remote.url,
                    partial,
                    checked=bool(expected),
                    options=options,
                    progress=lambda done, total: progress(remote.name, done, total),
                )
            except DownloadError as error:
                raise WeightsError(
                    f"{checkpoint.name}: {remote.url}: {error}; try again later, {_by_hand(checkpoint, remote)}"
                ) from error
            expected, resumed = expected or arrived.sha256, arrived.resumed
        actual = _synced_sha256(partial)
        if not expected or actual == expected:
            break
        partial_file.discard(partial)
        if not resumed:  # else a part was from a run that may have ended in a crash of the machine
            raise WeightsError(_wrong(checkpoint, remote, origin, actual, expected))
    _put_in_place(partial, place / remote.name, actual)


def _wrong(checkpoint: Checkpoint, remote: RemoteFile, origin: str, actual: str, expected: str) -> str:
    found = f"{checkpoint.name}: {origin}: sha256 {actual[:12]}..., expected {expected[:12]}...; it was not kept; "
    if remote.sha256:
        return found + f"try again, {_by_hand(checkpoint, remote)}"
    record = cache.fetched_folder(checkpoint) / records.FILE_NAME
    return found + f"it has been replaced since it was first fetched: to accept that, delete {record}"


def _by_hand(checkpoint: Checkpoint, remote: RemoteFile) -> str:
    place = cache.fetched_folder(checkpoint)
    names = [each.name for each in checkpoint.files if each is remote or not (place / each.name).exists()]
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
    with origin:
        total = os.fstat(origin.fileno()).st_size
        progress(remote.name, 0, total)
        try:
            with partial.open("wb") as file:
                shutil.copyfileobj(origin, file, 1 << 20)
        except OSError as error:
            raise partial_file.write_error(partial, error) from error
        progress(remote.name, total, total)


def _synced_sha256(partial: Path) -> str:
    """The digest of a file that is then surely on the disk."""
    try:
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return records.sha256_of(partial)
    except OSError as error:
        raise partial_file.write_error(partial, error) from error


def _put_in_place(partial: Path, target: Path, sha256: str) -> None:
    try:
        os.replace(partial, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        cache.record_content(target.parent, target.name, sha256, records.stamp_of(target))
    except OSError as error:
        raise partial_file.write_error(target, error) from error
    partial_file.discard(partial)  # what was known of it


@contextlib.contextmanager
def _locked(place: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Alone in `place` among processes; a lock of one that is killed goes with it."""
    try:
        descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise partial_file.write_error(place / _LOCK, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise OutputError(
                f"{place}: its file system has no locks ({error.strerror}); choose another folder with "
                f"{cache.FOLDER_VARIABLE}"
            ) from error
        yield
    finally:
        os.close(descriptor)
