# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A video file as a source."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cv2

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.base import Capture, Warn, no_warning
from face_detect_ros.sources.ffmpeg import open_file
from face_detect_ros.sources.fit import check_size, fit
from face_detect_ros.sources.options import SourceOptions

FALLBACK_RATE_HZ = 25.0
"""Of a video whose header gives no usable rate."""
_COMPLETE = 0.9  # headers estimate how many frames there are


class VideoFileSource:
    """The frames of a video file, again and again with `loop`.

    Args:
        path: The file.
        options: The source.
        warn: Told of an end that comes too early.

    Raises:
        SourceError: Not even one frame can be decoded.
    """

    live = False

    def __init__(self, path: Path, options: SourceOptions, warn: Warn = no_warning) -> None:
        self._warn = warn
        self._frames = 0
        self.description = options.description
        self._path = path
        self._options = options
        self._capture = self._open()
        # the first frame now: a container may open although nothing in it can be decoded
        self._first: Capture | None = self._grab()
        if self._first is None:
            self.close()
            raise SourceError(
                f"{path}: no frame of this video can be decoded; convert it, for example to H.264 MP4"
            )
        self.expected = _whole(self._capture, cv2.CAP_PROP_FRAME_COUNT)
        """How many frames its header announces, which can be off by a few; 0 where it does not say."""
        rate_hz = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate_hz: float | None = options.rate_hz or (
            rate_hz if 0.1 <= rate_hz <= 240 else FALLBACK_RATE_HZ
        )

    def read(self) -> Capture | None:
        """The next frame; None at the end. Raises SourceError if it cannot be read from its start again."""
        if self._first is not None:
            first, self._first = self._first, None
            return Capture(first.image, time.monotonic())
        if self._capture is None:
            return None
        capture = self._grab()
        if capture is None:
            self._check_complete()
        if capture is None and self._options.loop:
            # opened anew: seeking to the start fails in some containers
            self._capture.release()
            self._capture = self._open()
            capture = self._grab()
            if capture is None:
                raise SourceError(f"{self._path}: can no longer be read from its start; was it changed?")
        return capture

    def close(self) -> None:
        self._first = None
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _open(self) -> Any:
        if not os.access(self._path, os.R_OK):
            raise SourceError(f"{self._path}: no permission to read it")
        capture = open_file(self._path)
        if not capture.isOpened():
            raise SourceError(f"{self._path}: neither an image nor a video that can be read, or damaged")
        # 0 where it does not say
        width = max(1, _whole(capture, cv2.CAP_PROP_FRAME_WIDTH))
        height = max(1, _whole(capture, cv2.CAP_PROP_FRAME_HEIGHT))
        check_size(width, height, self._options, str(self._path))
        self._frames = 0
        return capture

    def _check_complete(self) -> None:
        """Say it once if the file ended long before its header says."""
        if 0 < self._frames < _COMPLETE * self.expected:
            self._warn(
                f"{self._path}: only {self._frames} of {self.expected} frames can be read; it is damaged or cut off"
            )
            self.expected = 0

    def _grab(self) -> Capture | None:
        good, image = self._capture.read()
        captured_s = time.monotonic()
        if not good:
            return None
        self._frames += 1
        check_size(image.shape[1], image.shape[0], self._options, str(self._path))
        image = fit(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), self._options.width, self._options.height)
        return Capture(image, captured_s)


def _whole(capture: Any, setting: int) -> int:
    """A number in a video's header; 0 where it makes no sense."""
    value = float(capture.get(setting))
    return int(value) if 0 < value < 1e9 else 0
