# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The compression of bags: in Python itself from 3.14 on, before that as rosbags brings it along."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["MOST_BYTES", "unpack", "zstd"]

MOST_BYTES = 1 << 29
"""Of a message or chunk: more than the largest image that is accepted. A few bytes may unpack to any amount."""


def unpack(data: bytes, *, complete: bool = True, most_bytes: int = MOST_BYTES) -> bytes:
    """What a zstd frame holds.

    Args:
        data: The frame.
        complete: It must be whole; else what there is of it is unpacked.
        most_bytes: A frame that unpacks to more is refused.

    Raises:
        ZstdError: It is damaged, cut off, or too large.
    """
    decompressor = zstd.ZstdDecompressor()
    content: bytes = decompressor.decompress(data, max_length=most_bytes)
    if len(content) == most_bytes and not decompressor.eof:
        raise zstd.ZstdError(f"it unpacks to more than {most_bytes / 1e6:.0f} MB")
    if complete and not decompressor.eof:
        raise zstd.ZstdError("it is cut off")
    return content
