# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Uncompressed images of every encoding, against pixels worked out by hand."""

from __future__ import annotations

import array
import itertools

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError, ImageError
from face_detect_ros.images.raw import DEFAULTS, ENCODINGS, DecodeOptions, decode_raw

RED, GREEN, BLUE, GRAY = (200, 30, 40), (20, 180, 60), (10, 50, 220), (90, 90, 90)
HEIGHT, WIDTH = 6, 8

# every pixel another color: a mix-up of rows, columns or channels shows
IMAGE = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)
ALPHA = np.full((HEIGHT, WIDTH, 1), 77, np.uint8)


def decode(encoding, pixels, height=HEIGHT, width=WIDTH, step=None, **arguments):
    data = pixels if isinstance(pixels, (bytes, array.array)) else np.ascontiguousarray(pixels).tobytes()
    if step is None:
        layout = ENCODINGS.get(encoding.lower(), ENCODINGS["mono8"])
        step = len(data) // int(height * layout.rows)
    return decode_raw(data, width, height, step, encoding, **arguments)


def interleaved(order):
    planes = {"r": IMAGE[..., 0:1], "g": IMAGE[..., 1:2], "b": IMAGE[..., 2:3], "a": ALPHA}
    return np.concatenate([planes[channel] for channel in order], axis=2)


def as_16_bit(pixels, byte_order="<"):
    """The 8-bit values as upper bytes; the lower ones must not matter."""
    return (pixels.astype(np.uint16) * 256 + 199).astype(f"{byte_order}u2")


@pytest.mark.parametrize(
    ("encoding", "order"),
    [
        ("rgb8", "rgb"),
        ("bgr8", "bgr"),
        ("rgba8", "rgba"),
        ("bgra8", "bgra"),
        ("8UC3", "bgr"),
        ("8UC4", "bgra"),
    ],
)
def test_8_bit_color(encoding, order):
    assert (decode(encoding, interleaved(order)) == IMAGE).all()


@pytest.mark.parametrize("big_endian", [False, True], ids=["little_endian", "big_endian"])
@pytest.mark.parametrize(
    ("encoding", "order"), [("rgb16", "rgb"), ("bgr16", "bgr"), ("rgba16", "rgba"), ("bgra16", "bgra")]
)
def test_16_bit_color_keeps_the_upper_byte(encoding, order, big_endian):
    pixels = as_16_bit(interleaved(order), "><"[not big_endian])
    assert (decode(encoding, pixels, big_endian=big_endian) == IMAGE).all()


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_gray_gives_three_equal_channels(encoding):
    decoded = decode(encoding, IMAGE[..., 0])
    assert (decoded == IMAGE[..., :1]).all()
    assert decoded.shape == IMAGE.shape


@pytest.mark.parametrize("big_endian", [False, True], ids=["little_endian", "big_endian"])
def test_mono16(big_endian):
    pixels = as_16_bit(IMAGE[..., 0], "><"[not big_endian])
    assert (decode("mono16", pixels, big_endian=big_endian) == IMAGE[..., :1]).all()


