# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Depth images of every transport, decoded when first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.core.errors import ImageError
from face_detect_ros.depth.image import (
    DepthImage,
    decode_compressed_depth,
    decode_depth,
    depth_of_disparity,
)
from face_detect_ros.ros.messages.headers import to_ns


class LazyDepth:
    """A depth image that is decoded at most once, when the first detection needs it.

    Attributes:
        stamp_ns: When it was taken.
        frame_id: Frame that it was taken in.
    """

    def __init__(self, stamp_ns: int, frame_id: str, decode: Callable[[], DepthImage]) -> None:
        self.stamp_ns = stamp_ns
        self.frame_id = frame_id
        self._decode = decode
        self._lock = threading.Lock()
        self._result: DepthImage | ImageError | None = None

    def image(self) -> DepthImage:
        """Its distances. Raises ImageError, the same one on every call, if it cannot be decoded."""
        with self._lock:
            if self._result is None:
                try:
                    self._result = self._decode()
                except ImageError as error:
                    self._result = error
            if isinstance(self._result, ImageError):
                raise self._result.with_traceback(None)
            return self._result


def lazy_depth(message: Any, max_image_mpx: float) -> LazyDepth:
    """The depth in a message, decoded when first needed.

    Args:
        message: A sensor_msgs/Image, a sensor_msgs/CompressedImage of the transport compressedDepth, or a
            stereo_msgs/DisparityImage.
        max_image_mpx: Larger images are refused when they are decoded, in megapixels.
    """
    if isinstance(message, CompressedImage):
        decode = lambda: decode_compressed_depth(bytes(message.data), message.format, max_image_mpx)  # noqa: E731
    elif isinstance(message, Image):
        decode = lambda: _decode(message, max_image_mpx)  # noqa: E731
    else:
        decode = lambda: _decode_disparity(message, max_image_mpx)  # noqa: E731
    return LazyDepth(to_ns(message.header.stamp), message.header.frame_id, decode)


def _decode(message: Image, max_image_mpx: float) -> DepthImage:
    return decode_depth(
        message.data,
        message.width,
        message.height,
        message.step,
        message.encoding,
        big_endian=bool(message.is_bigendian),
        max_image_mpx=max_image_mpx,
    )


def _decode_disparity(message: Any, max_image_mpx: float) -> DepthImage:
    if message.image.encoding.strip().lower() != "32fc1":
        raise ImageError("encoding", f"disparity image is {message.image.encoding!r}; publish 32FC1")
    return depth_of_disparity(
        _decode(message.image, max_image_mpx),
        float(message.f),
        float(message.t),
        least=float(message.min_disparity),
        most=float(message.max_disparity),
    )
