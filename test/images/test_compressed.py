# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Compressed images: what their format says, and what is refused before a decoder sees it."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from face_detect_ros.core.errors import ImageError
from face_detect_ros.images.compressed import decode_compressed
from face_detect_ros.images.jpeg_png import check_jpeg, check_png
from face_detect_ros.images.raw import DecodeOptions

RED, BLUE = (200, 30, 40), (10, 50, 220)
HALVES = np.zeros((32, 48, 3), np.uint8)
HALVES[:, :24], HALVES[:, 24:] = RED, BLUE
NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def encoded(image, suffix, *parameters):
    """`image` as a codec gets it that takes the first channel for blue."""
    return cv2.imencode(suffix, image, parameters)[1].tobytes()


def bgr(image):
    return np.ascontiguousarray(image[..., ::-1])


JPEG, PNG = encoded(NOISE, ".jpg"), encoded(NOISE, ".png")
PROGRESSIVE = encoded(NOISE, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [(".png", 0), (".bmp", 0), (".tiff", 0), (".webp", 40), (".jpg", 40)],
    ids=lambda value: value,
)
def test_codecs(suffix, tolerance):
    decoded = decode_compressed(encoded(bgr(HALVES), suffix), suffix[1:]).astype(int)
    assert decoded.shape == HALVES.shape
    assert np.abs(decoded - HALVES)[:, 4:20].max() <= tolerance
    assert np.abs(decoded - HALVES)[:, 28:].max() <= tolerance


@pytest.mark.parametrize(
    ("form", "swapped"),
    [
        ("jpeg", False),
        ("", False),
        ("rgb8; jpeg compressed bgr8", False),
        ("bgr8; jpeg compressed bgr8", False),
        ("rgb8;jpeg compressed bgr8", False),
        ("yuv422_yuy2; jpeg compressed bgr8", False),
        ("bayer_rggb8; jpeg compressed bgr8", False),
        ("rgb8; jpeg compressed rgb8", True),
        ("bgr8; png compressed rgb8", True),
        ("RGB8; JPEG compressed RGB8", True),
        ("bgr8; jpeg", False),
        ("rgb8; jpeg compressed ", False),
        ("anything at all", False),
    ],
)
def test_the_format_says_which_channel_is_red(form, swapped):
    pixels = HALVES if swapped else bgr(HALVES)
    assert (decode_compressed(encoded(pixels, ".png"), form) == HALVES).all()


def test_gray_gets_three_channels():
    gray = NOISE[..., 0]
    for form in ("png", "mono8; png compressed "):
        assert (decode_compressed(encoded(gray, ".png"), form) == gray[..., None]).all()


def test_16_bit_gray_keeps_its_upper_byte():
    deep = NOISE[..., 0].astype(np.uint16) * 256 + 199
    for form in ("png", "mono16; png compressed ", "mono16; tiff compressed "):
        data = encoded(deep, ".tiff" if "tiff" in form else ".png")
        assert (decode_compressed(data, form) == NOISE[..., :1]).all()


@pytest.mark.parametrize(("form", "bits"), [("mono16; png compressed ", 10), ("mono10; png compressed ", 0)])
def test_10_bit_gray(form, bits):
    data = encoded(NOISE[..., 0].astype(np.uint16) << 2, ".png")
    assert (decode_compressed(data, form, DecodeOptions(bits=bits)) == NOISE[..., :1]).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_a_mosaic_gets_its_colors(bits):
    cell = np.array([[RED[0], RED[1]], [RED[1], RED[2]]], np.uint8)  # rggb
    cells = np.tile(cell, (8, 8))
    data = encoded(cells if bits == 8 else cells.astype(np.uint16) << 8, ".png")
    assert (decode_compressed(data, f"bayer_rggb{bits}; png compressed ") == RED).all()


@pytest.mark.parametrize(
    "form",
    [
        "16UC1; png compressed ",
        "16UC1; compressedDepth png",
        "32FC1; compressedDepth rvl",
        "32FC1; png compressed",
    ],
)
def test_distances_are_refused(form):
    with pytest.raises(ImageError, match="distances") as caught:
        decode_compressed(encoded(NOISE[..., 0].astype(np.uint16), ".png"), form)
    assert caught.value.reason == "encoding"


def test_an_orientation_tag_does_not_turn_the_image():
    # boxes must fit the image as the camera's other subscribers see it
    jpeg = encoded(np.zeros((16, 32, 3), np.uint8), ".jpg")
    tag = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tag
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (32, 16)
    for form in ("jpeg", "mono8; jpeg compressed "):
        assert decode_compressed(turned, form).shape[:2] == (16, 32)


# damaged


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width, height, *parts):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + chunk(b"IEND", b"")


def jpeg_of(width, height, data=JPEG):
    """`data` with another size in its header."""
    start = next(p for p in range(len(data)) if data[p] == 0xFF and data[p + 1] in (0xC0, 0xC2))
    return data[: start + 5] + struct.pack(">HH", height, width) + data[start + 9 :]


def with_a_long_chunk():
    damaged = bytearray(PNG)
    damaged[PNG.index(b"IDAT") - 4] = 0x7F  # the highest byte of its length
    return bytes(damaged)


