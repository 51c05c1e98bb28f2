# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An image with its capture time and coordinate frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from face_detect_ros.core.errors import ImageError


def check_image(image: np.ndarray) -> None:
    """Raise `ImageError` unless `image` is a (H, W, 3) uint8 array with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise ImageError("type", f"image is a {type(image).__name__}; give a (H, W, 3) uint8 array")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError("shape", f"image has shape {image.shape}; expected (height, width, 3)")
    if image.dtype != np.uint8:
        raise ImageError("dtype", f"image has dtype {image.dtype}; expected uint8")
    if image.size == 0:
        raise ImageError("empty", f"image has shape {image.shape}: no pixels")


@dataclass(frozen=True, eq=False)
class Frame:
    """One image.

    Attributes:
        image: (H, W, 3) uint8, RGB; never written to after construction.
        stamp_ns: Capture time, nanoseconds since the epoch of the clock that stamped it.
        frame_id: Coordinate frame of the camera's optical center (REP 103, REP 105).
        arrival_s: `time.monotonic` reading when it came in; None for images that do not arrive at some time.

    Raises ImageError for any other image.
    """

    image: np.ndarray
    stamp_ns: int = 0
    frame_id: str = ""
    arrival_s: float | None = None

    def __post_init__(self) -> None:
        check_image(self.image)

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height


@dataclass(eq=False)
class LazyFrame:
    """An image that is decoded at most once, when the first consumer asks for it.

    Consumers that drop the image never pay for decoding; consumers that share it share the pixels.

    Attributes:
        stamp_ns: When it was taken.
        frame_id: Coordinate frame of the camera.
        decode: Gives the image, (H, W, 3) uint8 RGB, or raises ImageError.
        arrival_s: When it arrived, by `time.monotonic`.
        message: What it came in, for those who pass it on; None if it came in no message.
    """

    stamp_ns: int
    frame_id: str
    decode: Callable[[], np.ndarray]
    arrival_s: float = field(default_factory=time.monotonic)
    message: object = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _result: Frame | ImageError | None = field(default=None, repr=False)

    def frame(self) -> Frame:
        """The decoded frame. Raises ImageError, the same one on every call, if it cannot be decoded."""
        with self._lock:
            if self._result is None:
                try:
                    self._result = Frame(self.decode(), self.stamp_ns, self.frame_id, self.arrival_s)
                except ImageError as error:
                    self._result = error
        if isinstance(self._result, ImageError):
            # without the traceback of earlier calls: it would grow with each and keep their variables alive
            raise self._result.with_traceback(None)
        return self._result
