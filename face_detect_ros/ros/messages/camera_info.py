# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calibrations to and from sensor_msgs/CameraInfo, and the URLs under which ROS looks for their files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rclpy.logging import get_logger
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.depth.calibration import Calibration, from_message, read_calibration
from face_detect_ros.files.home import ros_home

DEFAULT_NAME = "camera"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def load(location: str, *, name: str = DEFAULT_NAME, warn: Callable[[str], None] | None = None) -> CameraInfo:
    """Read the calibration at a path or URL, as camera_info_manager does.

    Args:
        location: A path, a `file://` or a `package://NAME/PATH` URL. In it, `${NAME}` is the camera's name and
            `${ROS_HOME}` the folder of that variable (~/.ros unless it is set).
        name: The camera's name.
        warn: Told of what was assumed; by default the log is.

    Returns:
        A message without a header.

    Raises:
        ConfigError: If it cannot be read or is not a calibration.
    """
    try:
        return to_message(read_calibration(_path(location, name), warn or get_logger("camera_info").warning))
    except ConfigError as error:
        raise ConfigError(f"camera_info_url: {error}") from error


def for_size(info: CameraInfo | None, width: int, height: int) -> CameraInfo:
    """The camera_info of images of one size.

    Args:
        info: The calibration; None without one.
        width: Of the images, in pixels.
        height: Of the images, in pixels.

    Returns:
        The calibration, scaled where the images are a resized version of the calibrated ones; an uncalibrated one
        (K[0] = 0, as sensor_msgs defines) where there is none that fits.
    """
    scaled = None if info is None else calibration(info).scaled(width, height)
    return CameraInfo(width=width, height=height) if scaled is None else to_message(scaled)


def calibration(info: CameraInfo) -> Calibration:
    """The calibration in a message."""
    return from_message(info)


def to_message(calibration: Calibration) -> CameraInfo:
    """The message with a calibration, without a header."""
    roi = calibration.roi
    return CameraInfo(
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.distortion_model,
        d=list(calibration.d),
        k=list(calibration.k),
        r=list(calibration.r),
        p=list(calibration.p),
        binning_x=calibration.binning_x,
        binning_y=calibration.binning_y,
        roi=RegionOfInterest(
            x_offset=roi.x_offset,
            y_offset=roi.y_offset,
            height=roi.height,
            width=roi.width,
            do_rectify=roi.do_rectify,
        ),
    )


def _path(location: str, name: str) -> Path:
    values = {"NAME": lambda: name, "ROS_HOME": lambda: str(ros_home())}
    location = _VARIABLE.sub(lambda match: values.get(match[1], match.group)(), location)
    if "://" not in location:
        return Path(os.path.expanduser(location))
    try:
        url = urlsplit(location)
    except ValueError as error:
        raise ConfigError(f"{location} is not a URL ({error})") from error
    if url.scheme == "file":
        return Path(unquote(url.path))
    if url.scheme == "package":
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

        try:
            return Path(get_package_share_directory(url.netloc)) / unquote(url.path).lstrip("/")
        except (PackageNotFoundError, ValueError) as error:
            raise ConfigError(f"package {url.netloc!r} is not installed") from error
    raise ConfigError(f"{url.scheme}:// is not read; give a path, file:// or package://")
