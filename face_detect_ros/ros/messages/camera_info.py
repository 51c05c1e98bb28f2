"""Camera calibration files, in the YAML format of camera_calibration and camera_info_manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from sensor_msgs.msg import CameraInfo

from face_detect_ros.core.errors import ConfigError


def load(location: str) -> CameraInfo:
    """The calibration at a path, a `file://` or a `package://NAME/PATH` URL, without a header.

    Raises ConfigError if it cannot be read or is no calibration.
    """
    path = _path(location)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"camera_info_url: cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"camera_info_url: {path} is no YAML: {error}") from error
    try:
        return CameraInfo(
            width=_side(content, "image_width"),
            height=_side(content, "image_height"),
            distortion_model=str(content["distortion_model"]),
            d=_numbers(content, "distortion_coefficients", None),
            k=_numbers(content, "camera_matrix", 9),
            r=_numbers(content, "rectification_matrix", 9),
            p=_numbers(content, "projection_matrix", 12),
        )
    except (KeyError, TypeError, ValueError, AssertionError, OverflowError) as error:
        raise ConfigError(
            f"camera_info_url: {path} is no camera calibration ({type(error).__name__}: {error}); "
            "make one with the camera_calibration package"
        ) from error


def _side(content: dict[str, Any], name: str) -> int:
    pixels = int(content[name])
    if not 1 <= pixels < 1 << 32:
        raise ValueError(f"{name} is {pixels}")
    return pixels


def _numbers(content: dict[str, Any], name: str, count: int | None) -> list[float]:
    values = [float(value) for value in content[name]["data"]]
    if count is not None and len(values) != count:
        raise ValueError(f"{name} has {len(values)} numbers, expected {count}")
    return values


def _path(location: str) -> Path:
    if "://" not in location:
        return Path(location).expanduser()
    url = urlsplit(location)
    if url.scheme == "file":
        return Path(unquote(url.path))
    if url.scheme == "package":
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

        try:
            return Path(get_package_share_directory(url.netloc)) / unquote(url.path).lstrip("/")
        except (PackageNotFoundError, ValueError) as error:
            raise ConfigError(f"camera_info_url: package {url.netloc!r} is not installed") from error
    raise ConfigError(f"camera_info_url: {url.scheme}:// is not read; give a path, file:// or package://")


def for_size(calibration: CameraInfo | None, width: int, height: int) -> CameraInfo:
    """The camera_info of width x height images: the calibration, scaled where the image is a resized version of
    the calibrated one, or an uncalibrated one (K[0] = 0, as sensor_msgs defines) where there is none that fits."""
    if calibration is None or calibration.width * height != calibration.height * width:
        return CameraInfo(width=width, height=height)
    scale = width / calibration.width
    factors = [scale, scale, scale, scale, scale, scale, 1.0, 1.0, 1.0]
    return CameraInfo(
        width=width,
        height=height,
        distortion_model=calibration.distortion_model,
        d=calibration.d,
        k=[value * factor for value, factor in zip(calibration.k, factors, strict=True)],
        r=calibration.r,
        p=[value * (scale if index < 8 else 1.0) for index, value in enumerate(calibration.p)],
    )
