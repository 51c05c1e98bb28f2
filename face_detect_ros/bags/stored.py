# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags in object stores without copies of them: which there are, and when and how much each has recorded."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

from face_detect_ros.bags.finding import METADATA, find_bags, is_storage
from face_detect_ros.bags.topic import Key, Topic
from face_detect_ros.bags.types import modern_name, require_rosbags
from face_detect_ros.core.errors import SourceError, StoreError
from face_detect_ros.files.reading import parse_yaml
from face_detect_ros.files.stores import Store, Stored, is_url
from face_detect_ros.files.transfers import fetched

_INDEX_BLOCK_BYTES = 1 << 16
"""Asked for beyond each part that is read: little, because indexes are small, and a bag may have many files."""
_BLOCK_BYTES = 1 << 22
"""The same where messages are read one after the other."""
MOST_METADATA_BYTES = 1 << 26


@dataclass(frozen=True)
class Outline:
    """What is known of a bag without reading its messages.

    Attributes:
        topics: As those of `BagReader`.
        start_ns: Time of the first message.
        end_ns: 1 after the time of the last message.
        size: Of its files, in bytes.
        compressed_files: Whether its files are compressed as a whole.
    """

    topics: tuple[Topic, ...]
    start_ns: int
    end_ns: int
    size: int
    compressed_files: bool = False

    @property
    def duration_s(self) -> float:
        """From the first message to the last."""
        return max(0, self.end_ns - 1 - self.start_ns) * 1e-9


