# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Steps through dlib's binary format, value by value.

Integers are a control byte (bit 7 the sign, bits 0 to 3 the length) and that many little-endian bytes; floating-point
numbers are a mantissa and an exponent of 2 as two such integers; a text or a list is its length and its items; a bool
is "0" or "1"; a tensor is a version, four sizes and its values as little-endian float32.
"""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.published import dlib_models

LARGEST_SIDE = 1 << 20
"""Of a window, a filter or an image; far beyond any network."""

_LONGEST_NAME = 100
_INFINITE = (32000, 32001, 32002)  # exponents that stand for infinity, its negative and not-a-number


class Reader:
    """Reads values one after the other.

    Every method raises WeightsError, with the source, the byte and the reason, for anything but what it reads. No
    memory is taken before the file is known to be long enough.
    """

    def __init__(self, data: bytes, source: str) -> None:
        """Start at the first byte.

        Args:
            data: The file.
            source: Names it in errors.
        """
        self._data = data
        self._source = source
        self._at = 0  # of the next byte
        self._item = 0  # where the item read last begins

    def fail(self, reason: str) -> NoReturn:
        """Raises WeightsError for the item that was read last."""
        raise WeightsError(f"{self._source}: byte {self._item}: {reason}; {dlib_models.REPAIR}")

    def integer(self, size: int, *, signed: bool = True) -> int:
        """Reads an integer that dlib holds in at most `size` bytes."""
        self._item = self._at
        control = self._take(1)[0]
        length = control & 0x0F
        if control & (0x70 if signed else 0xF0) or not 1 <= length <= size:
            self.fail(f"expected an integer of at most {size} bytes, found control byte {control:#04x}")
        value = int.from_bytes(self._take(length), "little")
        return -value if control & 0x80 else value

    def count(self, limit: int) -> int:
        """Reads a size from 0 to `limit`."""
        value = self.integer(8)
        if not 0 <= value <= limit:
            self.fail(f"expected a number from 0 to {limit}, found {value}")
        return value

    def pair(self) -> tuple[int, int]:
        """Reads two sizes, of rows and columns."""
        return self.count(LARGEST_SIDE), self.count(LARGEST_SIDE)

    def version(self, what: str, *known: int) -> int:
        """Reads the version of `what`, one of `known`."""
        value = self.integer(4)
        if value not in known:
            names = " or ".join(map(str, known))
            self.fail(f"expected version {names} of {what}, found {value}")
        return value

    def real(self) -> float:
        """Reads a finite number."""
        start = self._at
        mantissa, exponent = self.integer(8), self.integer(2)
        self._item = start
        if exponent in _INFINITE or abs(exponent) > 1100:
            self.fail(f"a number is not finite or out of range (exponent {exponent})")
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            self.fail(f"a number is out of range (exponent {exponent})")

    def fraction(self) -> float:
        """Reads a number from 0 to 1."""
        value = self.real()
        if not 0.0 <= value <= 1.0:
            self.fail(f"expected a number from 0 to 1, found {value:g}")
        return value

    def boolean(self) -> bool:
        """Reads a truth value."""
        value = self.byte()
        if value not in b"01":
            self.fail(f"expected a truth value, '0' or '1', found byte {value:#04x}")
        return value == ord("1")

    def byte(self) -> int:
        """Reads one byte."""
        self._item = self._at
        return self._take(1)[0]

    def text(self) -> str:
        """Reads a short ASCII text."""
        length = self.integer(8, signed=False)
        start = self._item
        if length > _LONGEST_NAME:
            self.fail(f"expected a name, found a text of {length} bytes")
        raw = self._take(length)
        self._item = start
        try:
            return raw.decode("ascii")
        except UnicodeDecodeError:
            self.fail(f"a name holds the bytes {raw!r}")

    def name(self, what: str, *known: str) -> str:
        """Reads the name of `what`, one of `known`."""
        value = self.text()
        if value not in known:
            self.fail(f"expected {what} ({', '.join(known)}), found {value!r}")
        return value

    def shape(self) -> tuple[int, int, int, int]:
        """Reads the sizes (samples, channels, rows, columns) of a tensor stored elsewhere."""
        self.version("tensor sizes", 1)
        return self._sizes()

    def tensor(self) -> np.ndarray:
        """Reads a tensor: its values, flat (N,) float32, all finite."""
        start = self._at
        self.version("tensor", 2)
        shape = self._sizes()
        self._item = start
        size = math.prod(shape)
        if size * 4 > len(self._data) - self._at:
            self.fail(f"the file ends inside a tensor of {shape} values")
        values = np.frombuffer(self._data, "<f4", size, self._at).astype(np.float32)
        self._at += size * 4
        if not np.isfinite(values).all():
            self.fail(f"a tensor of {shape} holds a value that is not finite")
        return values

    def split(self, values: np.ndarray, *sizes: int) -> list[np.ndarray]:
        """Splits `values`, which must be as long as all `sizes` together."""
        if len(values) != sum(sizes):
            self.fail(f"expected {' + '.join(map(str, sizes))} weights, found {len(values)}")
        return np.split(values, np.cumsum(sizes)[:-1])

    def end(self) -> None:
        """Checks that the file ends here."""
        self._item = self._at
        if self._at != len(self._data):
            self.fail(f"the network ends here, the file {len(self._data) - self._at} bytes later")

    def _sizes(self) -> tuple[int, int, int, int]:
        # each alone may be as long as the file, no longer
        limit = len(self._data)
        return self.count(limit), self.count(limit), self.count(limit), self.count(limit)

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            self.fail("the file ends early")
        taken = self._data[self._at : end]
        self._at = end
        return taken
