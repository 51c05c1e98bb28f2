# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Camera calibrations as ROS has them: what sensor_msgs/CameraInfo says, and the files that hold it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.reading import number, numbers, parse_yaml, read_text

PLUMB_BOB = "plumb_bob"
_HINT = "make a calibration with the camera_calibration package"
_MOST_PX = 1 << 20
_MOST_COEFFICIENTS = 14


@dataclass(frozen=True)
class Roi:
    """The part of the sensor that images show, as in sensor_msgs/RegionOfInterest.

    Attributes:
        x_offset: Of its upper left corner, in pixels of the whole sensor.
        y_offset: Of its upper left corner, in pixels of the whole sensor.
        height: In pixels of the whole sensor; 0, with a width of 0: all of it.
        width: In pixels of the whole sensor; 0, with a height of 0: all of it.
        do_rectify: Whether another part is shown after rectification.
    """

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0
    do_rectify: bool = False


@dataclass(frozen=True)
class Calibration:
    """A calibration, with the fields of sensor_msgs/CameraInfo.

    Attributes:
        width, height: In pixels of the whole sensor, to which `k` and `p` refer.
        d: Coefficients of the distortion model.
        k: 9 numbers: focal lengths and principal point of raw images; k[0] is 0 if the camera is not calibrated.
        r: 9 numbers: rotation to the rectified camera.
        p: 12 numbers: projection of rectified images.
        binning_x, binning_y: Pixels of the sensor that one of the image combines; 0 is 1.
    """

    width: int
    height: int
    distortion_model: str = ""
    d: tuple[float, ...] = ()
    k: tuple[float, ...] = (0.0,) * 9
    r: tuple[float, ...] = (0.0,) * 9
    p: tuple[float, ...] = (0.0,) * 12
    binning_x: int = 0
    binning_y: int = 0
    roi: Roi = Roi()

    @property
    def calibrated(self) -> bool:
        return self.k[0] != 0

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the images, in pixels."""
        return (
            (self.roi.width or self.width) // max(1, self.binning_x),
            (self.roi.height or self.height) // max(1, self.binning_y),
        )

    def problem(self) -> str:
        """Why nothing can be computed with it, for people to read; "" if all is well, or it is not calibrated."""
        values = (*self.k, *self.r, *self.p, *self.d)
        if not all(map(math.isfinite, values)):
            return "has values that are not finite"
        if self.calibrated and (min(self.k[0], self.k[4]) <= 0 or self.p[0] < 0 or self.p[5] < 0):
            return "has focal lengths that are not above 0"
        if self.calibrated and 0 in (self.width, self.height, *self.image_size):
            return "has no size"
        return ""

    def scaled(self, width: int, height: int) -> Calibration | None:
        """The calibration of resized images.

        Args:
            width: Of the resized images, in pixels.
            height: Of the resized images, in pixels.

        Returns:
            The calibration; None if the aspect ratio is another one.
        """
        own_width, own_height = self.image_size
        if not own_width or not own_height or own_width * height != own_height * width:
            return None
        if (width, height) == (own_width, own_height):
            return self
        scale = width / own_width
        sides = ("x_offset", "y_offset", "height", "width")
        return replace(
            self,
            width=round(self.width * scale),
            height=round(self.height * scale),
            k=tuple(value * (scale if index < 6 else 1.0) for index, value in enumerate(self.k)),
            p=tuple(value * (scale if index < 8 else 1.0) for index, value in enumerate(self.p)),
            roi=replace(self.roi, **{name: round(getattr(self.roi, name) * scale) for name in sides}),
        )


def from_message(info: Any) -> Calibration:
    """The calibration in a sensor_msgs/CameraInfo, of rclpy or of a bag."""
    roi = info.roi
    return Calibration(
        width=int(info.width),
        height=int(info.height),
        distortion_model=info.distortion_model,
        d=tuple(map(float, info.d)),
        k=tuple(map(float, info.k)),
        r=tuple(map(float, info.r)),
        p=tuple(map(float, info.p)),
        binning_x=int(info.binning_x),
        binning_y=int(info.binning_y),
        roi=Roi(int(roi.x_offset), int(roi.y_offset), int(roi.height), int(roi.width), bool(roi.do_rectify)),
    )


def read_calibration(path: Path, warn: Callable[[str], None] | None = None) -> Calibration:
    """Read a calibration file.

    Args:
        path: YAML of camera_calibration (also as OpenCV writes it), or its INI (`ost.txt`).
        warn: Told of what was assumed.

    Raises:
        ConfigError: If it cannot be read or is not a calibration.
    """
    text = read_text(path)
    if not text.strip():
        raise ConfigError(f"{path}: the file is empty; {_HINT}")
    content = None if _is_ini(text) else parse_yaml(text, str(path), hint=_HINT)
    try:
        content = _ini(text) if content is None and _is_ini(text) else content
        if not isinstance(content, dict):
            raise ValueError("not a mapping")
        if not content.get("distortion_model"):
            content = {**content, "distortion_model": PLUMB_BOB}
            if warn is not None:
                warn(f"{path}: names no distortion_model; {PLUMB_BOB} is assumed")
        found = Calibration(
            width=_pixels(content, "image_width", 1),
            height=_pixels(content, "image_height", 1),
            distortion_model=str(content["distortion_model"]),
            d=_matrix(content, "distortion_coefficients", None),
            k=_matrix(content, "camera_matrix", 9),
            r=_matrix(content, "rectification_matrix", 9),
            p=_matrix(content, "projection_matrix", 12),
            binning_x=_pixels(content, "binning_x", 0, default=0),
            binning_y=_pixels(content, "binning_y", 0, default=0),
            roi=_roi(content.get("roi") or {}),
        )
        if problem := found.problem():
            raise ValueError(problem)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ConfigError(f"{path}: not a camera calibration ({reason}); {_HINT}") from error
    return found


def _pixels(content: dict[str, Any], name: str, least: int, *, default: int | None = None) -> int:
    pixels = int(number(content[name] if default is None else content.get(name, default)))
    if not least <= pixels <= _MOST_PX:
        raise ValueError(f"{name} is {pixels}")
    return pixels


def _matrix(content: dict[str, Any], name: str, count: int | None) -> tuple[float, ...]:
    try:
        values = numbers(content[name]["data"], count)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if len(values) > max(count or 0, _MOST_COEFFICIENTS):
        raise ValueError(f"{name}: {len(values)} numbers")
    return tuple(values)


def _roi(content: dict[str, Any]) -> Roi:
    sides = {
        name: _pixels(content, name, 0, default=0) for name in ("x_offset", "y_offset", "height", "width")
    }
    return Roi(**sides, do_rectify=bool(content.get("do_rectify", False)))


def _is_ini(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith(("#", "%"))), "")
    return first.startswith("[")


def _ini(text: str) -> dict[str, Any]:
    """camera_calibration's INI, as its YAML has it. What is damaged is found there."""
    values: dict[str, list[str]] = {}
    name = ""
    for line in (line.split("#", 1)[0].strip() for line in text.splitlines()):
        if not line or line.startswith("["):
            name = "" if line else name
        elif re.match(r"[a-z]", line, re.IGNORECASE) and not re.match(r"(nan|inf)", line, re.IGNORECASE):
            name = line.lower()
            values[name] = []
        elif name:
            values[name] += line.split()

    def matrix(name: str) -> dict[str, list[str]]:
        return {"data": values[name]}

    return {
        "image_width": "".join(values["width"]),
        "image_height": "".join(values["height"]),
        "camera_matrix": matrix("camera matrix"),
        "distortion_coefficients": matrix("distortion"),
        "rectification_matrix": matrix("rectification"),
        "projection_matrix": matrix("projection"),
        "distortion_model": PLUMB_BOB if len(values["distortion"]) <= 5 else "rational_polynomial",
    }
