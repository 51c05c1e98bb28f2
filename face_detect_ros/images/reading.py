# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading image files."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import TiffImagePlugin, UnidentifiedImageError

from face_detect_ros.core.errors import ConfigError, ImageError, SourceError
from face_detect_ros.files.near import near_name
from face_detect_ros.files.reading import LARGE_BYTES, read_bytes
from face_detect_ros.images import formats, pillow
from face_detect_ros.images.formats import NOT_IMAGES, SUFFIXES
from face_detect_ros.images.jpeg_png import check_jpeg, is_jpeg
from face_detect_ros.images.limits import MAX_IMAGE_MPX, check_size

_START_BYTES = 512
_HDR_SIZE = re.compile(rb"\n[-+]([XY]) (\d{1,7}) [-+][XY] (\d{1,7})\n")
_PFM_HEADER = re.compile(rb"P([Ff])\s+(\d{1,7})\s+(\d{1,7})\s+([-+.\deE]{1,20})\s")
_WIDTH_TAG, _HEIGHT_TAG = 256, 257


def read_image(path: str | os.PathLike[str], max_image_mpx: float = MAX_IMAGE_MPX) -> np.ndarray:
    """Read an image file; see `decode_image`.

    Args:
        path: The file.
        max_image_mpx: Most megapixels.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        SourceError: The file cannot be read, or is not an image.
    """
    hint = "give an image that can be read"
    data = read_bytes(path, most_bytes=LARGE_BYTES, error=SourceError, hint=hint, pipes=True)
    return decode_image(data, str(path), max_image_mpx)


def decode_image(data: bytes, name: str, max_image_mpx: float = MAX_IMAGE_MPX) -> np.ndarray:
    """Decode the bytes of an image file.

    Args:
        data: Of any format that Pillow reads, Radiance HDR or PFM; HEIC where pi-heif or pillow-heif is installed.
            Of several images in one file the first.
        name: Of the file, for messages.
        max_image_mpx: Larger images are refused by their header, in megapixels.

    Returns:
        (H, W, 3) uint8 RGB, turned upright as its orientation tag says. Gray becomes RGB; 16 bits are scaled to 8 over
        their full range; float values run from 0 to 1 (to 255 where most are above 1); transparent parts show white.

    Raises:
        SourceError: If it cannot be decoded, is incomplete or too large.
    """
    if not data:
        raise SourceError(f"{name}: the file is empty")
    start = data[:_START_BYTES]
    if reason := formats.advice(start, name):
        raise SourceError(f"{name}: {reason}")
    kind = formats.kind(start)
    try:
        if kind == "PFM":
            return _pfm(data, max_image_mpx)
        if kind == "HDR":
            return _hdr(data, max_image_mpx)
        if kind == "HEIC":
            pillow.register_heif()
        if is_jpeg(data):
            check_jpeg(data, complete=False)  # Pillow itself says where the end is missing
        try:
            return pillow.to_rgb(pillow.open_header(data, max_image_mpx))
        except UnidentifiedImageError:
            if kind != "TIFF":
                raise
            return _float_tiff(data, max_image_mpx)
    except ImageError as error:
        raise SourceError(f"{name}: {error}") from error
    except Exception as error:  # whatever damaged data makes decoders raise
        raise SourceError(f"{name}: {_why(kind, error)}") from error


def image_files(folder: Path) -> list[Path]:
    """The files in a folder whose names end as those of images, sorted by name. Raises SourceError."""
    return [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]


def other_files(folder: Path) -> list[Path]:
    """The files in a folder that may be images but are not read as such: neither hidden nor of `NOT_IMAGES`.

    Raises SourceError.
    """
    known = SUFFIXES | NOT_IMAGES
    return [
        path for path in _files(folder) if path.suffix.lower() not in known and not path.name.startswith(".")
    ]


