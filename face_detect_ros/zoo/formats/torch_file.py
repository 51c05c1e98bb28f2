# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reads the files that `torch.save` writes, without running anything in them (see `pickles`).

Two formats: since PyTorch 1.6 a zip archive with the pickle and one entry per storage; before that a row of pickles
followed by the storages. Tensors stay in the file until they are asked for: most of a training checkpoint never is.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.formats import pickles, stored_tensors, weights_file
from face_detect_ros.zoo.formats.stored_tensors import Storage, StoredTensor

ZIP_START = b"PK\x03\x04"
LEGACY_START = b"\x80"

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_LARGEST_PICKLE = 1 << 25  # bytes, without tensors; that of a training of YOLOv9-e has 1 MB


class _Storages(Protocol):
    def read(self, storage: Storage) -> bytes:
        """Returns its `storage.size` bytes. Raises WeightsError."""
        ...


class TorchFile:
    """An open file.

    Attributes:
        path: the file.
        content: what was saved: plain containers, and objects of `Inert` and `StoredTensor`.
    """

    def __init__(self, path: Path, content: Any, storages: _Storages, size: int) -> None:
        """Args: size: of the whole file, in bytes."""
        self.path = path
        self.content = content
        self._storages = storages
        # twice: a few networks save one tensor under two names
        self._may_still_read = 2 * size

    def tensor(self, stored: StoredTensor) -> torch.Tensor:
        """Reads one tensor, on the CPU, with the dtype it was saved with.

        Raises:
            WeightsError: the file does not hold its numbers, or all tensors together would take far more memory than
                the file does, because thousands of them claim the same bytes.
        """
        if not math.prod(stored.shape):
            return torch.empty(stored.shape, dtype=stored.storage.dtype)
        self._may_still_read -= stored.storage.size
        if self._may_still_read < 0:
            raise WeightsError(f"{self.path}: damaged: its tensors take more memory than the file has bytes")
        data = bytearray(self._storages.read(stored.storage))
        flat = torch.frombuffer(data, dtype=stored.storage.dtype)
        return flat.as_strided(stored.shape, stored.strides, stored.offset)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TorchFile]:
    """Opens the file `path`.

    Raises:
        WeightsError: it cannot be read, is damaged, or holds something that is refused.
    """
    start = weights_file.check(path)
    try:
        with path.open("rb") as file:
            if start.startswith(ZIP_START):
                yield _zip(path, file)
            elif start.startswith(LEGACY_START):
                yield _legacy(path, file)
            else:
                raise WeightsError(f"{path}: is not a file that PyTorch wrote")
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error


def _zip(path: Path, file: BinaryIO) -> TorchFile:
    archive = _Archive(path, file)
    if archive.has("constants.pkl"):
        raise WeightsError(f"{path}: holds a TorchScript program; give the checkpoint that it was made from")
    if archive.has("byteorder") and archive.entry("byteorder", 16) != b"little":
        raise WeightsError(f"{path}: was written on a big-endian machine, which is not supported")
    pickle = io.BytesIO(archive.entry("data.pkl", _LARGEST_PICKLE))
    content = pickles.read(pickle, str(path), stored_tensors.CALLS, stored_tensors.persistent)
    return TorchFile(path, content, archive, _size(file))


class _Archive:
    """A zip archive with one folder: data.pkl, and data/KEY for each storage."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        with self._reasons():
            self._zip = zipfile.ZipFile(file)
        folders = [name[: -len("data.pkl")] for name in self._zip.namelist() if name.endswith("/data.pkl")]
        if len(folders) != 1:
            raise WeightsError(f"{path}: is a zip archive, but not one that PyTorch wrote")
        self._folder = folders[0]

    def has(self, name: str) -> bool:
        return self._folder + name in self._zip.NameToInfo

    def entry(self, name: str, largest: int) -> bytes:
        if not self.has(name):
            raise WeightsError(f"{self._path}: damaged: {name!r:.40} is missing")
        info = self._zip.getinfo(self._folder + name)
        # PyTorch never compresses, and a compressed entry may unfold to any size
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise WeightsError(f"{self._path}: damaged: {name!r:.40} is compressed")
        if info.file_size > largest:
            raise WeightsError(
                f"{self._path}: damaged: {name!r:.40} has {info.file_size} bytes, at most {largest} are expected"
            )
        with self._reasons():
            return self._zip.read(info)

    def read(self, storage: Storage) -> bytes:
        data = self.entry(f"data/{storage.key}", storage.size)
        if len(data) < storage.size:
            raise WeightsError(
                f"{self._path}: damaged: storage {storage.key!r:.40} has {len(data)} bytes, not {storage.size}"
            )
        return data

    @contextlib.contextmanager
    def _reasons(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, LookupError,
                OverflowError) as error:  # fmt: skip
            reason = " ".join(str(error).split()) or type(error).__name__
            raise WeightsError(
                f"{self._path}: damaged, or its download ended early: {reason:.200}"
            ) from error


def _legacy(path: Path, file: BinaryIO) -> TorchFile:
    """Five pickles (magic number, protocol, the machine, the content, keys of the storages) and the storages."""
    storages: dict[str, Storage] = {}
    row = io.BytesIO(file.read(_LARGEST_PICKLE))

    def persistent(identity: Any) -> Any:
        found = stored_tensors.persistent(identity)
        if isinstance(found, Storage) and storages.setdefault(found.key, found) != found:
            raise ValueError(f"two storages are named {found.key!r:.40}")
        return found

    def unpickled() -> Any:
        return pickles.read(row, str(path), stored_tensors.CALLS, persistent)

    if unpickled() != _LEGACY_MAGIC:
        raise WeightsError(f"{path}: is a pickle, but not one that PyTorch wrote")
    if unpickled() != _LEGACY_PROTOCOL:
        raise WeightsError(f"{path}: has a version that PyTorch never released")
    machine = unpickled()
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise WeightsError(f"{path}: was written on a big-endian machine, which is not supported")
    content = unpickled()
    keys = unpickled()
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
        raise WeightsError(f"{path}: damaged: its list of storages does not fit its content")
    in_order = [storages[key] for key in keys]
    return TorchFile(path, content, _Row(path, file, in_order, row.tell()), _size(file))


class _Row:
    """Storages one after the other, each preceded by its length, from byte `at` of `file` on."""

    def __init__(self, path: Path, file: BinaryIO, storages: list[Storage], at: int) -> None:
        self._path = path
        self._file = file
        self._starts: dict[str, int] = {}
        end = _size(file)
        for storage in storages:
            file.seek(at)
            if file.read(8) != storage.length.to_bytes(8, "little"):
                raise WeightsError(
                    f"{path}: damaged: storage {storage.key!r:.40} has another length than its tensors"
                )
            self._starts[storage.key] = at + 8
            at += 8 + storage.size
            if at > end:
                raise WeightsError(
                    f"{path}: ends inside storage {storage.key!r:.40}: its download ended early?"
                )

    def read(self, storage: Storage) -> bytes:
        if storage.key not in self._starts:
            raise WeightsError(f"{self._path}: damaged: storage {storage.key!r:.40} is missing")
        self._file.seek(self._starts[storage.key])
        return self._file.read(storage.size)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