DAMAGED = {
    "empty": (b"", "no data"),
    "text": (b"not an image at all", "not an image"),
    "JPEG cut in half": (JPEG[: len(JPEG) // 2], "the end is missing"),
    "JPEG without its end": (JPEG[:-2], "the end is missing"),
    "JPEG with a wrong start": (b"\x00\x00" + JPEG[2:], "not an image"),
    "JPEG cut in its header": (JPEG[:100], "longer than the data"),
    "JPEG without pixels": (b"\xff\xd8\xff\xd9", "before the pixels"),
    "progressive JPEG cut in half": (PROGRESSIVE[: len(PROGRESSIVE) // 2], "the end is missing"),
    "progressive JPEG of many scans": (
        PROGRESSIVE[:-2] + PROGRESSIVE[PROGRESSIVE.index(b"\xff\xda") :][:20] * 200 + b"\xff\xd9",
        "more than 100 scans",
    ),
    "JPEG that claims too much": (jpeg_of(9000, 9000), "too few for the 9000x9000"),
    "JPEG whose header has no size": (jpeg_of(0, 48), "no size"),
    "PNG cut in half": (PNG[: len(PNG) // 2], "incomplete"),
    "PNG without its end": (PNG[:-12], "the end is missing"),
    "PNG with a hole": (PNG[:60] + bytes(100) + PNG[160:], "checksum"),
    "PNG with a damaged length": (with_a_long_chunk(), "longer than the data"),
    "PNG that claims too much": (png_of(9000, 9000, chunk(b"IDAT", zlib.compress(bytes(1000)))), "too few"),
    "PNG without pixels": (png_of(10, 10), "too few"),
    "PNG without a size": (png_of(0, 10, chunk(b"IDAT", zlib.compress(bytes(1000)))), "header is wrong"),
    "PNG of zeros": (b"\x89PNG\r\n\x1a\n" + bytes(50), "header is missing"),
    "WebP cut in half": (encoded(NOISE, ".webp")[:300], "not an image"),
    "TIFF cut in half": (encoded(NOISE, ".tiff")[:50], "not an image"),
}


@pytest.mark.parametrize(("data", "words"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_images_are_refused_with_their_reason(data, words, capfd):
    with pytest.raises(ImageError, match=words) as caught:
        decode_compressed(data, "jpeg")
    assert caught.value.reason == "compressed"
    assert capfd.readouterr().err.count("\n") <= 1  # WebP's and TIFF's own words at most


def test_the_limit_is_judged_before_the_pixels():
    unreadable = png_of(5000, 5000, chunk(b"IDAT", bytes(100_000)))
    with pytest.raises(ImageError, match="5000x5000") as caught:
        decode_compressed(unreadable, "png", DecodeOptions(max_image_mpx=20))
    assert caught.value.reason == "size"


def test_the_limit_holds_for_other_codecs():
    with pytest.raises(ImageError, match="64x48") as caught:
        decode_compressed(encoded(NOISE, ".webp"), "webp", DecodeOptions(max_image_mpx=0.003))
    assert caught.value.reason == "size"


@pytest.mark.parametrize(
    "data", [JPEG, PROGRESSIVE, encoded(NOISE[..., 0], ".jpg")], ids=["baseline", "progressive", "gray"]
)
def test_complete_jpegs_are_let_through(data):
    assert check_jpeg(data)[:2] == (64, 48)
    # cameras pad what they send
    assert check_jpeg(data + bytes(100))[:2] == (64, 48)


def test_the_most_compressible_images_are_let_through():
    black = np.zeros((800, 1200, 3), np.uint8)
    for parameters in ((), (cv2.IMWRITE_JPEG_OPTIMIZE, 1), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)):
        jpeg = encoded(black, ".jpg", *parameters, cv2.IMWRITE_JPEG_QUALITY, 1)
        assert check_jpeg(jpeg)[:2] == (1200, 800)
    assert check_png(encoded(black, ".png", cv2.IMWRITE_PNG_COMPRESSION, 9))[:2] == (1200, 800)


def test_a_decoder_gets_only_what_it_needs_of_a_png():
    junk = chunk(b"zTXt", bytes(5000)) + chunk(b"iCCP", b"no profile") + chunk(b"acTL", bytes(8))
    data = PNG[:33] + junk + PNG[33:]
    assert check_png(data).data == PNG
    assert (decode_compressed(data, "png") == bgr(NOISE)).all()


@settings(max_examples=200)
@given(
    form=st.sampled_from(
        ["jpeg", "rgb8; jpeg compressed rgb8", "mono16; png compressed ", "", "bayer_rggb8; png"]
    ),
    start=st.sampled_from([b"", JPEG, PNG, PROGRESSIVE, JPEG[:200], PNG[:200]]),
    noise=st.binary(max_size=60),
    position=st.integers(0, 300),
)
def test_nothing_but_image_errors_is_raised(form, start, noise, position):
    data = start[:position] + noise + start[position + len(noise) :]
    try:
        decoded = decode_compressed(data, form)
    except ImageError:
        return
    assert (decoded.ndim, decoded.shape[2], decoded.dtype) == (3, 3, np.uint8)