def tell_others(folder: Path, tell: Callable[[str], None]) -> None:
    """Name each of `other_files`, so that none is skipped in silence. Raises SourceError."""
    for path in other_files(folder):
        why = formats.advice(_start(path), path.name) or "not an image that is read"
        tell(f"{path}: {why}; skipped")


def is_image_file(path: Path) -> bool:
    """Whether a file is a still image, by its name or its first bytes. A GIF may be a video."""
    return path.suffix.lower() in SUFFIXES or formats.is_image(_start(path))


def sample_file(name: str) -> Path:
    """The file of an image that comes with scikit-image or matplotlib, by name. Never downloads.

    Raises ConfigError for an unknown name, or without these packages.
    """
    files: dict[str, Path] = {}
    for package, folder in (("matplotlib", "mpl-data/sample_data"), ("skimage", "data")):
        spec = importlib.util.find_spec(package)  # finds it without the seconds that importing it takes
        if spec is not None and spec.submodule_search_locations:
            path = Path(spec.submodule_search_locations[0]) / folder
            files.update((path.stem, path) for path in image_files(path))
    if not files:
        raise ConfigError(
            f"sample:{name} needs scikit-image, which is not installed: pip install scikit-image"
        )
    if name not in files:
        raise ConfigError(
            f"sample:{name} does not exist{near_name(name, files)}; there are {', '.join(sorted(files))}"
        )
    return files[name]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise SourceError(f"{folder}: {error.strerror or error}; give a folder that can be read") from error


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_START_BYTES)
    except OSError:
        return b""


def _why(kind: str, error: Exception) -> str:
    if kind == "HEIC" and isinstance(error, UnidentifiedImageError):
        return "HEIC is read where pi-heif is installed: pip install pi-heif, or convert it to JPEG"
    if kind == "AVIF" and isinstance(error, UnidentifiedImageError):
        return "AVIF is read by Pillow from 11.3 on: pip install --upgrade pillow, or convert it to JPEG"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or damaged"
    reason = " ".join(str(error).split())
    return f"damaged or incomplete ({reason or type(error).__name__})"


def _pfm(data: bytes, max_image_mpx: float) -> np.ndarray:
    """Portable float map: rows from the bottom up. Raises ImageError and ValueError."""
    header = _PFM_HEADER.match(data)
    if header is None:
        raise ValueError("its header is damaged")
    width, height, channels = int(header[2]), int(header[3]), 3 if header[1] == b"F" else 1
    check_size(width, height, max_image_mpx)
    order = "<f4" if float(header[4]) < 0 else ">f4"
    values = np.frombuffer(data, order, width * height * channels, header.end())
    values = values.reshape(height, width, channels)[::-1].astype(np.float32)
    return pillow.float_to_rgb(values if channels == 3 else values[..., 0])


def _hdr(data: bytes, max_image_mpx: float) -> np.ndarray:
    size = _HDR_SIZE.search(data, 0, 1 << 16)
    if size is None:
        raise ValueError("its header has no size")
    check_size(int(size[2]), int(size[3]), max_image_mpx)
    return _by_opencv(data)


def _float_tiff(data: bytes, max_image_mpx: float) -> np.ndarray:
    """Kinds of pixels that Pillow does not know, such as colors as floats."""
    file = io.BytesIO(data)
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        width, height = int(tags[_WIDTH_TAG]), int(tags[_HEIGHT_TAG])
    except (SyntaxError, KeyError, struct.error, TypeError) as error:
        raise ValueError("its header is damaged") from error
    check_size(width, height, max_image_mpx)
    return _by_opencv(data)


def _by_opencv(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if image is None:
        raise ValueError("OpenCV cannot decode it")
    rgb = np.ascontiguousarray(image[..., ::-1])
    if rgb.dtype == np.uint8:
        return rgb
    if rgb.dtype.kind != "f":
        raise ImageError("pixels", f"has {rgb.dtype} pixels; save it with 8 or 16 bits")
    return pillow.float_to_rgb(rgb)
