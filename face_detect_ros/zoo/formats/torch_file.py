"""Reads the files that ``torch.save`` writes, without running anything that stands in them (see `pickles`).

Two formats: since PyTorch 1.6 a zip archive with the pickle and one entry per storage, before that a row of pickles
followed by the storages. Tensors stay in the file until they are asked for: of a training checkpoint, most never are.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.formats import pickles
from face_detect_ros.zoo.formats.pickle_values import Call, Named

ZIP_START = b"PK\x03\x04"
LEGACY_START = b"\x80"

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_LARGEST_PICKLE = 1 << 26  # bytes, without tensors
_DTYPES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class Storage:
    """Numbers in the file: `length` of them, under the name `key`."""

    key: str
    dtype: torch.dtype
    length: int

    @property
    def size(self) -> int:
        """In bytes."""
        return self.length * torch.empty(0, dtype=self.dtype).element_size()


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in the file. offset, strides: into its storage, in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Storages(Protocol):
    def read(self, storage: Storage) -> bytes:
        """Its `storage.size` bytes. Raises WeightsError."""
        ...


class TorchFile:
    """An opened file. content: what was saved, in plain containers, `Inert` objects and `StoredTensor`s."""

    def __init__(self, path: Path, content: Any, storages: _Storages) -> None:
        self.path = path
        self.content = content
        self._storages = storages

    def tensor(self, stored: StoredTensor) -> torch.Tensor:
        """`stored` on the CPU, in the numbers that it was saved in. Raises WeightsError if the file lacks it."""
        if not math.prod(stored.shape):
            return torch.empty(stored.shape, dtype=stored.storage.dtype)
        data = bytearray(self._storages.read(stored.storage))
        flat = torch.frombuffer(data, dtype=stored.storage.dtype)
        return flat.as_strided(stored.shape, stored.strides, stored.offset)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TorchFile]:
    """The file `path`. Raises WeightsError if it cannot be read, is damaged, or holds what is refused."""
    try:
        with path.open("rb") as file:
            start = file.read(len(ZIP_START))
            file.seek(0)
            if start == ZIP_START:
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
    if archive.has("byteorder") and archive.entry("byteorder") != b"little":
        raise WeightsError(f"{path}: was written on a big-endian machine, which is not supported")
    pickle = archive.entry("data.pkl")
    if len(pickle) > _LARGEST_PICKLE:
        raise WeightsError(f"{path}: its pickle of {len(pickle)} bytes is larger than that of any model")
    return TorchFile(path, pickles.read(io.BytesIO(pickle), str(path), _CALLS, _persistent), archive)


class _Archive:
    """A zip archive with one folder: data.pkl, and data/KEY for each storage."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        with self._reasons():
            self._zip = zipfile.ZipFile(file)
        folders = [name[: -len("data.pkl")] for name in self._zip.namelist() if name.endswith("/data.pkl")]
        if len(folders) != 1:
            raise WeightsError(f"{path}: is a zip archive, but none that PyTorch wrote")
        self._folder = folders[0]

    def has(self, name: str) -> bool:
        return self._folder + name in self._zip.NameToInfo

    def entry(self, name: str) -> bytes:
        if not self.has(name):
            raise WeightsError(f"{self._path}: damaged: it lacks {name!r:.40}")
        info = self._zip.getinfo(self._folder + name)
        # PyTorch never does; a compressed entry may unfold to any size
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise WeightsError(f"{self._path}: damaged: {name!r:.40} is compressed")
        with self._reasons():
            return self._zip.read(info)

    def read(self, storage: Storage) -> bytes:
        data = self.entry(f"data/{storage.key}")
        if len(data) != storage.size:
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

    def persistent(identity: Any) -> Any:
        found = _persistent(identity)
        if isinstance(found, Storage) and storages.setdefault(found.key, found) != found:
            raise ValueError(f"two storages are named {found.key!r:.40}")
        return found

    def unpickled() -> Any:
        return pickles.read(file, str(path), _CALLS, persistent)

    if unpickled() != _LEGACY_MAGIC:
        raise WeightsError(f"{path}: is a pickle, but none that PyTorch wrote")
    if unpickled() != _LEGACY_PROTOCOL:
        raise WeightsError(f"{path}: is of a version that PyTorch never released")
    machine = unpickled()
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise WeightsError(f"{path}: was written on a big-endian machine, which is not supported")
    content = unpickled()
    keys = unpickled()
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
        raise WeightsError(f"{path}: damaged: its list of storages does not fit its content")
    return TorchFile(path, content, _Row(path, file, [storages[key] for key in keys]))


class _Row:
    """Storages one after the other, each behind its length, from the position of `file` on."""

    def __init__(self, path: Path, file: BinaryIO, storages: list[Storage]) -> None:
        self._path = path
        self._file = file
        self._starts: dict[str, int] = {}
        at = file.tell()
        end = file.seek(0, io.SEEK_END)
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
            raise WeightsError(f"{self._path}: damaged: it lacks storage {storage.key!r:.40}")
        self._file.seek(self._starts[storage.key])
        return self._file.read(storage.size)


def _persistent(identity: Any) -> Any:
    """What a persistent id stands for: a storage, or (before 1.6) a class, kept with its source code."""
    if isinstance(identity, tuple) and len(identity) >= 2 and isinstance(identity[1], Named):
        kind, named = identity[:2]
        if kind == "module":
            return named
        if kind == "storage" and len(identity) in (5, 6) and identity[5:] in ((), (None,)):
            dtype = _DTYPES.get(named.name) if named.module in ("torch", "torch.cuda") else None
            if dtype is None:
                raise ValueError(f"numbers of kind {str(named)!r:.60}, which are not supported")
            key, length = identity[2], identity[4]
            if isinstance(key, str) and _is_count(length):
                return Storage(key, dtype, length)
    raise ValueError("a reference to something that PyTorch does not write")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_training: Any) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    if not (_is_count(offset) and _are_counts(shape) and _are_counts(strides) and len(shape) == len(strides)):
        raise ValueError("a tensor of impossible shape")
    count = math.prod(shape)
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count and (count > storage.length or last >= storage.length):
        raise ValueError(f"a tensor of shape {shape} reaches beyond its storage of {storage.length} numbers")
    return StoredTensor(storage, offset, shape, strides)


def _parameter(tensor: Any, *_training: Any) -> StoredTensor:
    if not isinstance(tensor, StoredTensor):
        raise ValueError("a parameter that is no tensor")
    return tensor


def _with_attributes(function: Any, _kind: Any, arguments: Any, _state: Any = None) -> StoredTensor:
    call = _CALLS.get(str(function))
    if call not in (_tensor, _parameter) or not isinstance(arguments, tuple):
        raise ValueError("a tensor that is made in an unknown way")
    return call(*arguments)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _are_counts(values: Any) -> bool:
    # 8: dimensions; more would only be an attempt
    return isinstance(values, tuple) and len(values) <= 8 and all(map(_is_count, values))


_CALLS: dict[str, Call] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _with_attributes,
}
