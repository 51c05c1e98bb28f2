# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A file of an object store that is open for reading; reads are retried, and fail with the store's errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class StoredFile(io.RawIOBase):
    """Wraps a file that fsspec has opened, whose reads raise whatever the store's own library raises.

    Args:
        file: As fsspec opens it.
        attempt: Calls a function as often as the store is tried; raises StoreError.
    """

    def __init__(self, file: Any, attempt: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._file = file
        self._attempt = attempt

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always; but some web servers give a file only from its start, so that `seek` or the read after it fails."""
        return True

    def tell(self) -> int:
        """The position, in bytes."""
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Change the position. Raises io.UnsupportedOperation if that is not possible."""
        try:
            return int(self._file.seek(offset, whence))
        except ValueError as error:
            raise io.UnsupportedOperation(str(error)) from error

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer. Raises StoreError, or io.UnsupportedOperation as `seek`."""
        at = self.tell()

        def read() -> bytes:
            self.seek(at)
            try:
                return bytes(self._file.read(len(buffer)))
            except ValueError as error:
                raise io.UnsupportedOperation(str(error)) from error

        content = self._attempt(read)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file. Calling it twice is fine."""
        if not self.closed:
            self._file.close()
        super().close()
