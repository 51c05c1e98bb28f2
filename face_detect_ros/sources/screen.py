# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""This computer's screen as a source, grabbed by an FFmpeg child process."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import weakref
from dataclasses import dataclass
from typing import IO, cast

import numpy as np

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.base import Capture
from face_detect_ros.sources.fit import fit
from face_detect_ros.sources.options import SourceOptions

SCREEN_RATE_HZ = 15.0
_TARGET = re.compile(r"screen(?::(?P<display>[^+]*))?(?:\+(?P<x>\d{1,6}),(?P<y>\d{1,6}))?")
_PPM_HEADER = re.compile(rb"P6\s(\d+) (\d+)\s255\s")
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class ScreenArea:
    """What to grab.

    Attributes:
        display: An X display, like ":0.0".
        corner: X, y of the left upper corner in pixels, or None for the whole screen.
    """

    display: str
    corner: tuple[int, int] | None


def parse_area(options: SourceOptions, default_display: str | None) -> ScreenArea:
    """The area that a ``screen`` source names; `default_display` is $DISPLAY. Raises ConfigError."""
    match = _TARGET.fullmatch(options.source.strip())
    if match is None:
        raise ConfigError(
            f"{options.source}: cannot be understood; give screen, screen::0.0 or screen::0.0+X,Y"
        )
    display = match["display"] or default_display
    if not display:
        raise ConfigError(
            "screen: DISPLAY is not set, so there is no screen to grab; run it in a desktop session "
            "(X11 or XWayland) or give the display, as in screen::0"
        )
    if match["x"] is None:
        return ScreenArea(display, None)
    if not (options.width and options.height):
        raise ConfigError(f"{options.source}: a part of the screen needs its size; give width and height too")
    return ScreenArea(display, (int(match["x"]), int(match["y"])))


def ffmpeg_command(program: str, area: ScreenArea, options: SourceOptions) -> list[str]:
    """The command that grabs the screen: it writes one PPM file (a header with the size, then RGB bytes) per image.

    Args:
        program: Path of ffmpeg.
        area: Of the screen.
        options: With rate and size.
    """
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-f", "x11grab"]
    command += ["-framerate", f"{options.rate_hz or SCREEN_RATE_HZ:g}"]
    target = area.display
    if area.corner:
        command += ["-video_size", f"{options.width}x{options.height}"]
        target += "+{},{}".format(*area.corner)
    # PPM instead of bare rgb24: each image brings its size, so that the screen's need not be asked for
    return [*command, "-i", target, "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]


class ScreenSource:
    """Images of the screen. The child process ends with `close`, with this object, or with Python."""

    live = True

    def __init__(self, options: SourceOptions) -> None:
        """Raises ConfigError without FFmpeg or a display, SourceError if the first image does not come."""
        area = parse_area(options, os.environ.get("DISPLAY"))
        program = shutil.which("ffmpeg")
        if program is None:
            raise ConfigError("screen: the program ffmpeg is not installed: sudo apt install ffmpeg")
        self.description = options.description
        self.rate_hz: float | None = options.rate_hz or SCREEN_RATE_HZ
        self._options = options
        self._left_over = b""
        messages = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child; a pipe could fill up
        self._messages = messages
        self._child = subprocess.Popen(
            ffmpeg_command(program, area, options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            bufsize=0,
            # Ctrl-C goes to this process, which stops the child in its own time
            start_new_session=True,
        )
        self._pipe = cast("IO[bytes]", self._child.stdout)
        self._finalizer = weakref.finalize(self, _end, self._child, self._pipe, messages)
        try:
            self._first: Capture | None = self._next()
        except SourceError:
            self.close()
            raise

    def read(self) -> Capture | None:
        """The next image, when it is due; None once closed. Raises SourceError if the screen is gone."""
        if not self._finalizer.alive:
            return None
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._next()

    def close(self) -> None:
        self._first = None
        self._finalizer()

    def _next(self) -> Capture:
        deadline_s = time.monotonic() + self._options.timeout_s
        data = bytearray(self._left_over)
        while (header := _PPM_HEADER.match(data)) is None:
            if len(data) > 64:
                raise SourceError(f"{self.description}: ffmpeg wrote something that is not an image")
            data += self._receive(deadline_s)
        width, height = int(header[1]), int(header[2])
        start, size = header.end(), 3 * width * height
        del header  # it would keep the bytearray from growing
        while len(data) < start + size:
            data += self._receive(deadline_s)
        captured_s = time.monotonic()
        self._left_over = bytes(data[start + size :])
        image = np.frombuffer(data, np.uint8, size, start).reshape(height, width, 3)
        return Capture(fit(image, self._options.width, self._options.height), captured_s)

    def _receive(self, deadline_s: float) -> bytes:
        """What the child has written, when it has. Raises SourceError."""
        ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise SourceError(f"{self.description}: no image for {self._options.timeout_s:g} s")
        data = self._pipe.read(_READ_BYTES)
        if not data:
            self._child.wait()
            self._messages.seek(0)
            said = self._messages.read().decode(errors="replace").strip().splitlines()
            raise SourceError(f"{self.description}: ffmpeg ended: {said[-1] if said else 'without a reason'}")
        return data


def _end(child: subprocess.Popen[bytes], pipe: IO[bytes], messages: IO[bytes]) -> None:
    child.kill()
    child.wait()
    pipe.close()
    messages.close()
