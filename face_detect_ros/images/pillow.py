# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Image files as Pillow reads them: header first, then upright 8-bit RGB."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from face_detect_ros.core.errors import ImageError
from face_detect_ros.images.avif import check_avif
from face_detect_ros.images.limits import check_size

# not all that Pillow knows: some of its formats start other programs, some are only announced
_FORMATS = [
    "JPEG",
    "MPO",
    "PNG",
    "WEBP",
    "AVIF",
    "HEIF",
    "TIFF",
    "GIF",
    "BMP",
    "DIB",
    "PPM",
    "JPEG2000",
    "QOI",
]
_FORMATS += ["TGA", "PSD", "SUN", "SGI", "PCX", "ICO", "DDS"]
_BACKGROUND = 255  # white, as a browser shows transparent images
_ORIENTATION = 274  # of EXIF
_PLANAR, _PLANES, _BITS = 284, 2, 258  # of TIFF
_FILTERS = threading.Lock()


def open_header(data: bytes, max_image_mpx: float, *, formats: list[str] | None = None) -> Image.Image:
    """Open an image without decoding its pixels.

    Args:
        data: Of the file.
        max_image_mpx: Most megapixels.
        formats: Pillow's names of the formats to try; None: all that are known here.

    Raises:
        ImageError: If it has more pixels than the limit (reason: size).
        Exception: Of any type, where it is not an image that Pillow reads; `PIL.UnidentifiedImageError` where it is
            of another format.
    """
    Image.init()
    known = [name for name in formats or _FORMATS if name in Image.OPEN]
    with _without_warnings():
        try:
            image = Image.open(io.BytesIO(data), formats=known)
        except Image.DecompressionBombError as error:
            raise ImageError(
                "size", f"more than {max_image_mpx:g} megapixels are refused ({error})"
            ) from error
        check_size(*image.size, max_image_mpx)
        if image.format == "AVIF":
            check_avif(data, max_image_mpx)
        with contextlib.suppress(Exception):  # a damaged tag only means that it is not turned
            image.getexif()
    return image


def to_rgb(image: Image.Image) -> np.ndarray:
    """Decode an opened image.

    Returns:
        (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says. 16 bits are scaled over their full range,
        transparent parts show white.

    Raises:
        ImageError: For pixels that cannot be shown in 8 bits (reason: pixels).
        Exception: Of any type, for damaged data.
    """
    if image.format == "TIFF":
        _check_tiff(image)
    image.load()
    with contextlib.suppress(struct.error, ValueError, TypeError, KeyError, SyntaxError):  # of a damaged tag
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image) or image
    if image.mode == "F":
        return float_to_rgb(np.asarray(image))
    if image.mode.startswith("I"):
        return _gray_16(np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (_BACKGROUND,) * 4)
        image = Image.alpha_composite(white, image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def float_to_rgb(values: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) float RGB to (H, W, 3) uint8.

    Values run from 0 to 1, or to 255 where most of them are above 1.
    """
    values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=0.0)
    white = 255.0 if np.median(values) > 1 else 1.0
    result = (np.clip(values / white, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.repeat(result[..., None], 3, axis=2) if result.ndim == 2 else result


def register_heif() -> bool:
    """Make Pillow read HEIC, where pi-heif or pillow-heif is installed. Returns whether it does."""
    try:
        try:
            from pi_heif import register_heif_opener
        except ImportError:
            from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _gray_16(values: np.ndarray) -> np.ndarray:
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > 65535:
        raise ImageError("pixels", f"its values run from {lowest} to {highest}; save it with 8 or 16 bits")
    gray = ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def _check_tiff(image: Any) -> None:
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS, (8,))
    if tags.get(_PLANAR) == _PLANES and len(bits) > 1 and max(bits) > 8:
        raise ImageError(
            "pixels", "TIFF with 16 bits in separate planes is not read; save it with interleaved colors"
        )


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Pillow warns of damaged tags and large images; what matters becomes an error here.

    Filters of warnings belong to the whole process, so one thread at a time changes them.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
