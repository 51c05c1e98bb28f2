"""Files that are there whole or not at all, whenever power or process end."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path, *, only_writer: bool = False) -> Iterator[Path]:
    """A path in the same folder, with the same suffix, to write; at the end it is synced and takes the place of `path`.

    After an exception `path` is as it was and nothing is left. A process that is killed leaves the other file;
    `only_writer`: nobody else writes `path` meanwhile, so that file may always have the same name and be only one.

    Raises OSError.
    """
    writer = "new" if only_writer else f"{os.getpid()}_{threading.get_native_id()}"
    beside = path.with_name(f".{path.stem}.{writer}{path.suffix}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
