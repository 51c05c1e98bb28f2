# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writing MP4 files."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.whole_file import whole_file

# what an unplugged or restarted camera leaves is cut to this many repeats of its last image
_MOST_REPEATS = 600
_FFMPEG_END_S = 60.0


class _Encoder(Protocol):
    def write(self, image: np.ndarray) -> None: ...

    def release(self) -> None: ...


class VideoFile:
    """An MP4 file being written, of one frame rate and of the size of its first image. Use as a context manager.

    The codec is H.264, which every player and browser knows, where the `ffmpeg` program or this build of OpenCV can
    encode it, and MPEG-4 part 2 elsewhere, which browsers do not play. The file appears when it is complete.
    """

    def __init__(self, path: Path, rate_hz: float) -> None:
        """Opens nothing yet: the first image decides the size.

        Args:
            path: The file; one that is there is replaced.
            rate_hz: Images per second.
        """
        self._path = path
        self._rate_hz = rate_hz
        self._encoder: _Encoder | None = None
        self._size: tuple[int, int] = (0, 0)
        self._first_s = 0.0
        self._count = 0
        self._last: np.ndarray | None = None
        self._unfinished = contextlib.ExitStack()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Complete the file; it holds the images so far. Does nothing if there were none. Raises OutputError."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return
        try:
            encoder.release()
            self._unfinished.close()
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror or error}") from error

    def write(self, image: np.ndarray, time_s: float | None = None) -> None:
        """Add an image.

        Args:
            image: (H, W, 3) uint8 RGB; scaled if it is not of the first image's size.
            time_s: When it was taken, by any clock. Where images are missing, the one before is shown for longer, so
                that the video takes as long as what it shows. None: right after the one before.

        Raises:
            OutputError: The file cannot be written.
        """
        if self._encoder is None:
            self._open(image)
            self._first_s = time_s or 0.0
        frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if (frame.shape[1], frame.shape[0]) != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        if time_s is not None and self._last is not None:
            due = round((time_s - self._first_s) * self._rate_hz)
            if (
                not 0 <= due - self._count <= _MOST_REPEATS
            ):  # another clock, or a long pause: goes on from here
                self._first_s = time_s - self._count / self._rate_hz
                due = self._count
            while self._count < due:
                self._encode(self._last)
        self._encode(frame)
        self._last = frame

    def _encode(self, frame: np.ndarray) -> None:
        assert self._encoder is not None
        try:
            self._encoder.write(frame)
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror or error}") from error
        self._count += 1

    def _open(self, image: np.ndarray) -> None:
        self._size = (image.shape[1], image.shape[0])
        try:
            beside = self._unfinished.enter_context(whole_file(self._path))
            self._encoder = _encoder(beside, self._rate_hz, self._size)
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror or error}") from error
        if self._encoder is None:
            beside.unlink()
            raise OutputError(f"{self._path}: OpenCV cannot write this video")


def _encoder(path: Path, rate_hz: float, size: tuple[int, int]) -> _Encoder | None:
    if _ffmpeg_has_h264():
        return _Ffmpeg(path, rate_hz, size)
    for code in ("avc1", "mp4v"):
        writer: Any = cv2.VideoWriter(os.fspath(path), cv2.VideoWriter.fourcc(*code), rate_hz, size)
        if writer.isOpened():
            return writer  # type: ignore[no-any-return]
    return None


@functools.cache
def _ffmpeg_has_h264() -> bool:
    program = shutil.which("ffmpeg")
    if program is None:
        return False
    try:
        listed = subprocess.run(
            [program, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "libx264 " in listed.stdout


class _Ffmpeg:
    """H.264 by the ffmpeg program, which reads raw BGR from a pipe."""

    def __init__(self, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        width, height = size
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by release
        self._process = subprocess.Popen(
            [
                "ffmpeg", "-nostdin", "-loglevel", "error", "-y",
                "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}",
                "-r", f"{rate_hz:.6f}", "-i", "pipe:0",
                # players want chroma at half the resolution, and so an even number of rows and columns
                "-vf", "scale=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p",
                "-c:v", "libx264", "-preset", "veryfast", "-movflags", "+faststart", "-f", "mp4", os.fspath(path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for us, who then complete the file
        )  # fmt: skip

    def write(self, image: np.ndarray) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(image.data)
        except BrokenPipeError as error:
            raise OSError(self._reason()) from error

    def release(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate(timeout=_FFMPEG_END_S)
        reason = self._reason() if self._process.wait(_FFMPEG_END_S) else ""
        self._errors.close()
        if reason:
            raise OSError(reason)

    def _reason(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return f"ffmpeg: {next((line for line in reversed(lines) if line.strip()), 'it gave up')}"
