# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What JPEG and PNG data claim, checked against what they hold before a decoder sees them.

A decoder believes a damaged length or an absurd size, takes seconds and gigabytes, and fills what is missing with gray.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from face_detect_ros.core.errors import ImageError

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8\xff"
# markers of a frame header: C0 to CF but for tables (C4), extensions (C8) and arithmetic conditioning (CC)
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_HUFFMAN = frozenset((0xC0, 0xC1, 0xC2))
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_END, _SCAN = 0xD9, 0xDA
# a block of 8x8 pixels takes at least one bit of Huffman-coded data
_PIXELS_PER_BYTE = 8 * 64
# each scan of a progressive file passes over the whole image; encoders make about ten
_MOST_SCANS = 100
_DEFLATE_RATIO = 1032  # the most that zlib can compress
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG's color type
_ESSENTIAL = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))


class Claim(NamedTuple):
    """What the header of a file claims.

    Attributes:
        width: In pixels.
        height: In pixels.
        data: What a decoder needs, without what it does not.
    """

    width: int
    height: int
    data: bytes


def is_jpeg(data: bytes) -> bool:
    return data.startswith(_JPEG_START)


def is_png(data: bytes) -> bool:
    return data.startswith(_PNG_START)


def check_jpeg(data: bytes, *, complete: bool = True) -> Claim:
    """The size in the header of JPEG data.

    Args:
        data: The JPEG.
        complete: Whether its end must be there.

    Raises:
        ImageError: If it is damaged, ends too early, or could not hold so many pixels (reason: compressed).
    """
    position, size, marker_of_frame = 2, (0, 0), 0
    while True:
        start = data.find(b"\xff", position)
        if start < 0 or start + 4 > len(data):
            raise _damaged("JPEG", "it ends before the pixels")
        marker = data[start + 1]
        if marker in (0x00, 0xFF) or marker in _WITHOUT_LENGTH:
            position = start + (1 if marker == 0xFF else 2)
            continue
        if marker == _END:
            raise _damaged("JPEG", "it has no pixels")
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        if length < 2 or start + 2 + length > len(data):
            raise _damaged("JPEG", "a part of it is longer than the data")
        if marker in _FRAME_HEADERS:
            if length < 8:
                raise _damaged("JPEG", "its header is too short")
            height, width = struct.unpack_from(">HH", data, start + 5)
            size, marker_of_frame = (width, height), marker
        position = start + 2 + length
        if marker == _SCAN:
            break
    if not marker_of_frame or 0 in size:
        raise _damaged("JPEG", "its header has no size")
    # what is in the scans never looks like a marker, so this is the end and not a pixel's value
    end = data.rfind(b"\xff\xd9")
    if end < position:
        if complete:
            raise _damaged("JPEG", "it is incomplete: the end is missing")
        end = len(data)
    if marker_of_frame in _HUFFMAN and size[0] * size[1] > (end - position + 1) * _PIXELS_PER_BYTE:
        raise _damaged(
            "JPEG", f"{end - position} bytes of pixels are too few for the {size[0]}x{size[1]} that it claims"
        )
    if marker_of_frame in _PROGRESSIVE and data.count(b"\xff\xda", position) >= _MOST_SCANS:
        raise _damaged("JPEG", f"it has more than {_MOST_SCANS} scans")
    return Claim(*size, data)


def check_png(data: bytes) -> Claim:
    """The size in the header of PNG data that is complete and whose checksums are right.

    Raises:
        ImageError: If it is damaged, ends too early, or could not hold so many pixels (reason: compressed).
    """
    view = memoryview(data)
    kept, others, pixel_bytes = [view[:8]], False, 0
    header: tuple[int, ...] = ()
    position = 8
    while True:
        if position + 12 > len(data):
            raise _damaged("PNG", "it is incomplete: the end is missing")
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + 12 + length
        if end > len(data):
            raise _damaged("PNG", "it is incomplete: a part is longer than the data")
        kind = bytes(view[position + 4 : position + 8])
        if kind in _ESSENTIAL:
            if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise _damaged("PNG", "a checksum is wrong")
            kept.append(view[position:end])
        else:
            others = True
        if not header:
            if kind != b"IHDR" or length != 13:
                raise _damaged("PNG", "its header is missing")
            header = struct.unpack_from(">IIBBBBB", data, position + 8)
        pixel_bytes += length if kind == b"IDAT" else 0
        position = end
        if kind == b"IEND":
            break
    width, height, bits, color = header[:4]
    if color not in _CHANNELS or bits not in (1, 2, 4, 8, 16) or not width or not height:
        raise _damaged("PNG", "its header is wrong")
    unpacked = height * (1 + (width * bits * _CHANNELS[color] + 7) // 8)
    if unpacked > pixel_bytes * _DEFLATE_RATIO:
        raise _damaged(
            "PNG", f"{pixel_bytes} bytes of pixels are too few for the {width}x{height} that it claims"
        )
    return Claim(width, height, b"".join(kept) if others else data[:position])


def _damaged(kind: str, why: str) -> ImageError:
    return ImageError("compressed", f"{kind} image is damaged: {why}")
