# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Depth images as drivers and image transports publish them."""

import struct

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ImageError
from face_detect_ros.depth.image import (
    DepthImage,
    decode_compressed_depth,
    decode_depth,
    depth_of_disparity,
)

NAN, INF = float("nan"), float("inf")


def rvl(values: np.ndarray) -> bytes:
    """RVL as in the paper's listing, one number at a time."""
    nibbles: list[int] = []

    def number(value: int) -> None:
        while True:
            rest = value >> 3
            nibbles.append((value & 7) | (8 if rest else 0))
            value = rest
            if not rest:
                return

    flat, place, before = values.reshape(-1).astype(int).tolist(), 0, 0
    while place < len(flat):
        for zero in (True, False):
            end = place
            while end < len(flat) and (flat[end] == 0) == zero:
                end += 1
            number(end - place)
            if not zero:
                for value in flat[place:end]:
                    step = value - before
                    number((step << 1) ^ (step >> 63))
                    before = value
            place = end
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        int("".join(f"{nibble:x}" for nibble in nibbles[i : i + 8]), 16) for i in range(0, len(nibbles), 8)
    ]
    size = struct.pack("<II", values.shape[1], values.shape[0])
    return size + struct.pack(f"<{len(words)}I", *words)


def png(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values)[1].tobytes()


@pytest.mark.parametrize(
    ("encoding", "dtype", "values", "meters"),
    [
        ("16UC1", "<u2", [[0, 1234], [65535, 5000]], [[NAN, 1.234], [NAN, 5.0]]),
        ("mono16", "<u2", [[0, 1234]], [[NAN, 1.234]]),
        ("16SC1", "<i2", [[-5, 1234]], [[NAN, 1.234]]),
        ("32FC1", "<f4", [[NAN, INF, -INF], [0.0, -1.0, 2.5]], [[NAN, NAN, NAN], [NAN, NAN, 2.5]]),
        ("64FC1", "<f8", [[0.25, NAN]], [[0.25, NAN]]),
        ("16uc1", ">u2", [[0, 1234]], [[NAN, 1.234]]),
    ],
)
@pytest.mark.parametrize("padding", [0, 6])
def test_raw(encoding: str, dtype: str, values: list, meters: list, padding: int) -> None:
    array = np.array(values, dtype)
    height, width = array.shape
    rows = array.view(np.uint8).reshape(height, -1)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=7).tobytes()
    step = rows.shape[1] + padding
    image = decode_depth(data, width, height, step, encoding, big_endian=dtype[0] == ">")
    np.testing.assert_allclose(image.meters(), meters, rtol=1e-6)
    np.testing.assert_allclose(image.meters(slice(0, 1), slice(1, 2)), [[meters[0][1]]], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encoding": "rgb8"}, "encoding"),
        ({"width": 0}, "size"),
        ({"width": 100_000, "height": 100_000}, "size"),
        ({"step": 7}, "step"),
        ({"data": b"1234567"}, "data"),
    ],
)
def test_damaged_raw_images_are_refused(changes: dict, reason: str) -> None:
    given = {"data": bytes(16), "width": 4, "height": 2, "step": 8, "encoding": "16UC1", **changes}
    with pytest.raises(ImageError) as caught:
        decode_depth(**given)
    assert caught.value.reason == reason


RANDOM = np.random.default_rng(3)
VALUES = np.where(RANDOM.random((37, 53)) < 0.3, 0, RANDOM.integers(1, 65535, (37, 53))).astype(np.uint16)


@pytest.mark.parametrize(
    ("codec", "encode"), [("", png), (" png", png), (" rvl", rvl)], ids=["old", "png", "rvl"]
)
@pytest.mark.parametrize(
    "values", [VALUES, np.zeros((3, 5), np.uint16), VALUES[:1, :1] | 1], ids=["many", "none", "one"]
)
def test_compressed_millimeters(codec: str, encode, values: np.ndarray) -> None:
    data = struct.pack("<iff", 0, 0, 0) + encode(values)
    image = decode_compressed_depth(data, f"16UC1; compressedDepth{codec}")
    np.testing.assert_array_equal(image.values, values)
    assert image.unit_m == 1e-3


def test_compressed_meters_are_as_exact_as_the_transport_makes_them() -> None:
    depth = np.array([[0.5, 1.0, 2.0], [4.0, NAN, 9.0]], np.float32)
    # compressed_depth_image_transport's quantization: fine near the camera, coarse far away
    quantum, most = 100.0, 10.0
    a = quantum * (quantum + 1.0)
    b = 1.0 - a / most
    with np.errstate(invalid="ignore"):
        stored = np.where(np.isnan(depth), 0, a / depth + b).astype(np.uint16)
    data = struct.pack("<iff", 0, a, b) + png(stored)
    image = decode_compressed_depth(data, "32FC1; compressedDepth png")
    np.testing.assert_allclose(image.meters(), depth, rtol=2e-3)


@pytest.mark.parametrize(
    ("data", "format", "reason"),
    [
        (b"", "16UC1; compressedDepth", "compressed"),
        (bytes(12) + b"nothing", "16UC1; compressedDepth", "compressed"),
        (bytes(12) + png(VALUES)[:-20], "16UC1; compressedDepth", "compressed"),
        (bytes(12) + png(VALUES.astype(np.uint8)), "16UC1; compressedDepth", "compressed"),
        (bytes(12) + png(VALUES), "jpeg", "encoding"),
        (bytes(12) + png(VALUES), "rgb8; compressedDepth", "encoding"),
        (bytes(12) + rvl(VALUES)[:-40], "16UC1; compressedDepth rvl", "compressed"),
        (bytes(12) + b"\xff" * 64, "16UC1; compressedDepth rvl", "size"),
        (bytes(12) + struct.pack("<II", 4, 4) + bytes(4), "16UC1; compressedDepth rvl", "compressed"),
        (bytes(12) + struct.pack("<II", 4, 4) + b"\xff" * 40, "16UC1; compressedDepth rvl", "compressed"),
    ],
)
def test_damaged_compressed_images_are_refused(data: bytes, format: str, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_compressed_depth(data, format)
    assert caught.value.reason == reason


def test_random_bytes_never_do_harm() -> None:
    for _ in range(300):
        data = bytes(12) + struct.pack("<II", 8, 8) + RANDOM.bytes(int(RANDOM.integers(0, 80)))
        try:
            image = decode_compressed_depth(data, "16UC1; compressedDepth rvl")
        except ImageError:
            continue
        assert image.values.shape == (8, 8)


def test_disparities() -> None:
    disparity = DepthImage(np.array([[10.0, 0.0, NAN], [200.0, 2.0, -1.0]], np.float32))
    image = depth_of_disparity(disparity, 500.0, 0.1, least=3.0, most=150.0)
    np.testing.assert_allclose(image.meters(), [[5.0, NAN, NAN], [NAN, NAN, NAN]])
    with pytest.raises(ImageError, match="baseline 0"):
        depth_of_disparity(disparity, 500.0, 0.0)


def test_a_typical_distance():
    values = np.zeros((480, 640), np.uint16)
    assert np.isnan(DepthImage(values, 1e-3).typical_m())
    values[:300] = 2000
    values[300:, :100] = 500
    assert DepthImage(values, 1e-3).typical_m() == 2.0
    assert DepthImage(np.array([[np.nan, 3.0, np.inf]])).typical_m() == 3.0
