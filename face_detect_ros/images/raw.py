# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Uncompressed images as camera drivers lay them out in memory, to RGB.

Encodings are named as in sensor_msgs' image_encodings.hpp. Sizes are checked before anything is read, so whatever is
wrong with an image becomes an ImageError with a short reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError, ImageError
from face_detect_ros.images.limits import MAX_IMAGE_MPX, check_size


@dataclass(frozen=True)
class DecodeOptions:
    """How images of messages are decoded.

    Attributes:
        max_image_mpx: Larger images are refused, in megapixels.
        bits: How many bits of 16-bit pixels hold the value, 8 to 16, for cameras that leave the upper ones empty;
            0: as many as the encoding says.

    Raises ConfigError for a value outside its range.
    """

    max_image_mpx: float = MAX_IMAGE_MPX
    bits: int = 0

    def __post_init__(self) -> None:
        if self.bits and not 8 <= self.bits <= 16:
            raise ConfigError(f"bits is {self.bits}; give 8 to 16, or 0 for what the encoding says")
        if not self.max_image_mpx > 0:
            raise ConfigError(f"max_image_mpx is {self.max_image_mpx}; give a number above 0")


DEFAULTS = DecodeOptions()


class Encoding(NamedTuple):
    """A memory layout.

    Attributes:
        bits: Of a channel value.
        channels: In a pixel.
        to_rgb: OpenCV's code to 8-bit RGB; None for RGB itself, and for planes that OpenCV has no code for.
        rows: Rows of `step` bytes for each row of the image: more than 1 where planes of color follow the brightness.
        even: Width and height must be multiples of these.
    """

    bits: int
    channels: int
    to_rgb: int | None
    rows: Fraction = Fraction(1)
    even: tuple[int, int] = (1, 1)


# OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first row's first two:
# ROS "rggb" is OpenCV "BayerBG".
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
_UYVY = Encoding(8, 2, cv2.COLOR_YUV2RGB_UYVY, even=(2, 1))
_YUYV = Encoding(8, 2, cv2.COLOR_YUV2RGB_YUY2, even=(2, 1))
_I420 = Encoding(8, 1, cv2.COLOR_YUV2RGB_I420, Fraction(3, 2), (2, 2))

