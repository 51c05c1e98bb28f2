# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The size of AVIF images as their AV1 data states it: the header of the file can claim a smaller one.

Formats: ISO/IEC 14496-12 (boxes), 23008-12 (items) and the AV1 bitstream, section 5.5 (sequence header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from face_detect_ros.images.limits import check_size

_SEQUENCE_HEADER = 1
_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MOST_BOXES, _MOST_UNITS, _MOST_ITEMS = 1000, 100, 1000
_MOST_ZEROS = 32  # before a number; more is not AV1
_GENEROUS = 4.0
"""Frames may be larger than their sequence says, up to the next power of two in width and height."""


def check_avif(data: bytes, max_image_mpx: float) -> None:
    """Refuse a file whose AV1 data is larger than the limit, whatever its header says.

    Raises:
        ImageError: If it has more pixels than the limit (reason: size).
        ValueError: If it is damaged.
    """
    try:
        for start in _coded(data):
            for width, height, most_width, most_height in _sizes(data, start):
                check_size(width, height, max_image_mpx)
                check_size(most_width, most_height, _GENEROUS * max_image_mpx)
    except (struct.error, IndexError) as error:
        raise ValueError("its boxes are damaged") from error


def _coded(data: bytes) -> Iterator[int]:
    """Where AV1 data begins: that of each item, and of the first frame of each track."""
    for kind, start, end in _boxes(data, 0, len(data), 0):
        if kind == b"meta":
            inside = {name: (begin, stop) for name, begin, stop in _boxes(data, start + 4, end, 0)}
            if b"iloc" in inside:
                coded = _images(data, *inside[b"iinf"]) if b"iinf" in inside else set()
                yield from _items(data, *inside[b"iloc"], inside.get(b"idat", (0, 0))[0], coded)
        elif kind in (b"stco", b"co64") and struct.unpack_from(">I", data, start + 4)[0]:
            yield struct.unpack_from(">I" if kind == b"stco" else ">Q", data, start + 8)[0]


def _boxes(data: bytes, at: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the content of each box, those inside of `_HOLDERS` too."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        stop = min(at + size, end) if size else end
        if stop < at + head:
            return
        yield kind, at + head, stop
        if kind in _HOLDERS and depth < len(_HOLDERS):
            yield from _boxes(data, at + head, stop, depth + 1)
        at = stop


def _images(data: bytes, at: int, end: int) -> set[int]:
    """Numbers of the items that are AV1 data. at, end: of the box `iinf`."""
    found = set()
    for kind, start, _ in _boxes(data, at + (8 if data[at] else 6), end, 0):
        if kind == b"infe" and data[start] in (2, 3):
            form = ">IH4s" if data[start] == 3 else ">HH4s"
            number, _, item = struct.unpack_from(form, data, start + 4)
            if item == b"av01":
                found.add(number)
    return found


def _items(data: bytes, at: int, end: int, stored_at: int, wanted: set[int]) -> Iterator[int]:
    """Where the first part of each wanted item begins.

    Args:
        data: The file.
        at: Start of the box `iloc`.
        end: Its end.
        stored_at: Start of the content of `idat`.
        wanted: Numbers of items.
    """
    version = data[at]
    bits = _Bits(data, at + 4, end)
    offset_bits, length_bits, base_bits, index_bits = (8 * bits.read(4) for _ in range(4))
    wide = version >= 2
    for _ in range(min(bits.read(32 if wide else 16), _MOST_ITEMS)):
        number = bits.read(32 if wide else 16)
        method = bits.read(16) & 0xF if version else 0
        bits.read(16)  # file
        base = bits.read(base_bits)
        extents = bits.read(16)
        if not extents:
            continue
        if version:
            bits.read(index_bits)
        offset = bits.read(offset_bits)
        bits.read(length_bits)
        # at once: they may take no bits, and then a small file claims millions of them
        bits.skip((extents - 1) * ((index_bits if version else 0) + offset_bits + length_bits))
        if method < 2 and number in wanted:
            yield base + offset + (stored_at if method else 0)


def _sizes(data: bytes, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Width and height of each sequence in AV1 data, and the largest that its frames may have."""
    for _ in range(_MOST_UNITS):
        if at >= len(data):
            return
        head = data[at]
        kind, at = head >> 3 & 0xF, at + (2 if head & 4 else 1)
        size, shift = len(data) - at, 0
        if head & 2:
            size = 0
            for shift in range(0, 56, 7):
                byte = data[at]
                at += 1
                size |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
        if kind == _SEQUENCE_HEADER:
            yield _sequence(_Bits(data, at, min(at + size, len(data))))
        if head & 0x80 or not head & 2:
            return
        at += size


def _sequence(bits: _Bits) -> tuple[int, int, int, int]:
    bits.read(4)  # profile, still picture
    if bits.read(1):  # reduced
        bits.read(5)
    else:
        delay_bits, model = 0, 0
        if bits.read(1):  # timing
            bits.read(64)
            if bits.read(1):
                bits.skip_unsigned()
            model = bits.read(1)
            if model:
                delay_bits = bits.read(5) + 1
                bits.read(42)
        delays = bits.read(1)
        for _ in range(bits.read(5) + 1):  # operating points
            bits.read(12)
            if bits.read(5) > 7:
                bits.read(1)
            if model and bits.read(1):
                bits.read(2 * delay_bits + 1)
            if delays and bits.read(1):
                bits.read(4)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1, 1 << width_bits, 1 << height_bits


class _Bits:
    """Reads bits from `at` to `end`, the highest first. Raises IndexError behind the end."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, 8 * at, 8 * end

    def read(self, count: int) -> int:
        first, last = self._at // 8, (self._at + count + 7) // 8
        if self._at + count > self._end:
            raise IndexError
        value = int.from_bytes(self._data[first:last], "big") >> (8 * last - self._at - count)
        self._at += count
        return value & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Move on by `count` bits."""
        if self._at + count > self._end:
            raise IndexError
        self._at += count

    def skip_unsigned(self) -> None:
        """A number whose length is the number of zeros before it."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros == _MOST_ZEROS:
                raise IndexError
        self.skip(zeros)
