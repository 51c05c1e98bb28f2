# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images and video frames behind the paths of a command line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from face_detect_ros.bags.finding import find_bags, is_bag, split_topic
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.looking import check_listing, exists, is_folder
from face_detect_ros.files.near import near_path
from face_detect_ros.images.formats import SUFFIXES, UNREAD_SUFFIXES
from face_detect_ros.images.reading import sample_file
from face_detect_ros.sources.options import Kind, SourceOptions
from face_detect_ros.sources.video import FALLBACK_RATE_HZ, VideoFileSource

VIDEO_SUFFIXES = frozenset(
    (
        ".mp4",
        ".mkv",
        ".avi",
        ".mov",
        ".webm",
        ".m4v",
        ".mpg",
        ".mpeg",
        ".ts",
        ".wmv",
        ".flv",
        ".gif",
        ".ogv",
        ".3gp",
    )
)


@dataclass(frozen=True)
class MediaFile:
    """An image, video, bag or live source to work on.

    Attributes:
        path: As the user gave it, or that folder's path joined with the file's place inside.
        relative: Where its result goes inside an output folder.
        source: A live source, as the user gave it; empty for files. It may hold a password.
        topic: The one of a bag to work on; empty for all its cameras.
    """

    path: Path
    relative: Path
    source: str = field(default="", repr=False)
    topic: str = ""

    @property
    def live(self) -> bool:
        """Whether it is a camera, a stream or the screen."""
        return bool(self.source)

    @property
    def name(self) -> str:
        """For people to read."""
        return self.relative.stem if self.live else self.path.name

    @property
    def is_bag(self) -> bool:
        """Whether it is a ROS 2 bag."""
        return is_bag(self.path)

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def find_media(paths: Sequence[str | Path]) -> list[MediaFile]:
    """What is behind `paths`: a file itself, of a folder every image, video and bag in it and below, by name; one topic
    of a bag as BAG#TOPIC; a camera, a stream, the screen or a sample as the sources name them, unless there is a file
    of that name.

    Hidden files and folders are left out. A file that is named itself counts whatever its suffix.
    Raises ConfigError for a path that does not exist, a folder with nothing to read or a source that cannot be.
    """
    found: list[MediaFile] = []
    for given in paths:
        path = Path(given)
        kind = Kind.FILE if exists(path) else SourceOptions(str(given)).kind
        if kind is Kind.SAMPLE:
            sample = sample_file(str(given).strip().partition(":")[2])
            found.append(MediaFile(sample, Path(sample.name)))
            continue
        if kind is not Kind.FILE:
            found.append(MediaFile(path, Path(f"{kind.value}.mp4"), str(given)))
            continue
        bag, topic = split_topic(path)
        if topic:
            name = f"{bag.resolve().name}-{topic.strip('/').replace('/', '-')}"
            found.append(MediaFile(bag, Path(name), topic=topic))
            continue
        if not exists(path, ConfigError):
            raise ConfigError(f"{path}: no such file or folder{near_path(path)}")
        if is_folder(path):
            inside = _inside(path)
            if not inside:
                raise ConfigError(f"{path}: no images, videos or bags in this folder")
            # the folder itself may be a bag
            own = Path(path.resolve().name or "bag")
            found += [MediaFile(file, own if file == path else file.relative_to(path)) for file in inside]
        else:
            found.append(MediaFile(path, Path(path.name)))
    return found


def _inside(folder: Path) -> list[Path]:
    check_listing(folder, ConfigError)
    bags = set(find_bags(folder))
    suffixes = SUFFIXES | UNREAD_SUFFIXES | VIDEO_SUFFIXES
    files = [folder] if folder in bags else []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [path for name in folders if (path := Path(parent, name)) in bags]
        for name in sorted(names):
            path = Path(parent, name)
            if path in bags or (path.suffix.lower() in suffixes and not name.startswith(".")):
                files.append(path)
    return files


class VideoFrames:
    """The frames of a video file, as fast as they decode. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Raises SourceError if not even one frame can be decoded. `problems`: what was wrong, once it is read."""
        self.problems: list[str] = []
        options = SourceOptions(source=str(path.resolve()), loop=False)
        self._source = VideoFileSource(path, options, self.problems.append)

    def __enter__(self) -> VideoFrames:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    @property
    def rate_hz(self) -> float:
        """Frames per second."""
        return self._source.rate_hz or FALLBACK_RATE_HZ

    def count(self) -> int | None:
        """As the file's header says, which can be off by a few; None where it says nothing."""
        return self._source.expected or None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Each frame as (H, W, 3) uint8 RGB."""
        while (capture := self._source.read()) is not None:
            yield capture.image
