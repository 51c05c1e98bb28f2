# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""AVIF files whose AV1 data is larger than their header says. Long form: test/attack/files.py."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, features

from face_detect_ros.core.errors import ImageError, SourceError
from face_detect_ros.images.avif import check_avif
from face_detect_ros.images.reading import decode_image

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="this Pillow does not read AVIF")
SEQUENCE = bytes.fromhex("0a09181967f6d1")
"""Of an image of 80 x 60: its header and size, then 7 and 6 bits for a width of 79 and a height of 59."""

EXIF = Image.Exif()
EXIF[0x0112] = 6


def avif(mode="RGB", **options):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    images = [Image.fromarray(pixels).convert(mode)] * 3
    if options.get("save_all"):
        options["append_images"] = images[1:]
    file = io.BytesIO()
    images[0].save(file, "AVIF", **options)
    return file.getvalue()


KINDS = {
    "colors": {},
    "transparent": {"mode": "RGBA"},
    "gray": {"mode": "L"},
    "with EXIF": {"exif": EXIF.tobytes()},
    "with XMP": {"xmp": b"\n<x:xmpmeta/>"},
    "moving": {"save_all": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_the_data_is_found(kind):
    data = avif(**KINDS[kind])
    check_avif(data, 0.0049)
    with pytest.raises(ImageError, match="claims 80x60 pixels"):
        check_avif(data, 0.0047)


def test_data_larger_than_the_header_says_is_refused_before_it_is_decoded():
    data = avif()
    at = data.index(SEQUENCE[:2])
    # 16 bits each: 16384 x 16384
    bits = f"{0x18 >> 3:05b}" + f"{int.from_bytes(data[at + 2 : at + 11], 'big'):072b}"[5:10]
    bits += "1111" * 2 + f"{16383:016b}" * 2
    changed = int(bits.ljust(72, "0"), 2).to_bytes(9, "big")
    data = data[: at + 2] + changed + data[at + 11 :]
    with pytest.raises(SourceError, match="claims 16384x16384 pixels; more than 100 megapixels are refused"):
        decode_image(data, "a.avif", 100.0)


def test_every_truncation_is_read_or_refused_in_words():
    data = avif()
    for length in range(0, len(data) - 1, 7):
        with pytest.raises(SourceError):
            decode_image(data[:length], "a.avif", 100.0)


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_parts_that_take_no_bits_take_no_time():
    item = struct.pack(">HHH", 1, 0, 0xFFFF)  # number, file, parts
    located = struct.pack(">IHH", 0, 0, 1000) + 1000 * item  # 65 million parts
    named = struct.pack(">IH", 0, 1) + box(b"infe", struct.pack(">IHH4s", 2 << 24, 1, 0, b"av01"))
    check_avif(box(b"meta", bytes(4) + box(b"iinf", named) + box(b"iloc", located)), 1.0)


def test_a_number_without_end_is_refused():
    named = struct.pack(">IH", 0, 1) + box(b"infe", struct.pack(">IHH4s", 2 << 24, 1, 0, b"av01"))

    def file(offset):
        located = struct.pack(">IHHHHHI", 0, 0x4000, 1, 1, 0, 1, offset)
        return box(b"meta", bytes(4) + box(b"iinf", named) + box(b"iloc", located))

    start = len(file(0))
    # a sequence header with the time of a tick (64 bits) and the flag before the number
    bits = "000" + "0" + "0" + "1" + 64 * "0" + "1" + "0"
    unit = bytes([0x08]) + int(bits.ljust(72, "0"), 2).to_bytes(9, "big") + bytes(1 << 22)
    with pytest.raises(ValueError, match="damaged"):
        check_avif(file(start) + unit, 1.0)
