# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images in a codec, as image_transport sends them, to RGB.

`format` follows compressed_image_transport: ``ENCODING; CODEC compressed TARGET``, for example
``rgb8; jpeg compressed bgr8``: an image that was rgb8 was converted to TARGET and given to the codec, which takes its
first channel for blue. Other publishers write the codec alone (``jpeg``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from face_detect_ros.core.errors import ImageError
from face_detect_ros.images import pillow
from face_detect_ros.images.jpeg_png import check_jpeg, check_png, is_jpeg, is_png
from face_detect_ros.images.limits import check_size
from face_detect_ros.images.raw import DEFAULTS, DEPTH, DecodeOptions, canonical, decode_values

_FORMAT = re.compile(
    r"\s*(?P<encoding>[^;]*?)\s*;\s*(?P<codec>\w*)\s*(?:compressed\s*(?P<target>\w*))?\s*", re.I
)
_ONE_CHANNEL = ("mono", "bayer")
# other codecs that publishers use, by Pillow's names
_OTHERS = ["TIFF", "WEBP", "BMP"]


class CompressedFormat(NamedTuple):
    """What the field `format` of a sensor_msgs/CompressedImage says.

    Attributes:
        encoding: Of the image before it was compressed; "" where it is not said.
        target: What the codec was given.
    """

    encoding: str
    target: str

    @property
    def swapped(self) -> bool:
        """Whether the codec took red for blue."""
        return self.target.startswith("rgb")

    @property
    def one_channel(self) -> bool:
        """Whether the codec holds the values of a mosaic or a gray image."""
        return canonical(self.encoding)[0].startswith(_ONE_CHANNEL) and not self.target

    @property
    def depth(self) -> bool:
        """Whether it holds distances."""
        return canonical(self.encoding)[0] in DEPTH


def parse_format(text: str) -> CompressedFormat:
    """Split the `format` of a sensor_msgs/CompressedImage."""
    match = _FORMAT.fullmatch(text)
    if match is None:
        return CompressedFormat("", "")
    return CompressedFormat(match["encoding"], (match["target"] or "").lower())


def decode_compressed(
    data: bytes,
    format: str = "",
    options: DecodeOptions = DEFAULTS,
    warn: Callable[[str], None] | None = None,
) -> np.ndarray:
    """Decode a JPEG, PNG, TIFF or WebP image. Its header is judged before its pixels are.

    Orientation tags are ignored: boxes must be in pixels of the image as every other node sees it.

    Args:
        data: The compressed bytes.
        format: As sensor_msgs/CompressedImage has it.
        options: Limits, and how 16-bit values are read.
        warn: See `raw.decode_raw`.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: For damaged, incomplete or too large images (reasons: compressed, size), and for images of
            distances (reason: encoding).
    """
    if not data:
        raise ImageError("compressed", "compressed image has no data")
    described = parse_format(format)
    if "compressedDepth" in format or described.depth:
        raise ImageError("encoding", f"format {format!r} holds distances, not an image; give the color topic")
    if is_jpeg(data):
        width, height, data = check_jpeg(data)
    elif is_png(data):
        width, height, data = check_png(data)
    else:
        width, height = _claimed(data, format, options.max_image_mpx)
    check_size(width, height, options.max_image_mpx)
    if described.one_channel:
        decoded = _by_opencv(data, format, cv2.IMREAD_UNCHANGED)
        if decoded.ndim == 2:
            return decode_values(decoded, described.encoding, options, warn)
    decoded = _by_opencv(data, format, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return decoded if described.swapped else cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def _by_opencv(data: bytes, format: str, flags: int) -> np.ndarray:
    """What OpenCV makes of the data, blue first. Raises ImageError."""
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError("compressed", f"compressed image cannot be decoded: {error}") from error
    if decoded is None:
        raise ImageError("compressed", f"{len(data)} bytes with format {format!r} cannot be decoded")
    return decoded


def _claimed(data: bytes, format: str, max_image_mpx: float) -> tuple[int, int]:
    """(width, height) in the header of another codec's data. Raises ImageError."""
    try:
        return pillow.open_header(data, max_image_mpx, formats=_OTHERS).size
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(
            "compressed", f"{len(data)} bytes with format {format!r} are not an image that can be decoded"
        ) from error
