# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Cameras as a source: V4L2 devices, and network cameras by URL."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cv2

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.base import Capture, Warn, no_warning
from face_detect_ros.sources.ffmpeg import open_url
from face_detect_ros.sources.fit import check_size, fit
from face_detect_ros.sources.options import SourceOptions, device_path


class CameraSource:
    """Images from an open cv2.VideoCapture that waits for each of them."""

    live = True

    def __init__(self, capture: Any, options: SourceOptions) -> None:
        self.description = options.description
        rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
        # a stream without a declared rate shows as 0, or as its 90 kHz clock
        self.rate_hz: float | None = rate_hz if 0.1 <= rate_hz <= 240 else None
        self._options = options
        self._capture = capture

    def read(self) -> Capture | None:
        """The next image, when it comes. Raises SourceError if none comes any more; None once closed."""
        if self._capture is None:
            return None
        grabbed = self._capture.grab()
        captured_s = time.monotonic()
        good, image = self._capture.retrieve() if grabbed else (False, None)
        if not good or image is None:
            raise SourceError(f"{self.description}: no more images come; check its power, cable and network")
        check_size(image.shape[1], image.shape[0], self._options, self.description)
        image = fit(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), self._options.width, self._options.height)
        return Capture(image, captured_s)

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


def open_device(options: SourceOptions, warn: Warn = no_warning) -> CameraSource:
    """A V4L2 camera. Warns if it does not have the size that was asked for. Raises SourceError."""
    path = device_path(options.source)
    if not os.path.exists(path):
        found = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "no camera at all"
        raise SourceError(f"{path}: no such device; there is {found}. Plug the camera in or give another one")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(f"{path}: no permission; do: sudo usermod -aG video $USER, and log in again")
    capture = cv2.VideoCapture(path, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{path}: not a camera, or in use by another program (fuser {path} shows which); "
            "cameras often have a second device for metadata: try the other numbers"
        )
    # MJPEG first, it decides which sizes and rates there are: raw, USB 2 carries at most 640x480 at 30 Hz
    capture.set(cv2.CAP_PROP_FOURCC, int.from_bytes(b"MJPG", "little"))
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    wanted = {
        cv2.CAP_PROP_FRAME_WIDTH: options.width,
        cv2.CAP_PROP_FRAME_HEIGHT: options.height,
        cv2.CAP_PROP_FPS: options.rate_hz,
    }
    for setting, value in wanted.items():
        if value:
            capture.set(setting, value)
    width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if options.width not in (0, width) or options.height not in (0, height):
        warn(
            f"{path} gives {width}x{height} instead of {options.width or 'any'}x{options.height or 'any'}: "
            "its images are scaled, which costs time"
        )
    return CameraSource(capture, options)


def open_stream(options: SourceOptions, warn: Warn = no_warning) -> CameraSource:
    """A network camera. Waits at most `timeout_s`. Warns if its certificate is not verified. Raises SourceError."""
    if options.insecure:
        warn(
            f"{options.description}: insecure is set, so whoever is in between can see and change its images"
        )
    capture = open_url(options)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{options.description}: no answer, or no video; check the address, user, password and network"
        )
    try:  # before the first image is unpacked
        width, height = (
            int(capture.get(size)) for size in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width > 0 and height > 0:
            check_size(width, height, options, options.description)
    except SourceError:
        capture.release()
        raise
    return CameraSource(capture, options)
