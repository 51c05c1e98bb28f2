# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ground plane: where the feet are in the image tells where somebody stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.errors import ConfigError

_LEAST_SLOPE = 0.02  # rays that meet the ground at less than about a degree are too uncertain
_USAGE = "give the camera's height in meters and how many degrees it looks down, such as 1.2, 15"
_HIGHEST_M = 100.0


@dataclass(frozen=True, eq=False)
class GroundPlane:
    """A plane in a camera's optical frame: the points p with `down @ p == height_m`.

    Attributes:
        down: (3,) float64 of length 1, towards the ground.
        height_m: Height of the camera above it.
    """

    down: np.ndarray
    height_m: float

    @classmethod
    def of_camera(cls, height_m: float, pitch_deg: float, roll_deg: float = 0.0) -> GroundPlane:
        """The plane under a camera.

        Args:
            height_m: Of the camera above the plane.
            pitch_deg: How far it looks down.
            roll_deg: How far it is rolled clockwise.

        Raises:
            ConfigError: No camera can have these values.
        """
        if not 0 < height_m <= _HIGHEST_M or not abs(pitch_deg) <= 90 or not abs(roll_deg) <= 180:
            raise ConfigError(
                f"a camera {height_m:g} m above the ground that looks down by {pitch_deg:g} degrees and is turned by "
                f"{roll_deg:g} is not possible; {_USAGE}"
            )
        pitch, roll = math.radians(pitch_deg), math.radians(roll_deg)
        level = math.cos(pitch)
        return cls(
            np.array([level * math.sin(roll), level * math.cos(roll), math.sin(pitch)]), float(height_m)
        )

    @classmethod
    def of_transform(cls, rotation: np.ndarray, translation: np.ndarray) -> GroundPlane:
        """The x-y plane of another frame.

        Args:
            rotation: (3, 3) from the camera's optical frame to that frame.
            translation: (3,) of the camera in that frame, meters.
        """
        return cls(-np.asarray(rotation, np.float64)[2], float(translation[2]))

    def distances(self, rays: np.ndarray) -> np.ndarray:
        """Distance to the ground along each ray.

        Args:
            rays: (N, 3).

        Returns:
            (N,) float64, in lengths of the rays; NaN if a ray does not meet the ground.
        """
        slopes = np.asarray(rays, np.float64) @ self.down
        with np.errstate(all="ignore"):
            found: np.ndarray = np.where(slopes > _LEAST_SLOPE, self.height_m / slopes, np.nan)
        return np.where(found > 0, found, np.nan)


def parse_ground_plane(text: str) -> GroundPlane:
    """Parse "height_m, pitch_deg" or "height_m, pitch_deg, roll_deg".

    Raises:
        ConfigError: If the text does not.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{text!r} is not a ground plane; {_USAGE}") from None
    if len(numbers) not in (2, 3):
        raise ConfigError(f"{text!r} has {len(numbers)} numbers; {_USAGE}")
    return GroundPlane.of_camera(*numbers)