def mosaic(pattern, color):
    """What a sensor with this filter gives for one color; the pattern names the upper left 2x2, row by row."""
    values = dict(zip("rgb", color, strict=True))
    cell = np.array([values[letter] for letter in pattern], np.uint8).reshape(2, 2)
    return np.tile(cell, (HEIGHT // 2, WIDTH // 2))


@pytest.mark.parametrize("color", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_bayer_gives_the_color_that_was_seen(pattern, bits, color):
    cells = mosaic(pattern, color)
    assert (decode(f"bayer_{pattern}{bits}", cells if bits == 8 else as_16_bit(cells)) == color).all()


def test_big_endian_bayer():
    assert (decode("bayer_grbg16", as_16_bit(mosaic("grbg", RED), ">"), big_endian=True) == RED).all()


# 10 and 12 bits


@pytest.mark.parametrize("big_endian", [False, True], ids=["little_endian", "big_endian"])
@pytest.mark.parametrize(
    ("encoding", "parameter"),
    [("mono10", 0), ("mono16", 10), ("MONO12", 0), ("mono16", 12)],
    ids=["10 said by the encoding", "10 by the parameter", "12 by the encoding", "12 by the parameter"],
)
def test_values_in_the_lowest_bits(encoding, parameter, big_endian):
    bits = parameter or int(encoding[-2:])
    values = (IMAGE[..., 0].astype(np.uint16) << (bits - 8)).astype(">u2" if big_endian else "<u2")
    decoded = decode(encoding, values, big_endian=big_endian, options=DecodeOptions(bits=parameter))
    assert (decoded == IMAGE[..., :1]).all()


def test_a_mosaic_of_10_bits():
    cells = mosaic("rggb", RED).astype("<u2") << 2
    assert (decode("bayer_rggb10", cells) == RED).all()
    assert (decode("bayer_rggb16", cells, options=DecodeOptions(bits=10)) == RED).all()


def test_values_above_the_bits_that_were_said_are_white():
    assert (decode("mono10", np.full((HEIGHT, WIDTH), 5000, "<u2")) == 255).all()


def test_images_that_use_only_the_lowest_bits_are_told_of():
    told = []
    decode("mono16", np.full((HEIGHT, WIDTH), 1000, "<u2"), warn=told.append)
    assert "lowest 10 bits" in told[0]
    assert "image_bits" in told[0]


@pytest.mark.parametrize(
    ("encoding", "value", "options"),
    [("mono16", 40000, DEFAULTS), ("mono16", 0, DEFAULTS), ("mono16", 1000, DecodeOptions(bits=10))],
    ids=["full range", "black", "said by the parameter"],
)
def test_other_images_are_not(encoding, value, options):
    told = []
    decode(encoding, np.full((HEIGHT, WIDTH), value, "<u2"), options=options, warn=told.append)
    assert not told


# brightness and color


def yuv_of(color):
    """BT.601, limited range."""
    red, green, blue = color
    return (
        round(16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256),
        round(128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256),
        round(128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256),
    )


COLORS = [RED, GREEN, BLUE, GRAY]  # of two columns each
COLUMNS = np.repeat(COLORS, 2, axis=0)
YUV_422 = {"yuv422": "uyvy", "uyvy": "uyvy", "yuv422_yuy2": "yuyv", "yuyv": "yuyv"}


def packed_422(order):
    row = []
    for y, u, v in map(yuv_of, COLORS):
        row += {"uyvy": [u, y, v, y], "yuyv": [y, u, y, v]}[order]
    return np.tile(np.array(row, np.uint8), (HEIGHT, 1))


def planes(encoding):
    """(rows, WIDTH) uint8."""
    brightness = np.tile(np.repeat([yuv_of(color)[0] for color in COLORS], 2).astype(np.uint8), (HEIGHT, 1))
    pairs = np.array([yuv_of(color)[1:] for color in COLORS], np.uint8)
    if encoding == "nv24":
        chroma = np.tile(np.repeat(pairs, 2, axis=0).reshape(-1), HEIGHT)
    elif encoding == "yuv420":
        chroma = np.concatenate([np.tile(pairs[:, channel], HEIGHT // 2) for channel in (0, 1)])
    else:
        chroma = np.tile((pairs if encoding == "nv12" else pairs[:, ::-1]).reshape(-1), HEIGHT // 2)
    return np.concatenate([brightness, chroma.reshape(-1, WIDTH)])


def colored(encoding):
    return packed_422(YUV_422[encoding]) if encoding in YUV_422 else planes(encoding)


@pytest.mark.parametrize("encoding", [*YUV_422, "nv12", "nv21", "nv24", "yuv420"])
def test_yuv(encoding):
    decoded = decode(encoding, colored(encoding)).astype(int)
    assert decoded.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(decoded - COLUMNS).max() <= 3


@pytest.mark.parametrize("encoding", ["nv12", "nv21", "nv24"])
def test_rows_of_planes_may_be_padded(encoding):
    plain = planes(encoding)
    padded = np.full((len(plain), WIDTH + 4), 255, np.uint8)
    if encoding == "nv24":  # a row of color is as long as two of brightness
        padded[:HEIGHT, :WIDTH] = plain[:HEIGHT]
        padded[HEIGHT:].reshape(HEIGHT, -1)[:, : 2 * WIDTH] = plain[HEIGHT:].reshape(HEIGHT, -1)
    else:
        padded[:, :WIDTH] = plain
    assert (decode(encoding, padded) == decode(encoding, plain)).all()


def test_half_rows_of_planes_may_be_padded():
    plain = planes("yuv420")
    brightness = np.pad(plain[:HEIGHT], ((0, 0), (0, 4)))
    color = np.pad(plain[HEIGHT:].reshape(-1, WIDTH // 2), ((0, 0), (0, 2)))
    padded = brightness.tobytes() + color.tobytes()
    assert (decode("yuv420", padded) == decode("yuv420", plain)).all()


@pytest.mark.parametrize("encoding", ["nv12", "nv21", "yuv420", "yuyv", "uyvy"])
def test_color_that_pixels_share_needs_even_sides(encoding):
    bad = (3, 2) if encoding.startswith(("nv", "yuv4")) else (2, 3)
    with pytest.raises(ImageError, match="odd side") as caught:
        decode(encoding, bytes(100), *bad, step=8)
    assert caught.value.reason == "size"


@pytest.mark.parametrize(
    ("spelling", "encoding"),
    [
        ("RGB8", "rgb8"),
        ("BGR8", "bgr8"),
        ("bgr", "bgr8"),
        ("MONO8", "mono8"),
        ("mono", "mono8"),
        ("8uc3", "8UC3"),
        ("YUYV", "yuyv"),
        ("yuy2", "yuyv"),
        ("UYVY", "uyvy"),
        ("YUV422", "yuv422"),
        ("YUV422_YUY2", "yuv422_yuy2"),
        ("NV12", "nv12"),
        ("NV21", "nv21"),
        ("NV24", "nv24"),
        ("I420", "yuv420"),
        ("YUV420", "yuv420"),
        ("BAYER_RGGB8", "bayer_rggb8"),
        ("bayer_gbrg", "bayer_gbrg8"),
        (" rgb8", "rgb8"),
    ],
)
def test_every_spelling(spelling, encoding):
    layout = ENCODINGS[encoding]
    step = WIDTH * layout.channels
    data = np.random.default_rng(0).integers(0, 256, int(HEIGHT * layout.rows) * step, np.uint8).tobytes()
    assert (decode(spelling, data, step=step) == decode(encoding, data, step=step)).all()


def test_every_encoding_is_tested_above():
    tested = ["rgb8", "bgr8", "rgba8", "bgra8", "8UC1", "8UC3", "8UC4", "rgb16", "bgr16", "rgba16", "bgra16"]
    tested += ["mono8", "mono16", *YUV_422, "nv12", "nv21", "nv24", "yuv420"]
    tested += [f"bayer_{pattern}{bits}" for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)]
    assert set(tested) == set(ENCODINGS)


@pytest.mark.parametrize("encoding", sorted(name for name in ENCODINGS if ENCODINGS[name].rows == 1))
def test_padding_at_the_end_of_rows_is_skipped(encoding):
    layout = ENCODINGS[encoding]
    row = WIDTH * layout.channels * layout.bits // 8
    plain = np.random.default_rng(1).integers(0, 256, (HEIGHT, row), np.uint8)
    padded = np.concatenate([plain, np.full((HEIGHT, 5), 255, np.uint8)], axis=1)
    assert (decode(encoding, padded) == decode(encoding, plain)).all()


def test_rgb8_is_not_copied():
    data = array.array("B", IMAGE.tobytes())
    assert np.shares_memory(decode("rgb8", data), np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("encoding", ["rgb8", "bgra8", "mono8", "mono16", "rgb16", "nv24"])
def test_a_single_pixel(encoding):
    layout = ENCODINGS[encoding]
    data = bytes([128]) * (layout.channels * layout.bits // 8 * int(layout.rows))
    decoded = decode(encoding, data, height=1, width=1)
    assert decoded.shape == (1, 1, 3)
    assert np.abs(decoded.astype(int) - 129).max() <= 2


@pytest.mark.parametrize("encoding", ["rgb8", "bayer_rggb8", "nv12"])
def test_8k(encoding):
    width, height = 7680, 4320
    layout = ENCODINGS[encoding]
    row = width * layout.channels
    decoded = decode(encoding, bytes([128]) * (row * int(height * layout.rows)), height, width, row)
    assert decoded.shape == (height, width, 3)
    assert np.abs(decoded[-1, -1].astype(int) - 130).max() <= 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1)])
def test_a_line_has_no_bayer_cell(height, width):
    with pytest.raises(ImageError) as caught:
        decode("bayer_rggb8", bytes(height * width), height, width)
    assert caught.value.reason == "size"


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 5), (3, 2), (3, 3)])
def test_the_smallest_bayer_images_are_read(height, width):
    assert decode("bayer_rggb8", bytes([50]) * (height * width), height, width).shape == (height, width, 3)


def test_sizes_up_to_the_limit_are_read():
    data = bytes(1000 * 1000)
    assert decode("mono8", data, 1000, 1000, options=DecodeOptions(max_image_mpx=1)).shape == (1000, 1000, 3)
    with pytest.raises(ImageError, match=r"more than 0\.9 megapixels are refused") as caught:
        decode("mono8", data, 1000, 1000, options=DecodeOptions(max_image_mpx=0.9))
    assert caught.value.reason == "size"


@pytest.mark.parametrize("options", [{"bits": 7}, {"bits": 17}, {"max_image_mpx": 0}], ids=str)
def test_options_outside_their_range(options):
    with pytest.raises(ConfigError):
        DecodeOptions(**options)


def test_strange_sizes_never_raise_anything_but_an_image_error():
    data = np.random.default_rng(0).integers(0, 256, 300, np.uint8).tobytes()
    names = [*ENCODINGS, "mono10", "16UC1", "hologram8", ""]
    for encoding, width, height, step in itertools.product(names, (0, 1, 2, 5), (0, 1, 2, 5), (0, 3, 40)):
        for length in (0, 7, int(step * height * 1.5), step * height):
            try:
                decoded = decode_raw(data[:length], width, height, step, encoding)
            except ImageError:
                continue
            assert (decoded.shape, decoded.dtype) == ((height, width, 3), np.uint8)


def test_opencv_agrees_on_what_it_knows():
    rows = np.random.default_rng(0).integers(0, 256, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    assert (decode("nv12", rows) == cv2.cvtColor(rows, cv2.COLOR_YUV2RGB_NV12)).all()
    assert (decode("yuv420", rows) == cv2.cvtColor(rows, cv2.COLOR_YUV2RGB_I420)).all()
