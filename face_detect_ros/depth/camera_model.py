# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where in space a pixel looks, and where in the image a point in space appears."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.depth.calibration import Calibration

NOMINAL_VIEW_RAD = math.radians(60.0)
"""Horizontal field of view that is assumed of a camera without a calibration."""

_PINHOLE = ("plumb_bob", "rational_polynomial")
_FISHEYE = ("equidistant", "fisheye")
_ITERATIONS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-10)
# a direction counts if its pixel is found again this near
_NEAR_PX = 0.1
FARTHEST_PX = 1e7
"""Pixels farther outside the image do not count: only a wrong calibration puts something there."""
# boxes count from the outer corner of the first pixel, calibrations from its middle
_MIDDLE = 0.5


@dataclass(frozen=True, eq=False)
class CameraModel:
    """One camera and its images.

    Points are in its optical frame (REP 103: x right, y down, z forward), meters. Pixels are (x, y) as boxes have them:
    (0, 0) is the outer corner of the first pixel.

    Attributes:
        width, height: Of the images, in pixels.
        k: (3, 3) float64: focal lengths and principal point, pixels, from the middle of the first pixel.
        d: Coefficients of the distortion; none for rectified images.
        fisheye: Whether they are those of the equidistant model.
        shift: (2,) float64: fx * Tx and fy * Ty of a rectified stereo camera, in pixels * meters.
    """

    width: int
    height: int
    k: np.ndarray
    d: np.ndarray
    fisheye: bool = False
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def nominal(cls, width: int, height: int) -> CameraModel:
        """What is assumed of a camera without a calibration: `NOMINAL_VIEW_RAD`, no distortion."""
        focal = width / 2 / math.tan(NOMINAL_VIEW_RAD / 2)
        k = np.array([[focal, 0, width / 2 - _MIDDLE], [0, focal, height / 2 - _MIDDLE], [0, 0, 1]])
        return cls(width, height, k, np.zeros(0))

    @classmethod
    def of(cls, calibration: Calibration, width: int, height: int, *, rectified: bool = False) -> CameraModel:
        """The camera of images of that size.

        Args:
            calibration: Its region of interest and binning are taken off; images may have been resized since.
            width: Of the images, in pixels.
            height: Of the images, in pixels.
            rectified: Whether distortion has been taken out of them, as by image_proc.

        Raises:
            ConfigError: If the calibration is none, is damaged, or is for images of another shape.
        """
        if problem := calibration.problem() or ("" if calibration.calibrated else "is not calibrated"):
            raise ConfigError(f"the camera's calibration {problem}")
        for_images = calibration.scaled(width, height)
        if for_images is None:
            own = "x".join(map(str, calibration.image_size))
            raise ConfigError(f"the camera's calibration is for images of {own} pixels, not {width}x{height}")
        p = np.array(for_images.p, np.float64).reshape(3, 4)
        use_p = rectified and p[0, 0] > 0 and p[1, 1] > 0
        k = p[:, :3].copy() if use_p else np.array(for_images.k, np.float64).reshape(3, 3)
        k[2] = (0, 0, 1)
        binning = np.array([max(1, for_images.binning_x), max(1, for_images.binning_y)], np.float64)
        k[:2, 2] -= (for_images.roi.x_offset, for_images.roi.y_offset)
        k[:2] /= binning[:, None]
        shift = p[:2, 3] / binning if use_p else (0.0, 0.0)
        if rectified or not any(for_images.d):
            return cls(width, height, k, np.zeros(0), shift=(float(shift[0]), float(shift[1])))
        return cls(width, height, k, *_distortion(for_images))

    def project(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) float64 pixels of (N, 3) points; NaN for points that are not in front of the camera."""
        points = np.asarray(points, np.float64).reshape(-1, 3)
        result = np.full((len(points), 2), np.nan)
        seen = np.isfinite(points).all(axis=1) & (points[:, 2] > 0)
        if not seen.any():
            return result
        inside = points[seen]
        zero = np.zeros(3)
        with np.errstate(all="ignore"):
            if self.fisheye:
                pixels, _ = cv2.fisheye.projectPoints(inside[:, None], zero, zero, self.k, self.d)
            else:
                pixels, _ = cv2.projectPoints(inside[:, None], zero, zero, self.k, self.d)
            result[seen] = pixels[:, 0] + np.array(self.shift) / inside[:, 2:] + _MIDDLE
        result[~np.isfinite(result).all(axis=1)] = np.nan
        return result

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Directions in which pixels look.

        Args:
            pixels: (N, 2).

        Returns:
            (N, 3) float64 of length 1; NaN for pixels that look nowhere, as in the corners of a fisheye image. The base
            line of a stereo camera is left out.
        """
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        result = np.full((len(pixels), 3), np.nan)
        known = np.isfinite(pixels).all(axis=1) & (np.abs(pixels) < FARTHEST_PX).all(axis=1)
        if not known.any():
            return result
        places = np.ascontiguousarray(pixels[known] - _MIDDLE)
        if self.fisheye:
            result[known] = self._fisheye_rays(places)
            return result
        if len(self.d):
            flat = cv2.undistortPointsIter(places[:, None], self.k, self.d, None, None, _ITERATIONS)[:, 0]
        else:
            try:
                flat = np.linalg.solve(self.k, np.c_[places, np.ones(len(places))].T).T[:, :2]
            except np.linalg.LinAlgError:  # a damaged calibration
                return result
        directions = np.c_[flat, np.ones(len(flat))]
        if len(self.d):  # outside of what was calibrated the polynomial turns back
            again, _ = cv2.projectPoints(directions[:, None], np.zeros(3), np.zeros(3), self.k, self.d)
            with np.errstate(all="ignore"):
                directions[~(np.abs(again[:, 0] - places).max(axis=1) < _NEAR_PX)] = np.nan
        result[known] = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        return result

    def points(self, pixels: np.ndarray, depths_m: np.ndarray) -> np.ndarray:
        """Points that pixels show.

        Args:
            pixels: (N, 2).
            depths_m: (N,) their distances along the optical axis (z), as depth images have them.

        Returns:
            (N, 3) float64; NaN where the pixel looks nowhere or to the side, or the depth is not above 0.
        """
        rays = self.rays(pixels)
        depths_m = np.asarray(depths_m, np.float64).reshape(-1)
        with np.errstate(all="ignore"):
            result = rays * (depths_m / rays[:, 2])[:, None]
        result[:, :2] -= np.array(self.shift) / (self.k[0, 0], self.k[1, 1])
        result[~(np.isfinite(depths_m) & (depths_m > 0) & (rays[:, 2] > 0))] = np.nan
        return result

    def _fisheye_rays(self, places: np.ndarray) -> np.ndarray:
        """Equidistant model: the distance from the middle is a polynomial of the angle to the axis."""
        x, y = ((places - self.k[:2, 2]) / (self.k[0, 0], self.k[1, 1])).T
        x = x - self.k[0, 1] / self.k[0, 0] * y
        distance = np.hypot(x, y)
        powers = np.array([1.0, *self.d])
        angle = np.minimum(distance, math.pi)
        for _ in range(50):
            square = angle**2
            value = angle * np.polynomial.polynomial.polyval(square, powers)
            slope = np.polynomial.polynomial.polyval(square, powers * np.arange(1, 2 * len(powers), 2))
            with np.errstate(all="ignore"):
                angle = np.clip(angle - (value - distance) / slope, 0, math.pi)
        square = angle**2
        found = np.abs(angle * np.polynomial.polynomial.polyval(square, powers) - distance) < 1e-6
        with np.errstate(all="ignore"):
            sine = np.where(distance > 0, np.sin(angle) / np.where(distance > 0, distance, 1), 1.0)
        rays = np.c_[x * sine, y * sine, np.cos(angle)]
        rays[~found] = np.nan
        return rays


def _distortion(calibration: Calibration) -> tuple[np.ndarray, bool]:
    """(coefficients, whether they are a fisheye lens's). Raises ConfigError for a model that is not known."""
    name = calibration.distortion_model.strip().lower() or _PINHOLE[0]
    count = len(calibration.d)
    if name in _FISHEYE and count == 4:
        return np.array(calibration.d, np.float64), True
    if name in _PINHOLE and count in (4, 5, 8, 12, 14):
        return np.array(calibration.d, np.float64), False
    raise ConfigError(
        f"the camera's distortion model '{calibration.distortion_model}' with {count} coefficients is not known; known "
        f"are {', '.join((*_PINHOLE, *_FISHEYE))}"
    )
