# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A recorded bag as a source: the images of one of its topics, at the rate at which they were recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from face_detect_ros.bags.frames import BagFrames
from face_detect_ros.core.errors import SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.sources.base import Capture, Warn, no_warning
from face_detect_ros.sources.fit import fit
from face_detect_ros.sources.options import SourceOptions


class BagSource:
    """The images of a topic, again and again with `loop`.

    Args:
        path: The bag.
        topic: Its name; empty where the bag has one camera only.
        options: Of the source.
        warn: Told of images that are passed over.

    Raises:
        ConfigError: There is no such topic, or several to choose from.
        SourceError: The bag cannot be read or has no image.
    """

    live = False

    def __init__(self, path: Path, topic: str, options: SourceOptions, warn: Warn = no_warning) -> None:
        self.description = options.description
        self._options = options
        self._bag = BagFrames(path, topic, DecodeOptions(options.max_image_mpx), warn)
        self.rate_hz: float | None = options.rate_hz or self._bag.rate_hz
        self._frames: Iterator[Frame] | None = iter(self._bag)
        self._first = next(self._frames, None)
        if self._first is None:
            self.close()
            raise SourceError(f"{self.description}: none of its images can be read")

    def read(self) -> Capture | None:
        """The next image; None at the end without `loop`."""
        if self._frames is None:
            return None
        frame, self._first = self._first or next(self._frames, None), None
        if frame is None and self._options.loop:
            self._frames = iter(self._bag)
            frame = next(self._frames, None)
        if frame is None:
            return None
        image = fit(frame.image, self._options.width, self._options.height)
        return Capture(image, time.monotonic())

    def close(self) -> None:
        """Close the bag. Calling it twice is fine."""
        self._frames = None
        self._bag.close()