class StoredPath:
    """A path in a listing of a store, as far as `find_bags` and readers of MCAP files use paths."""

    def __init__(
        self,
        store: Store,
        files: Mapping[str, Stored],
        name: str = "",
        children: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._store = store
        self._files = files
        self._children = _children(files) if children is None else children
        self.relative = name

    def __str__(self) -> str:
        return f"{self._store.shown.rstrip('/')}/{self.relative}".rstrip("/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredPath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def name(self) -> str:
        return PurePosixPath(self.relative).name or self._store.name

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    def __truediv__(self, name: str) -> StoredPath:
        return StoredPath(self._store, self._files, f"{self.relative}/{name}".lstrip("/"), self._children)

    def exists(self) -> bool:
        return self.is_file()

    def read_yaml(self) -> Any:
        """The content of a small YAML file. Raises SourceError if it cannot be used."""
        if self._files[self.relative].size > MOST_METADATA_BYTES:
            raise SourceError(
                f"{self}: larger than {MOST_METADATA_BYTES / 1e6:,.0f} MB, which no such file is"
            )
        text = (self._store.read(self.relative) or b"").decode(errors="replace")
        return parse_yaml(text, str(self), error=SourceError)

    def is_file(self) -> bool:
        return self.relative in self._files

    def is_dir(self) -> bool:
        return not self.is_file()

    def is_symlink(self) -> bool:
        return False

    def iterdir(self) -> list[StoredPath]:
        return [self / name for name in self._children.get(self.relative, ())]

    def stat(self) -> Any:
        stored = self._files[self.relative]
        return SimpleNamespace(st_size=stored.size, st_mtime_ns=stored.modified_ns)

    def open(self, mode: str = "rb", block_bytes: int = _INDEX_BLOCK_BYTES) -> BinaryIO:
        return self._store.open(self.relative, block_bytes=block_bytes)


def open_for_messages(path: Path) -> BinaryIO:
    """Open a file whose messages are read; of one in a store, large parts are asked for. Raises OSError, StoreError."""
    return path.open("rb", _BLOCK_BYTES) if isinstance(path, StoredPath) else path.open("rb")


def _children(files: Iterable[str]) -> dict[str, dict[str, None]]:
    """The names in each folder of a listing; once for all, as there may be thousands of folders."""
    found: dict[str, dict[str, None]] = {}
    for name in files:
        while name:
            folder, _, last = name.rpartition("/")
            known = found.setdefault(folder, {})
            if last in known:
                break
            known[last] = None
            name = folder
    return found


@contextlib.contextmanager
def looked_at(place: str) -> Iterator[Path]:
    """A bag for a `BagReader`: a path as it is. In a store, MCAP files are read where they are, others are copied.

    Raises as `transfers.fetched`.
    """
    found = mcap_bag(Store(place)) if is_url(place) else None
    if found is not None:
        yield found
        return
    with fetched(place) as copy:
        yield copy


def mcap_bag(store: Store, *, indexed: bool = False) -> Path | None:
    """A bag of MCAP files for a `BagReader`, which reads parts of them in the store; None if it has to be copied.

    Args:
        store: The bag.
        indexed: Only if every file has its index, without which finding a part means reading all of it.

    Raises:
        As `Store`.
    """
    found: Any = StoredPath(store, store.files())
    storage = [path for path in ([found] if found.is_file() else found.iterdir()) if is_storage(path)]
    if not storage or any(path.suffix != ".mcap" for path in storage) or not _gives_parts(storage[0]):
        return None
    return cast("Path", found) if not indexed or all(map(_has_index, storage)) else None


def _has_index(path: StoredPath) -> bool:
    from face_detect_ros.bags.mcap_index import McapIndex  # needs rosbags

    try:
        McapIndex(cast("Any", path))
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 - whatever damaged files make parsers raise
        return False
    return True


def _gives_parts(path: StoredPath) -> bool:
    """Whether a store gives parts of a file; some web servers do not."""
    with path.open() as file:
        try:
            file.seek(-1, io.SEEK_END)
            file.read(1)
        except OSError:
            return False
    return True


def stored_bags(store: Store) -> list[str]:
    """The bags in a folder of a store and below it, by their names relative to it; "" is the place itself.

    As `find_bags`. Raises as `Store`.
    """
    place: Any = StoredPath(store, store.files())
    if place.is_file():
        return [""] if is_storage(place) else []
    return [path.relative for path in cast("list[StoredPath]", find_bags(place))]


def outline(store: Store) -> Outline | None:
    """What metadata.yaml, or the index at the end of MCAP files, says about a bag; None if neither says enough.

    Reads little, however large the bag is. Raises as `Store`.
    """
    require_rosbags()
    files = store.files()
    place = StoredPath(store, files)
    found: Any = [place] if place.is_file() else place.iterdir()
    storage: list[StoredPath] = [path for path in found if path.is_file() and is_storage(path)]
    size = sum(path.stat().st_size for path in storage)
    try:
        if METADATA in files:
            return _by_metadata(place / METADATA, {path.name for path in storage}, size)
        if storage and all(path.name.endswith(".mcap") for path in storage):
            return _by_index(storage, size)
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 - whatever damaged files make parsers raise; a copy is read instead
        return None
    return None


def _by_metadata(place: StoredPath, storage: set[str], size: int) -> Outline | None:
    about = place.read_yaml()["rosbag2_bagfile_information"]
    names = {PurePosixPath(str(name)).name for name in about["relative_file_paths"]}
    if names != storage:  # as a killed recorder leaves it
        return None
    topics = tuple(
        Topic(
            item["topic_metadata"]["name"],
            modern_name(item["topic_metadata"]["type"]),
            int(item["message_count"]),
        )
        for item in about["topics_with_message_count"]
    )
    start_ns = int(about["starting_time"]["nanoseconds_since_epoch"])
    end_ns = start_ns + int(about["duration"]["nanoseconds"]) + 1
    # no message is smaller than a byte
    counts = [topic.count for topic in topics]
    if not (0 <= start_ns < end_ns < 1 << 63 and min(counts) >= 0 and 0 < sum(counts) <= size):
        return None
    compressed = any(name.endswith(".zstd") for name in names)
    return Outline(topics, start_ns, end_ns, size, compressed)


def _by_index(storage: Sequence[StoredPath], size: int) -> Outline:
    from face_detect_ros.bags.mcap_index import McapIndex  # needs rosbags

    topics: dict[Key, Topic] = {}
    spans = []
    for path in storage:
        index = McapIndex(cast("Any", path))
        if index.end_ns > index.start_ns:
            spans.append((index.start_ns, index.end_ns))
        for topic in index.topics:
            topics[topic.key] = topics[topic.key].joined(topic) if topic.key in topics else topic
    start_ns, end_ns = min(start for start, _ in spans), max(end for _, end in spans)
    return Outline(tuple(topics[key] for key in sorted(topics)), start_ns, end_ns, size)
