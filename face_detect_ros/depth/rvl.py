# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""RVL, a fast lossless codec for depth images (Wilson, "Fast lossless depth image compression", 2017).

A row-major image is a series of runs: the number of zeros, the number of other values, then the difference of each of
these to the value before it. Numbers are written three bits at a time, lowest first, each in a nibble whose top bit
says that more follow; nibbles fill 32-bit words from the top.
"""

from __future__ import annotations

import struct

import numpy as np

from face_detect_ros.core.errors import ImageError
from face_detect_ros.images.limits import MAX_IMAGE_MPX, check_size

_SIZE = struct.Struct("<II")
_MOST_NIBBLES = 11  # a longer number is not one of pixels


def decode_rvl(data: bytes, max_image_mpx: float = MAX_IMAGE_MPX) -> np.ndarray:
    """Decode RVL data as compressed_depth_image_transport sends it.

    Args:
        data: Width and height, then the stream.
        max_image_mpx: Most megapixels.

    Returns:
        (H, W) uint16.

    Raises:
        ImageError: If it is damaged or too large (reasons: compressed, size).
    """
    if len(data) < _SIZE.size:
        raise _damaged("it has no size")
    width, height = _SIZE.unpack_from(data)
    check_size(width, height, max_image_mpx)
    numbers = _numbers(data[_SIZE.size :])
    count = width * height
    differences = np.zeros(count, np.int64)
    filled = np.zeros(count, bool)
    place = position = 0
    while position < count:
        if place + 2 > len(numbers):
            raise _damaged("it ends too early")
        zeros, others = int(numbers[place]), int(numbers[place + 1])
        start, place = position + zeros, place + 2
        position = start + others
        if position > count or place + others > len(numbers) or zeros + others == 0:
            raise _damaged("a run is longer than the image")
        differences[start:position] = numbers[place : place + others]
        filled[start:position] = True
        place += others
    differences = np.where(differences & 1, ~(differences >> 1), differences >> 1)
    values = np.where(filled, np.cumsum(np.where(filled, differences, 0)), 0)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise _damaged("a value does not fit into 16 bits")
    return values.astype(np.uint16).reshape(height, width)


def _numbers(stream: bytes) -> np.ndarray:
    """The numbers in a stream, int64; what is after the last complete one is padding."""
    stream = stream[: len(stream) // 4 * 4]
    tops_first = np.frombuffer(stream, "<u4").astype(">u4").view(np.uint8)
    nibbles = np.stack([tops_first >> 4, tops_first & 15], axis=1).reshape(-1)
    ends = np.flatnonzero(nibbles < 8)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - starts + 1
    numbers = np.zeros(len(ends), np.int64)
    for digit in range(_MOST_NIBBLES):
        has = lengths > digit
        numbers[has] |= (nibbles[starts[has] + digit] & 7).astype(np.int64) << (3 * digit)
    if len(lengths) and lengths.max() > _MOST_NIBBLES:
        raise _damaged("a number is too long")
    return numbers


def _damaged(why: str) -> ImageError:
    return ImageError("compressed", f"RVL depth image is damaged: {why}")
