# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images of one topic of a bag, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from face_detect_ros.bags.cameras import cameras, choose
from face_detect_ros.bags.images import read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.topic import Topic
from face_detect_ros.core.errors import ConfigError, ImageError, SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.images.raw import DecodeOptions

FALLBACK_RATE_HZ = 15.0
"""Of a topic with too few images to tell."""


def image_topics(path: Path) -> list[str]:
    """The cameras of a bag, each by one topic. Raises as `BagFrames`."""
    with BagReader(path) as reader:
        return [camera.topic.name for camera in choose(cameras(reader), ())]


class BagFrames:
    """The images of one topic. Use as a context manager.

    Args:
        path: The bag.
        topic: Its name; empty where the bag has one camera only.
        options: How images are decoded.
        tell: Told of images that are passed over, and of what cannot be read.

    Attributes:
        topic: Of the images.
        rate_hz: Images a second.

    Raises:
        ConfigError: There is no such topic, or several to choose from.
        SourceError: Nothing of the bag can be read.
    """

    def __init__(self, path: Path, topic: str, options: DecodeOptions, tell: Callable[[str], None]) -> None:
        self._reader = BagReader(path)
        self._options = options
        self._tell = tell
        try:
            self.topic = self._chosen(path, topic)
        except BaseException:
            self._reader.close()
            raise
        rate_hz = (self.topic.count - 1) / self._reader.duration_s if self._reader.duration_s else 0.0
        self.rate_hz = rate_hz if 0.1 <= rate_hz <= 240 else FALLBACK_RATE_HZ

    def __enter__(self) -> BagFrames:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """The images with their stamps. `arrival_s` is when one was recorded, in seconds since the start of the bag."""
        for message in self._reader.messages([self.topic]):
            try:
                image = read_image(self.topic.type, message.data)
                arrival_s = (message.log_ns - self._reader.start_ns) * 1e-9
                yield Frame(image.decode(self._options), image.stamp_ns, image.frame_id, arrival_s)
            except ImageError as error:
                self._tell(f"{self._reader.path}: an image of {self.topic.name} is left out: {error}")
        for problem in self._reader.problems:
            self._tell(problem)
        self._reader.problems.clear()

    def close(self) -> None:
        """Close the bag. Calling it twice is fine."""
        self._reader.close()

    def _chosen(self, path: Path, topic: str) -> Topic:
        try:
            found = choose(cameras(self._reader), [topic] if topic else [])
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
        if not found:
            raise SourceError(f"{path}: has no topic with images that can be shown")
        if len(found) > 1:
            names = ", ".join(camera.topic.name for camera in found)
            raise ConfigError(
                f"{path}: has several cameras ({names}); add one, such as {path}#{found[0].topic.name}"
            )
        return found[0].topic
