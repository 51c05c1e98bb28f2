# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a detector process and its owner exchange: images through shared memory, errors as plain values."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Sequence

import numpy as np

Place = tuple[int, tuple[int, int, int]]
"""Where one image lies: byte offset and (H, W, 3)."""

_ALIGNMENT = 64  # a cache line


class ImageMemory:
    """uint8 images in anonymous memory that two processes map.

    The memory has no name, only an open file number that the child inherits: whatever dies in whatever way,
    the kernel frees it with the last process that has it open. It grows to the largest batch and keeps that
    size.
    """

    def __init__(self, fd: int | None = None) -> None:
        """A new memory, or with `fd` the one of another process, for reading."""
        self.fd = _anonymous_file() if fd is None else fd
        self._close_fd = weakref.finalize(self, os.close, self.fd)
        self._map: mmap.mmap | None = None

    def write(self, images: Sequence[np.ndarray]) -> list[Place]:
        """Copy (H, W, 3) uint8 images in. Raises OSError (ENOSPC, ENOMEM) where memory runs out."""
        places: list[Place] = []
        end = 0
        for image in images:
            places.append((end, tuple(image.shape)))
            end += -(-image.nbytes // _ALIGNMENT) * _ALIGNMENT
        if end and (self._map is None or len(self._map) < end):
            # allocated now: writing to a page that cannot be had later would be a SIGBUS
            os.posix_fallocate(self.fd, 0, end)
            self._map = mmap.mmap(self.fd, end)
        for image, (offset, shape) in zip(images, places, strict=True):
            np.ndarray(shape, np.uint8, buffer=self._map, offset=offset)[...] = image
        return places

    def read(self, places: Sequence[Place]) -> list[np.ndarray]:
        """Read-only views of the images, valid until the next `write` of the other process."""
        end = max((offset + int(np.prod(shape)) for offset, shape in places), default=0)
        if end and (self._map is None or len(self._map) < end):
            self._map = mmap.mmap(self.fd, os.fstat(self.fd).st_size, access=mmap.ACCESS_READ)
        return [np.ndarray(shape, np.uint8, buffer=self._map, offset=offset) for offset, shape in places]

    def close(self) -> None:
        """Free this side. Closing twice is fine."""
        self._map = None  # unmapped when the last view of it goes
        self._close_fd()


def _anonymous_file() -> int:
    # not POSIX shared memory: containers limit /dev/shm to 64 MB, less than one 8K image
    if hasattr(os, "memfd_create"):
        return os.memfd_create("face_detect_ros_images", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # an interpreter built for an old C library
        return os.dup(file.fileno())
