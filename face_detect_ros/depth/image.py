# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Depth images as cameras publish them, to meters."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from face_detect_ros.core.errors import ImageError
from face_detect_ros.depth.rvl import decode_rvl
from face_detect_ros.images.jpeg_png import check_png, is_png
from face_detect_ros.images.limits import MAX_IMAGE_MPX, check_size

# REP 118: integers are millimeters, floats meters; `mono16` is what some drivers call 16UC1
_TYPES: dict[str, tuple[str, float]] = {
    "16uc1": ("u2", 1e-3),
    "mono16": ("u2", 1e-3),
    "16sc1": ("i2", 1e-3),
    "32fc1": ("f4", 1.0),
    "64fc1": ("f8", 1.0),
}
_NO_DEPTH_16 = 0xFFFF  # like 0, in the images of some drivers
_GRID = 64  # points of a side that a typical distance is made of
_HEADER = struct.Struct("<iff")  # compressedDepth: format, then two parameters of the quantization
_FORMAT = re.compile(r"\s*(?P<encoding>\w+)\s*;\s*compressedDepth\s*(?P<codec>\w*)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class DepthImage:
    """Distances along the optical axis, as stored; converted to meters region by region.

    Attributes:
        values: (H, W) of any number type. 0, NaN, infinite and negative values, and 65535 of 16 bits, are unknown.
        unit_m: What a value of 1 is, in meters.
    """

    values: np.ndarray
    unit_m: float = 1.0

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        return int(self.values.shape[0])

    def typical_m(self) -> float:
        """Median distance on a coarse grid, in meters; NaN if nothing is known there."""
        step_y, step_x = (max(1, side // _GRID) for side in (self.height, self.width))
        known = self.meters(slice(None, None, step_y), slice(None, None, step_x))
        known = known[~np.isnan(known)]
        return float(np.median(known)) if known.size else float("nan")

    def meters(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """The distances in a region.

        Args:
            rows: Of the image.
            columns: Of the image.

        Returns:
            (h, w) float64 meters along the optical axis; NaN where unknown.
        """
        values = self.values[rows, columns]
        unknown = values <= 0
        if values.dtype.kind == "u":
            unknown |= values == _NO_DEPTH_16
        meters = values.astype(np.float64) * self.unit_m
        if values.dtype.kind == "f":
            unknown |= ~np.isfinite(meters)
        meters[unknown] = np.nan
        return meters


def decode_depth(
    data: Any,
    width: int,
    height: int,
    step: int,
    encoding: str,
    *,
    big_endian: bool = False,
    max_image_mpx: float = MAX_IMAGE_MPX,
) -> DepthImage:
    """A depth image as sensor_msgs/Image has it: 16UC1 or 16SC1 (mm), 32FC1 or 64FC1 (m).

    Args:
        data: A buffer of bytes, which the result shares.
        width: In pixels.
        height: In pixels.
        step: Bytes from one row to the next.
        encoding: Name of the memory layout.
        big_endian: Byte order of the values.
        max_image_mpx: Larger images are refused, in megapixels.

    Raises:
        ImageError: If it cannot be read (reasons: size, step, data, encoding).
    """
    check_size(width, height, max_image_mpx)
    found = _TYPES.get(encoding.strip().lower())
    if found is None:
        raise ImageError(
            "encoding", f"encoding {encoding!r} holds no depth; publish 16UC1 (millimeters) or 32FC1 (meters)"
        )
    kind, unit_m = found
    size = int(kind[1])
    if step < width * size:
        raise ImageError(
            "step", f"step is {step} bytes, but a row of this {encoding} image takes {width * size}"
        )
    if len(data) < step * (height - 1) + width * size:
        raise ImageError(
            "data", f"data has only {len(data)} bytes, but {height} rows * step {step} is {step * height}"
        )
    rows = np.ndarray((height, width), (">" if big_endian else "<") + kind, data, 0, (step, size))
    return DepthImage(rows, unit_m)


def decode_compressed_depth(data: bytes, format: str, max_image_mpx: float = MAX_IMAGE_MPX) -> DepthImage:
    """A depth image of the image transport `compressedDepth`: PNG or RVL behind a header of 12 bytes.

    Args:
        data: The bytes of the sensor_msgs/CompressedImage.
        format: Its format, such as `16UC1; compressedDepth png`.
        max_image_mpx: Larger images are refused, in megapixels.

    Raises:
        ImageError: If it cannot be read (reasons: encoding, compressed, size).
    """
    match = _FORMAT.match(format)
    kind = "" if match is None else _TYPES.get(match["encoding"].lower(), ("", 0.0))[0]
    if match is None or kind not in ("u2", "f4"):
        raise ImageError(
            "encoding", f"format {format!r} is not '16UC1; compressedDepth' or '32FC1; compressedDepth'"
        )
    if len(data) <= _HEADER.size:
        raise ImageError("compressed", f"compressed depth image has {len(data)} bytes: it is incomplete")
    _, quant_a, quant_b = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    decode = decode_rvl if match["codec"].lower() == "rvl" else _png
    values = decode(body, max_image_mpx)
    if kind == "u2":
        return DepthImage(values, 1e-3)
    with np.errstate(all="ignore"):  # 0 is unknown; NaN and infinity are too
        meters = quant_a / (values.astype(np.float32) - np.float32(quant_b))
    meters[values == 0] = np.nan
    return DepthImage(meters)


def depth_of_disparity(
    disparity: DepthImage, focal_px: float, baseline_m: float, least: float = 0.0, most: float = 0.0
) -> DepthImage:
    """The depth image of a rectified stereo camera.

    Args:
        disparity: In pixels, larger means nearer.
        focal_px: Focal length.
        baseline_m: Distance between the cameras.
        least: Smaller disparities are unknown, in pixels.
        most: Larger disparities are unknown; 0: no limit.

    Raises:
        ImageError: For a focal length or baseline that is not above 0 (reason: data).
    """
    if not (np.isfinite([focal_px, baseline_m]).all() and focal_px * baseline_m != 0):
        raise ImageError("data", f"disparity image has focal length {focal_px} and baseline {baseline_m}")
    pixels = disparity.meters()
    with np.errstate(all="ignore"):
        unknown = ~(pixels >= max(least, 1e-6)) | (pixels > (most if most > 0 else np.inf))
        meters = abs(focal_px * baseline_m) / pixels
    meters[unknown] = np.nan
    return DepthImage(meters)


def _png(body: bytes, max_image_mpx: float) -> np.ndarray:
    """(H, W) uint16 of PNG data. Raises ImageError."""
    if not is_png(body):
        raise ImageError("compressed", "compressed depth image holds no PNG behind its header")
    width, height, body = check_png(body)
    check_size(width, height, max_image_mpx)
    values = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2 or values.dtype != np.uint16:
        raise ImageError("compressed", "compressed depth image is not a PNG of 16 bits and one channel")
    return values
