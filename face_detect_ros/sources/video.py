"""A video file as a source."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cv2

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.base import Capture
from face_detect_ros.sources.fit import fit
from face_detect_ros.sources.options import SourceOptions

FALLBACK_RATE_HZ = 25.0
"""Of a video whose header gives no usable rate."""


class VideoFileSource:
    """The frames of a video file, again and again with `loop`."""

    live = False

    def __init__(self, path: Path, options: SourceOptions) -> None:
        """Raises SourceError if not even one frame can be decoded."""
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
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise SourceError(f"{self._path}: neither a picture nor a video that can be read, or damaged")
        return capture

    def _grab(self) -> Capture | None:
        good, image = self._capture.read()
        captured_s = time.monotonic()
        if not good:
            return None
        image = fit(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), self._options.width, self._options.height)
        return Capture(image, captured_s)
