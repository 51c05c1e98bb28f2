# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The geometry of an image: its camera, depth and ground."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.depth.calibration import Calibration
from face_detect_ros.depth.camera_model import FARTHEST_PX, CameraModel
from face_detect_ros.depth.ground import GroundPlane
from face_detect_ros.depth.image import DepthImage

_ALONG_EDGE = np.linspace(0.0, 1.0, 9)


@dataclass(frozen=True, eq=False)
class Scene:
    """The camera of an image, with depth, a ground plane, or both.

    The depth image is registered: it has the viewpoint of the camera. Its resolution, region of interest and distortion
    may differ from the image's.

    Attributes:
        camera: Of the image.
        depth: Distances along the optical axis.
        depth_camera: Of the depth image.
        ground: Plane that people stand on, in the camera's optical frame.
    """

    camera: CameraModel
    depth: DepthImage | None = None
    depth_camera: CameraModel | None = None
    ground: GroundPlane | None = None

    @classmethod
    def of(
        cls,
        width: int,
        height: int,
        calibration: Calibration | None,
        depth: DepthImage | None = None,
        depth_calibration: Calibration | None = None,
        *,
        ground: GroundPlane | None = None,
        rectified: bool = False,
        depth_rectified: bool = False,
    ) -> Scene:
        """The scene of an image. One calibration is enough: that of the image or that of the registered depth image.

        Args:
            width: Of the image, in pixels.
            height: Of the image, in pixels.
            calibration: Of the image.
            depth: Registered to the image.
            depth_calibration: Of the depth image.
            ground: Plane that people stand on.
            rectified: Whether distortion has been taken out of the image.
            depth_rectified: Whether it has been taken out of the depth image.

        Raises:
            ConfigError: If there is no calibration, or one that does not fit.
        """
        own = _calibrated(calibration)
        others = _calibrated(depth_calibration)
        if own is None and others is None:
            raise ConfigError("the camera has no calibration; publish its camera_info")
        if own is None:
            own, rectified = others, depth_rectified
        camera = CameraModel.of(own, width, height, rectified=rectified)  # type: ignore[arg-type]
        depth_camera = None
        if depth is not None:
            if others is None:
                others, depth_rectified = own, rectified
            depth_camera = CameraModel.of(others, depth.width, depth.height, rectified=depth_rectified)  # type: ignore[arg-type]
            # both have one viewpoint, whatever baseline a stereo calibration names
            camera, depth_camera = replace(camera, shift=(0.0, 0.0)), replace(depth_camera, shift=(0.0, 0.0))
        return cls(camera, depth, depth_camera, ground)

    def depth_boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes to the depth image.

        Args:
            boxes: (N, 4) xyxy, pixels of the image.

        Returns:
            (N, 4) float64 xyxy, pixels of the depth image; NaN if it shows nothing of the box.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        if self.depth_camera is None or not len(boxes):
            return np.full(boxes.shape, np.nan)
        pixels = self.depth_camera.project(self.camera.rays(_outlines(boxes))).reshape(len(boxes), -1, 2)
        seen = ~np.isnan(pixels).any(axis=2)
        low = np.where(seen[..., None], pixels, np.inf).min(axis=1)
        high = np.where(seen[..., None], pixels, -np.inf).max(axis=1)
        found = np.concatenate([low, high], axis=1)
        found[~(np.abs(found) < FARTHEST_PX).all(axis=1)] = np.nan
        return found


def _calibrated(calibration: Calibration | None) -> Calibration | None:
    return calibration if calibration is not None and calibration.calibrated else None


def _outlines(boxes: np.ndarray) -> np.ndarray:
    """(N * P, 2) points along the edges of boxes."""
    left, top, right, bottom = boxes.T[:, :, None]
    x = left + (right - left) * _ALONG_EDGE
    y = top + (bottom - top) * _ALONG_EDGE
    edges = [(x, top + 0 * x), (x, bottom + 0 * x), (left + 0 * y, y), (right + 0 * y, y)]
    return np.concatenate([np.stack(edge, axis=2) for edge in edges], axis=1).reshape(-1, 2)
