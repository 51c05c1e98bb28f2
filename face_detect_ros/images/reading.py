"""Reading picture files."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError, SourceError

SUFFIXES = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".bmp",
        ".dib",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".jp2",
    )
)
"""Endings of the files in a folder that are taken for pictures, in small letters."""
_BACKGROUND = 255.0  # white, as a browser shows transparent pictures


def read_picture(path: str | os.PathLike[str]) -> np.ndarray:
    """The picture in a file as (H, W, 3) uint8 RGB: see `decode_picture`. Raises SourceError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}; give a picture that can be read") from error
    return decode_picture(data, str(path))


def decode_picture(data: bytes, name: str) -> np.ndarray:
    """The picture in the bytes of a picture file, as (H, W, 3) uint8 RGB. `name` is for messages.

    Turned upright as its EXIF orientation says. Gray becomes RGB; 16 bits are scaled to 8 over their full
    range; float values are taken to run from 0 to 1; transparent parts show white. (A transparent picture
    that also has an EXIF orientation is not turned.) Raises SourceError if it cannot be decoded.
    """
    if not data:
        raise SourceError(f"{name}: the file is empty")
    buffer = np.frombuffer(data, np.uint8)
    try:
        image = None
        # only the kinds of file that can be transparent: this way of reading ignores EXIF
        if not data.startswith(b"\xff\xd8"):
            image = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
            if image is not None and not (image.ndim == 3 and image.shape[2] == 4):
                image = None
        if image is None:
            image = cv2.imdecode(buffer, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise SourceError(f"{name}: cannot be decoded: {error.err or error}") from error
    if image is None:
        raise SourceError(f"{name}: not a picture, or damaged")
    image = _to_8_bits(image, name)
    if image.shape[2] == 4:
        return _on_white(image)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def picture_files(folder: Path) -> list[Path]:
    """The files in a folder that have a picture's ending, sorted by name. Raises SourceError."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise SourceError(f"{folder}: {error.strerror or error}; give a folder that can be read") from error


def sample_file(name: str) -> Path:
    """The file of a picture that comes with scikit-image or matplotlib, by name. Never downloads.

    Raises ConfigError for an unknown name, or without these packages.
    """
    files: dict[str, Path] = {}
    for package, folder in (("matplotlib", "mpl-data/sample_data"), ("skimage", "data")):
        spec = importlib.util.find_spec(package)  # finds it without the seconds that importing it takes
        if spec is not None and spec.submodule_search_locations:
            path = Path(spec.submodule_search_locations[0]) / folder
            files.update((path.stem, path) for path in picture_files(path))
    if not files:
        raise ConfigError(
            f"sample:{name} needs scikit-image, which is not installed: pip install scikit-image"
        )
    if name not in files:
        raise ConfigError(f"sample:{name} does not exist; there are {', '.join(sorted(files))}")
    return files[name]


def _to_8_bits(image: np.ndarray, name: str) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return cv2.convertScaleAbs(image, alpha=255 / 65535)
    if image.dtype.kind == "f":
        return (np.nan_to_num(np.clip(image, 0, 1)) * 255 + 0.5).astype(np.uint8)
    raise SourceError(f"{name}: has {image.dtype} pixels; save it with 8 or 16 bits")


def _on_white(bgra: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 BGRA to (H, W, 3) uint8 RGB over white."""
    alpha = bgra[..., 3:].astype(np.float32) / 255
    rgb = bgra[..., 2::-1].astype(np.float32)
    return (rgb * alpha + _BACKGROUND * (1 - alpha) + 0.5).astype(np.uint8)
