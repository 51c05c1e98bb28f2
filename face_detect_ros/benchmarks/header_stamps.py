# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The stamp of a serialized message, without reading the rest of it."""

from __future__ import annotations

import struct

from face_detect_ros.core.errors import ConfigError

_ENCAPSULATION = 4  # bytes of a CDR message before its first field; the second says the byte order


def stamp_ns(message: bytes) -> int:
    """Nanoseconds of the std_msgs/Header that a message begins with, as CDR.

    Raises:
        ConfigError: The message is too short for a header.
    """
    if len(message) < _ENCAPSULATION + 8:
        raise ConfigError("a message is too short to begin with a std_msgs/Header")
    order = "<" if message[1] & 1 else ">"
    sec, nanosec = struct.unpack_from(f"{order}iI", message, _ENCAPSULATION)
    return int(sec) * 1_000_000_000 + int(nanosec)
