"""A file that is not whole yet, and what is known of it, in JSON beside it."""

from __future__ import annotations

import contextlib
import errno
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.zoo.published.cache import FOLDER_VARIABLE

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Part:
    """Where a partial file is from.

    validator: what says that the server's file is still the same: its ETag or date; empty without one.
    total: bytes of the whole file, or None. sha256: as the server stated it, or empty.
    boot: which run of this machine wrote it. What it had not synced when it stopped may be lost or garbage.
    """

    url: str
    validator: str = ""
    total: int | None = None
    sha256: str = ""
    boot: str = ""


def usable(partial: Path, part: Part, url: str, *, checked: bool) -> bool:
    """Whether the download of `url` may be continued. checked: the caller compares the digest afterwards."""
    there = size(partial)
    fits = part.total is None or there <= part.total
    sure = bool(part.validator) and part.boot == boot() != ""
    return there > 0 and part.url == url and fits and (checked or sure)


def size(partial: Path) -> int:
    """Bytes that are here."""
    try:
        return partial.stat().st_size
    except OSError:
        return 0


def boot() -> str:
    """A name of this run of the machine; empty where it has none."""
    with contextlib.suppress(OSError):
        return _BOOT.read_text().strip()
    return ""


def read(partial: Path) -> Part:
    """What is known of it; what is unreadable is as good as nothing."""
    try:
        fields = json.loads(_sidecar(partial).read_bytes())
        texts = {key: str(fields[key]) for key in ("url", "validator", "sha256", "boot")}
        return Part(total=None if fields["total"] is None else int(fields["total"]), **texts)
    except (OSError, ValueError, KeyError, TypeError):
        return Part("")


def write(partial: Path, part: Part) -> None:
    """Raises OutputError."""
    sidecar = _sidecar(partial)
    try:
        with whole_file(sidecar, only_writer=True) as beside:
            beside.write_text(json.dumps(asdict(part)))
    except OSError as error:
        raise write_error(sidecar, error) from error


def discard(partial: Path) -> None:
    """Remove a partial file and what is known of it. Raises OutputError."""
    for path in (partial, _sidecar(partial)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be removed: {error.strerror or error}") from error


def write_error(path: Path, error: OSError) -> OutputError:
    """What to do about a file that cannot be written."""
    if error.errno in _NO_ROOM:
        return OutputError(
            f"{path}: there is no room for it ({error.strerror}); make some, or choose another folder with "
            f"{FOLDER_VARIABLE}"
        )
    return OutputError(
        f"{path}: cannot be written: {error.strerror or error}; make its folder writable, or choose another with "
        f"{FOLDER_VARIABLE}"
    )


def _sidecar(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")