ENCODINGS: dict[str, Encoding] = {
    "rgb8": Encoding(8, 3, None),
    "bgr8": Encoding(8, 3, cv2.COLOR_BGR2RGB),
    "rgba8": Encoding(8, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": Encoding(8, 4, cv2.COLOR_BGRA2RGB),
    "mono8": Encoding(8, 1, cv2.COLOR_GRAY2RGB),
    "rgb16": Encoding(16, 3, None),
    "bgr16": Encoding(16, 3, cv2.COLOR_BGR2RGB),
    "rgba16": Encoding(16, 4, cv2.COLOR_RGBA2RGB),
    "bgra16": Encoding(16, 4, cv2.COLOR_BGRA2RGB),
    "mono16": Encoding(16, 1, cv2.COLOR_GRAY2RGB),
    # without a color meaning of their own: read as OpenCV's defaults, as cv_bridge does
    "8UC1": Encoding(8, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": Encoding(8, 3, cv2.COLOR_BGR2RGB),
    "8UC4": Encoding(8, 4, cv2.COLOR_BGRA2RGB),
    "yuv422": _UYVY,
    "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV,
    "yuyv": _YUYV,
    "nv12": Encoding(8, 1, cv2.COLOR_YUV2RGB_NV12, Fraction(3, 2), (2, 2)),
    "nv21": Encoding(8, 1, cv2.COLOR_YUV2RGB_NV21, Fraction(3, 2), (2, 2)),
    "nv24": Encoding(8, 1, None, Fraction(3)),
    "yuv420": _I420,
    **{f"bayer_{name}8": Encoding(8, 1, code) for name, code in _BAYER.items()},
    **{f"bayer_{name}16": Encoding(16, 1, code) for name, code in _BAYER.items()},
}
DEPTH = frozenset(("16UC1", "16SC1", "32FC1", "64FC1", "32SC1"))
"""Encodings that hold distances (REP 118)."""

# as older drivers and other systems spell them; case does not matter
_ALIASES = {
    "rgb": "rgb8",
    "bgr": "bgr8",
    "rgba": "rgba8",
    "bgra": "bgra8",
    "mono": "mono8",
    "gray8": "mono8",
    "grey8": "mono8",
    "8uc": "8UC1",
    "yuy2": "yuyv",
    "yuyv422": "yuyv",
    "yuv422_yuyv": "yuyv",
    "uyvy422": "uyvy",
    "yuv422_uyvy": "uyvy",
    "i420": "yuv420",
    "yuv420p": "yuv420",
    **{f"bayer_{name}": f"bayer_{name}8" for name in _BAYER},
}
_BY_LOWER_CASE = {name.lower(): name for name in (*ENCODINGS, *DEPTH)}
# values in the lowest bits of 16, as raw sensors give them
_FEW_BITS = re.compile(r"(mono|bayer_(?:rggb|bggr|gbrg|grbg))(9|1[0-5])")
# brightness, blue and red difference (BT.601, limited range) to RGB, as OpenCV converts its other YUV encodings
_YUV_TO_RGB = np.array(
    [
        [1.164, 0.0, 1.596, -1.164 * 16 - 1.596 * 128],
        [1.164, -0.391, -0.813, -1.164 * 16 + (0.391 + 0.813) * 128],
        [1.164, 2.018, 0.0, -1.164 * 16 - 2.018 * 128],
    ]
)
_MAYBE_12_BITS = 1 << 12


def canonical(encoding: str) -> tuple[str, int]:
    """The name of an encoding as `ENCODINGS` has it, and how many bits hold the value (0: all).

    The name is returned unchanged if it is unknown.
    """
    name = encoding.strip().lower()
    if few := _FEW_BITS.fullmatch(name):
        return f"{few[1]}16", int(few[2])
    name = _ALIASES.get(name, name)
    return _BY_LOWER_CASE.get(name.lower(), encoding), 0


def decode_raw(
    data: Any,
    width: int,
    height: int,
    step: int,
    encoding: str,
    *,
    big_endian: bool = False,
    options: DecodeOptions = DEFAULTS,
    warn: Callable[[str], None] | None = None,
) -> np.ndarray:
    """Decode an image of one of `ENCODINGS`, or of another spelling of one.

    Args:
        data: A buffer of bytes. The result shares its memory where it is RGB already.
        width: In pixels.
        height: In pixels.
        step: Bytes from one row to the next.
        encoding: Name of the memory layout.
        big_endian: Byte order of 16-bit values.
        options: Limits, and how 16-bit values are read.
        warn: Told if 16-bit values use so few of their lowest bits that the image would be black.

    Returns:
        (H, W, 3) uint8 RGB. 16-bit channels keep their upper 8 bits.

    Raises:
        ImageError: For an image that cannot be read (reasons: size, step, data, encoding).
    """
    check_size(width, height, options.max_image_mpx)
    name, bits = canonical(encoding)
    if name in DEPTH:
        raise ImageError(
            "encoding", f"encoding {encoding} holds distances (REP 118), not an image; give the color topic"
        )
    layout = ENCODINGS.get(name)
    if layout is None:
        raise ImageError(
            "encoding",
            f"encoding {encoding!r} is unknown; publish one of {', '.join(sorted(ENCODINGS))}",
        )
    if width % layout.even[0] or height % layout.even[1]:
        raise ImageError("size", f"{name} shares color between pixels; {width}x{height} has an odd side")
    if name.startswith("bayer") and min(width, height) < 2:
        raise ImageError("size", f"{name} needs at least 2x2 pixels; image is {width}x{height}")
    row = width * layout.channels * layout.bits // 8
    rows = _rows(data, row, step, int(height * layout.rows), encoding)
    if layout.rows > 1:
        return _from_planes(rows, height, width, layout)
    pixels = rows[:, :row]
    if layout.bits == 16:
        pixels = _upper_8_bits(pixels, big_endian, options.bits or bits or 16, warn)
    pixels = pixels.reshape(height, width, layout.channels)
    return pixels if layout.to_rgb is None else cv2.cvtColor(np.ascontiguousarray(pixels), layout.to_rgb)


def decode_values(
    values: np.ndarray,
    encoding: str,
    options: DecodeOptions,
    warn: Callable[[str], None] | None = None,
) -> np.ndarray:
    """Decode values that a codec has unpacked: a mosaic or a gray image.

    Args:
        values: (H, W) uint8 or uint16.
        encoding: What they mean; it may name another width than they have.
        options: Bit depth and limits.
        warn: Told of what is suspicious about the values.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The encoding cannot be decoded from these values.
    """
    name, bits = canonical(encoding)
    item = values.dtype.itemsize
    height, width = values.shape
    return decode_raw(
        values.astype(f"<u{item}").reshape(-1).view(np.uint8),
        width,
        height,
        width * item,
        re.sub(r"\d+$", str(8 * item), name),
        options=replace(options, bits=options.bits or bits),
        warn=warn,
    )


def _rows(data: Any, row: int, step: int, count: int, encoding: str) -> np.ndarray:
    """(count, step) uint8 view of the data. Raises ImageError unless step >= row and sizes agree."""
    if step < row:
        raise ImageError("step", f"step is {step} bytes, but a row of this {encoding} image takes {row}")
    expected, given = step * count, len(data)
    if given != expected:
        relation = "only " if given < expected else ""
        raise ImageError(
            "data", f"data has {relation}{given} bytes, but {count} rows * step {step} is {expected}"
        )
    return np.frombuffer(data, np.uint8).reshape(count, step)


def _upper_8_bits(
    pixels: np.ndarray, big_endian: bool, bits: int, warn: Callable[[str], None] | None
) -> np.ndarray:
    """(H, 2 N) uint8 bytes of 16-bit values, of which the lowest `bits` count, to (H, N) uint8."""
    if bits == 16 and warn is None:
        # the upper byte of each value: the second one in little-endian data
        return pixels[:, 0 if big_endian else 1 :: 2]
    values = np.ascontiguousarray(pixels).view(">u2" if big_endian else "<u2")
    if bits == 16:
        highest = int(values.max())
        if warn is not None and 0 < highest < _MAYBE_12_BITS:
            warn(
                f"16-bit pixels use only their lowest {highest.bit_length()} bits, so images are nearly black; if the "
                f"camera gives {max(10, highest.bit_length() + highest.bit_length() % 2)}-bit values, set the "
                "parameter image_bits to that"
            )
        return pixels[:, 0 if big_endian else 1 :: 2]
    return np.minimum(np.right_shift(values, bits - 8), 255).astype(np.uint8)


def _from_planes(rows: np.ndarray, height: int, width: int, layout: Encoding) -> np.ndarray:
    """(rows, step) uint8, brightness and then color, to (H, W, 3) uint8 RGB."""
    step = rows.shape[1]
    code = layout.to_rgb
    if code is None:
        colors = rows[height:].reshape(height, 2 * step)[:, : 2 * width].reshape(height, width, 2)
        return cv2.transform(cv2.merge([rows[:height, :width], colors]), _YUV_TO_RGB)
    if layout is _I420:
        if step % 2:
            raise ImageError("step", f"step is {step} bytes; planes of half the width need an even one")
        # each row of color is half as long, with half the padding
        halves = rows[height:].reshape(-1, step // 2)[:, : width // 2]
        rows = np.concatenate([rows[:height, :width], halves.reshape(-1, width)])
    return cv2.cvtColor(np.ascontiguousarray(rows[:, :width]), code)
