# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Still images as a source: one, or all of a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import SourceError
from face_detect_ros.images.reading import image_files, read_image, tell_others
from face_detect_ros.sources.base import Capture, Warn, no_warning
from face_detect_ros.sources.fit import fit
from face_detect_ros.sources.motion import Motion
from face_detect_ros.sources.options import SourceOptions

STILLS_RATE_HZ = 15.0
"""Of stills, for which no rate was asked: smooth enough for motion, cheap enough for a small robot."""


class StillsSource:
    """Gives out images in order, each `hold_frames` times; only one is in memory.

    Frame number i since opening shows, with motion, view number i of its image (`Motion.frame`).

    Args:
        files: The images.
        options: The source.
        warn: Told of each file that cannot be read, once.

    Attributes:
        skipped: Number of files that could not be read.

    Raises:
        SourceError: No file can be read: a wrong folder should show at the start.
    """

    live = False

    def __init__(self, files: Sequence[Path], options: SourceOptions, warn: Warn = no_warning) -> None:
        self.description = options.description
        self.rate_hz: float | None = options.rate_hz or STILLS_RATE_HZ
        self._options = options
        self._warn = warn
        self._files = list(files)
        self._unreadable: set[Path] = set()
        self._position = 0
        self._view: Callable[[int], np.ndarray] | None = None
        self._shown = 0
        self._frames = 0
        self._open_current()

    @property
    def skipped(self) -> int:
        return len(self._unreadable)

    def read(self) -> Capture | None:
        """The next image; None at the end without `loop`. Raises SourceError once no file can be read."""
        if self._shown >= self._options.hold_frames:
            self._shown = 0
            if len(self._files) > 1 or not self._options.loop:
                self._position += 1
                self._view = None
        view = self._view or self._open_current()
        if view is None:
            return None
        image = view(self._frames)
        self._frames += 1
        self._shown += 1
        return Capture(image, time.monotonic())

    def close(self) -> None:
        self._view = None
        self._files = []

    def _open_current(self) -> Callable[[int], np.ndarray] | None:
        """Load the first readable file from the current position on. None at the end without `loop`."""
        for _ in range(len(self._files)):
            if self._position >= len(self._files):
                if not self._options.loop:
                    return None
                self._position = 0
            path = self._files[self._position]
            try:
                self._view = self._prepare(read_image(path, self._options.max_image_mpx))
                return self._view
            except SourceError as error:
                if len(self._files) == 1:
                    raise
                if path not in self._unreadable:
                    self._unreadable.add(path)
                    self._warn(f"{error}; skipped")
                self._position += 1
        if not self._files:
            return None  # closed
        raise SourceError(f"{self.description}: none of its {len(self._files)} images can be read")

    def _prepare(self, image: np.ndarray) -> Callable[[int], np.ndarray]:
        """The image as a function of the frame's number."""
        width, height = self._options.width, self._options.height
        if self._options.motion:
            return Motion(image, width, height).frame
        still = fit(image, width, height)
        return lambda index: still


def open_folder(folder: Path, options: SourceOptions, warn: Warn = no_warning) -> StillsSource:
    """All images of a folder, sorted by name.

    Args:
        folder: Without its subfolders.
        options: The source.
        warn: Told of what else is there.

    Raises:
        SourceError: There are no images.
    """
    files = image_files(folder)
    tell_others(folder, warn)
    if not files:
        raise SourceError(f"{folder}: the folder holds no images (.jpg, .png, ...); give another folder")
    return StillsSource(files, options, warn)
