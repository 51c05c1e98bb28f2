# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What to read images from, and how: the one place where a source's defaults are written."""

from __future__ import annotations

import enum
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.text import printable, shown_url
from face_detect_ros.images.limits import HIGHEST_IMAGE_MPX, MAX_IMAGE_MPX

STREAM_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp")
MAX_RATE_HZ = 1000.0
MAX_SIDE_PX = 16384
_CAMERA_NUMBER = re.compile(r"\d{1,6}")  # Python reads no number of thousands of digits
_CAMERA_PATH = re.compile(r"/dev/(video\d+|v4l/)")
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_MISTYPED = re.compile(rf"({'|'.join(sorted(STREAM_SCHEMES, reverse=True))})(:|//)", re.IGNORECASE)
_CREDENTIALS = re.compile(r":.*@", re.DOTALL)
_LISTEN = re.compile(r"[?&\s]\w*listen\b", re.IGNORECASE)
_EXAMPLES = "an image, folder, video, bag, /dev/video0, URL, screen or sample:NAME"
# some cameras want their password inside the path: /user=admin_password=secret_channel=1
_PATH_SETTING = re.compile(r"=[^/=]*")


class Kind(enum.Enum):
    """What a `source` text names."""

    FILE = "file"
    """An image, a folder of images or a video file: which one shows only when it is opened."""
    SAMPLE = "sample"
    CAMERA = "camera"
    STREAM = "stream"
    SCREEN = "screen"


_LIVE_KINDS = (Kind.CAMERA, Kind.STREAM, Kind.SCREEN)


@dataclass(frozen=True)
class SourceOptions:
    """Where images come from.

    Attributes:
        source: One of
            a path to an image, to a folder of images, to a video file or to a bag (``BAG#TOPIC`` where it has several
            cameras);
            ``/dev/video0`` or ``0``: a V4L2 camera;
            ``rtsp://...``, ``http://...`` (also rtsps, rtmp, https, udp, tcp): a network camera;
            ``screen``, ``screen::0.0`` or ``screen::0.0+100,50``: this computer's screen, a given X display, or
            the `width` x `height` pixels of it whose left upper corner is at 100,50;
            ``sample:astronaut``: an image that comes with scikit-image.
        rate_hz: Images a second; 0 is the source's own rate (a video's frame rate, whatever a camera gives, 15
            for stills and the screen). A video plays faster or slower by it; of a camera that gives more, some
            are left out.
        width, height: Size of every image given out, in pixels; 0 is the source's own. With one of them the
            other follows the aspect ratio. With both the image is fitted in without distortion or loss, between
            black borders (letterbox). A camera is also asked for this size.
        loop: Start again at the end of a file; else the source finishes there.
        motion: Pan and zoom smoothly over stills, so that they move.
        hold_frames: How many images each still of a folder is given out for, before the next one.
        timeout_s: Longest wait for a network camera or the screen, when opening it and for each image.
        max_image_mpx: Larger images are refused, in megapixels.
        insecure: Do not check the certificate of an https or rtsps camera, for cameras that signed their own.
        listen: Let a udp:// or tcp://...?listen source wait for whoever sends, from anywhere on the network.

    Raises ConfigError for a value that cannot be used.
    """

    # not in repr: it may hold a password
    source: str = field(repr=False)
    rate_hz: float = 0.0
    width: int = 0
    height: int = 0
    loop: bool = True
    motion: bool = False
    hold_frames: int = 1
    timeout_s: float = 5.0
    max_image_mpx: float = MAX_IMAGE_MPX
    insecure: bool = False
    listen: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.source, str) or not self.source.strip():
            raise ConfigError(f"source is empty; give {_EXAMPLES}")
        _check_number("rate_hz", self.rate_hz, 0.0, MAX_RATE_HZ)
        _check_number("timeout_s", self.timeout_s, 0.1, 3600.0)
        _check_whole("width", self.width, 0, MAX_SIDE_PX)
        _check_whole("height", self.height, 0, MAX_SIDE_PX)
        _check_whole("hold_frames", self.hold_frames, 1, 1_000_000)
        _check_number("max_image_mpx", self.max_image_mpx, 0.001, HIGHEST_IMAGE_MPX)
        for name in ("loop", "motion", "insecure", "listen"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; give true or false")
        if kind_of(self.source) is Kind.STREAM and listens(self.source) and not self.listen:
            raise ConfigError(
                f"{self.description}: waits for whoever sends, from anywhere on the network; set listen to true if "
                "that is wanted"
            )

    @property
    def kind(self) -> Kind:
        return kind_of(self.source)

    @property
    def live(self) -> bool:
        """True for what paces itself and may be lost and come back: cameras, streams, the screen."""
        return self.kind in _LIVE_KINDS

    @property
    def description(self) -> str:
        """The source for people to read, without passwords."""
        return without_password(self.source)


def kind_of(source: str) -> Kind:
    """Which kind of source a text names, by the text alone. Raises ConfigError for an unknown scheme."""
    source = source.strip()
    if "@" in source and (source.startswith(("screen:", "sample:")) or _CAMERA_PATH.match(source)):
        raise ConfigError(
            f"source contains an @, so it looks like an address without its scheme; give {_EXAMPLES}"
        )
    if source == "screen" or source.startswith("screen:"):
        return Kind.SCREEN
    if source.startswith("sample:"):
        return Kind.SAMPLE
    if _CAMERA_NUMBER.fullmatch(source) or _CAMERA_PATH.match(source):
        return Kind.CAMERA
    # nothing of it is shown until its parts are known: a mistyped address may hold a password anywhere
    if url := _URL.match(source):
        if url[1].lower() not in STREAM_SCHEMES:
            raise ConfigError(
                f"source scheme {url[1].lower()}:// is unknown; give one of {', '.join(STREAM_SCHEMES)}, or a path"
            )
        return Kind.STREAM
    if mistyped := _MISTYPED.match(source):
        raise ConfigError(f"source looks like an address; begin it with {mistyped[1].lower()}://")
    if ("://" in source or _CREDENTIALS.search(source)) and not source.startswith(("/", "./", "../", "~")):
        raise ConfigError(
            f"source looks like an address without its scheme; begin it with one of "
            f"{', '.join(f'{scheme}://' for scheme in STREAM_SCHEMES)}, or a path with ./"
        )
    return Kind.FILE


def listens(source: str) -> bool:
    """Whether a stream waits for a sender instead of asking one."""
    scheme, _, rest = source.strip().partition("://")
    return scheme.lower() == "udp" or _LISTEN.search(rest) is not None


def device_path(source: str) -> str:
    """The device a CAMERA source names: ``0`` is /dev/video0."""
    source = source.strip()
    return f"/dev/video{int(source)}" if _CAMERA_NUMBER.fullmatch(source) else source


def without_password(source: str) -> str:
    """`source` for people to read: user, password, query and settings in the path of a URL are left out."""
    source = printable(source.strip())
    if _URL.match(source) is None:
        return device_path(shown_url(source))
    return _PATH_SETTING.sub("=...", shown_url(source))


def expand_path(source: str) -> Path:
    """The path a FILE source names."""
    return Path(os.path.expanduser(source.strip()))


def _check_number(name: str, value: float, low: float, high: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and low <= value <= high):
        raise ConfigError(f"{name} is {value!r}; give a number from {low:g} to {high:g}")


def _check_whole(name: str, value: int, low: int, high: int) -> None:
    if not (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
        raise ConfigError(f"{name} is {value!r}; give a whole number from {low} to {high}")
