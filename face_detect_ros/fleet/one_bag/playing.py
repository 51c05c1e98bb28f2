# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags of depth cameras as sources: images with their depth and calibration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from face_detect_ros.bags.cameras import cameras, choose
from face_detect_ros.bags.reading import END_NS, BagReader
from face_detect_ros.core.errors import SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.depth.scene import Scene
from face_detect_ros.fleet.one_bag.reading import Reading, read
from face_detect_ros.fleet.one_bag.scenes import links

_LATE_S = 0.1  # an image that is later is left out


class DepthBag:
    """The images of a camera in a bag, with depth.

    Args:
        path: The bag.
        topic: Of the images; empty: of the first camera that has depth.

    Attributes:
        has_depth: Whether there is such a camera.
        dropped: Images that were left out so far because they came late.

    Raises:
        SourceError: The bag cannot be read.
        ConfigError: There is no such topic.
    """

    def __init__(self, path: Path, topic: str = "") -> None:
        self._path = path
        self._reader = BagReader(path)
        try:
            found = cameras(self._reader)
            self._links = links(self._reader, choose(found, (topic,) if topic else ()), found)[:1]
        except BaseException:
            self._reader.close()
            raise
        self.has_depth = bool(self._links)
        self.dropped = 0

    def frames(self, *, live: bool) -> Iterator[tuple[Frame, Scene | None]]:
        """The images and what is known of their space.

        Args:
            live: At the pace of the recording, over and over, with stamps of now; images that come late are left out.
                Otherwise each once, as it was recorded.

        Raises:
            SourceError: None of them can be decoded.
        """
        reading = Reading(tuple(link.image for link in self._links), (), (0, END_NS), links=self._links)
        while True:
            began: tuple[float, int] | None = None
            given = False
            for work in read(self._reader, reading, (), lambda *_: None):
                if work.frame is None:
                    continue
                frame = work.frame
                if live:
                    began = began or (time.monotonic(), work.message.log_ns)
                    early_s = began[0] + (work.message.log_ns - began[1]) * 1e-9 - time.monotonic()
                    if early_s < -_LATE_S:
                        self.dropped += 1
                        continue
                    time.sleep(max(0.0, early_s))
                    frame = Frame(frame.image, time.time_ns(), frame.frame_id, time.monotonic())
                given = True
                yield frame, None if work.scene is None else work.scene(frame)
            if not given:
                raise SourceError(f"{self._path}: no image can be decoded; `bag info` says what is in it")
            if not live:
                return

    def close(self) -> None:
        """Close the bag."""
        self._reader.close()
