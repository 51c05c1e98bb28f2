# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder of a result: complete or not there, and what an interrupted run has left beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from face_detect_ros.core.errors import ConfigError, OutputError
from face_detect_ros.files.locks import locked
from face_detect_ros.files.whole_file import own_folder, sync

DONE = "work.json"
"""Written last: a folder with it is complete."""


class OutputFolder:
    """A folder that appears under its name when it is complete. Use as a context manager.

    Until then everything is in `NAME.part` beside it, which an interrupted run leaves for the next one. Only one
    process at a time works on it.

    Args:
        path: The folder.

    Raises:
        ConfigError: It exists already, somebody else works on it, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        if path.name in ("", ".."):
            raise ConfigError(f"{path}: give the name of a new folder")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        try:
            own_folder(self.part)
            self._lock = locked(self.part / "lock")
        except BlockingIOError as error:
            raise ConfigError(f"{path}: another process is working on it") from error
        except OSError as error:
            raise ConfigError(f"{path}: cannot be made: {error.strerror or error}") from error

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    @property
    def draft(self) -> Path:
        """Where the result is written, under the name of the folder."""
        return self.part / self.path.name

    def is_done(self, work: str) -> bool:
        """Whether the result of just this work is there already. Raises ConfigError for anything else that is there."""
        if not os.path.lexists(self.path):
            return False
        done = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            done = (self.path / DONE).read_text(encoding="utf-8")
        if done != work:
            raise ConfigError(f"{self.path}: exists already; give another folder, or delete it")
        self._remove_part()
        return True

    def clear_draft(self) -> None:
        """Remove what an interrupted run has written; its journal stays."""
        try:
            if self.draft.exists():
                shutil.rmtree(self.draft)
        except OSError as error:
            raise OutputError(f"{self.draft}: cannot be removed: {error.strerror or error}") from error

    def complete(self, work: str) -> None:
        """Move the draft to its place. Raises OutputError."""
        try:
            (self.draft / DONE).write_text(work, encoding="utf-8")
            for path in self.draft.iterdir():
                sync(path)
            sync(self.draft)
            os.rename(self.draft, self.path)
            sync(self.path.parent)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be completed: {error.strerror or error}") from error
        self._remove_part()

    def discard_part_if_new(self) -> None:
        """Remove the part folder if there is nothing in it that a next run could use."""
        with contextlib.suppress(OSError):
            if {path.name for path in self.part.iterdir()} == {"lock"}:
                self._remove_part()

    def _remove_part(self) -> None:
        shutil.rmtree(self.part, ignore_errors=True)
