# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Positions of detections in space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.masks import Masks
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.depth.scene import Scene
from face_detect_ros.depth.surface import Surface, find_surface

ANY_ANGLE = math.pi**2 / 3
"""Variance of an angle of which nothing is known."""
_DEPTH_ERROR = 0.01  # of the distance: systematic error of depth cameras
_INDEPENDENT = 25  # samples at most: neighbors share their noise
_BOX_ERROR, _BOX_ERROR_PX = 0.03, 1.0  # how far the middle of a box is off: a share of its side, and pixels
_FEET_ERROR, _FEET_ERROR_PX = (
    0.03,
    2.0,
)  # how far its lower edge is off the feet: a share of its height, and pixels
_EDGE_PX = 2.0  # a box that ends this close to the edge of the image may continue beyond it
_MOST_SIDEWAYS = 1e3  # meters
_THICKNESS_M = 0.3  # of people without depth


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of N detections, in meters in the camera's optical frame (REP 103: x right, y down, z forward).

    Attributes:
        points: (N, 3) float64, center of the visible surface; NaN if unknown.
        centers: (N, 3) float64, centers of 3-D boxes around the visible surface.
        sizes: (N, 3) float64, sides of these boxes along x, y and z.
        covariances: (N, 3, 3) float64 of `points`, in square meters.
    """

    points: np.ndarray
    centers: np.ndarray
    sizes: np.ndarray
    covariances: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def unknown(cls, count: int) -> Positions:
        """`count` unknown positions."""
        points, centers, sizes = np.full((3, count, 3), np.nan)
        return cls(points, centers, sizes, np.full((count, 3, 3), np.nan))

    @property
    def known(self) -> np.ndarray:
        """(N,) bool."""
        return ~np.isnan(self.points).any(axis=1)


def locate(
    scene: Scene, boxes: np.ndarray, on_ground: np.ndarray | None = None, masks: Masks | None = None
) -> Positions:
    """Locate the objects in boxes, by depth where it is known, else by the ground plane.

    Args:
        scene: Camera, depth and ground.
        boxes: (N, 4) xyxy, pixels of the image.
        on_ground: (N,) bool: objects that stand upright on the ground, such as people; None: none.
        masks: Pixels of each object, if known.

    Returns:
        N positions, each either complete and finite or unknown.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    found = Positions.unknown(len(boxes))
    with np.errstate(all="ignore"):  # what is not finite is unknown
        if scene.depth is not None:
            regions = boxes.copy()
            shapes: list[np.ndarray | None] = [None] * len(boxes)
            for index in range(0 if masks is None else len(boxes)):
                (left, top), mask = masks.of(index)  # type: ignore[union-attr]
                if mask.any():
                    regions[index] = (left, top, left + mask.shape[1], top + mask.shape[0])
                    shapes[index] = mask
            for index, depth_box in enumerate(scene.depth_boxes(regions)):
                if np.isnan(depth_box).any():
                    continue
                surface = find_surface(scene.depth, depth_box, shapes[index])
                if surface is not None:
                    _fill(found, index, scene.camera, boxes[index], surface)
        if scene.ground is not None and on_ground is not None:
            for index in np.flatnonzero(on_ground & ~found.known).tolist():
                _stand(found, index, scene, boxes[index])
    return found


def _fill(found: Positions, index: int, camera: CameraModel, box: np.ndarray, surface: Surface) -> None:
    depth_m = surface.depth_m
    noise_m = surface.spread_m / np.sqrt(min(surface.samples, _INDEPENDENT))
    _place(found, index, camera, box, depth_m, np.hypot(noise_m, _DEPTH_ERROR * depth_m))
    middle_m, thickness_m = (surface.front_m + surface.back_m) / 2, surface.back_m - surface.front_m
    found.centers[index] *= middle_m / depth_m
    found.sizes[index, 2] = thickness_m


def _place(
    found: Positions, index: int, camera: CameraModel, box: np.ndarray, depth_m: float, error_m: float
) -> None:
    """Set the position of an object at a depth with standard deviation `error_m`."""
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    pixels = np.array([(x, y), (left, y), (right, y), (x, top), (x, bottom)])
    point, *ends = camera.points(pixels, np.full(5, depth_m))
    if not np.isfinite(point).all() or np.abs(point).max() > _MOST_SIDEWAYS:
        return
    focal = camera.k[[0, 1], [0, 1]]
    sides_px = np.array([right - left, bottom - top])
    size = np.abs([ends[1][0] - ends[0][0], ends[3][1] - ends[2][1]])
    size = np.where(np.isfinite(size) & (size < _MOST_SIDEWAYS), size, sides_px * depth_m / focal)
    across = (_BOX_ERROR * sides_px + _BOX_ERROR_PX) * depth_m / focal
    along = point / depth_m * error_m
    found.points[index] = found.centers[index] = point
    found.sizes[index] = (*size, 0.0)
    found.covariances[index] = np.outer(along, along) + np.diag([*across**2, 0.0])


def _stand(found: Positions, index: int, scene: Scene, box: np.ndarray) -> None:
    """Locate somebody who stands on the ground, unless the feet are outside the image."""
    camera, ground = scene.camera, scene.ground
    if ground is None or box[3] > camera.height - _EDGE_PX:
        return
    left, top, right, feet = box
    error_px = _FEET_ERROR * (feet - top) + _FEET_ERROR_PX
    rays = camera.rays(np.array([((left + right) / 2, (top + feet) / 2), (left, feet), (right, feet)]))
    middle, *edge = rays / rays[:, 2:]
    # a camera that looks down sees bodies lean: the feet are where the body's axis meets the lower edge of the box
    beside = np.cross(middle, ground.down) @ np.transpose(edge)
    share = 0.5 if beside[0] == beside[1] else np.clip(beside[0] / (beside[0] - beside[1]), 0, 1)
    x = left + share * (right - left)
    rays = camera.rays(np.array([(x, feet), (x, feet + error_px)]))
    places = rays * ground.distances(rays)[:, None]
    away = places[0] - (places[0] @ ground.down) * ground.down  # along the ground
    if not np.isfinite(places).all() or not np.isfinite(middle).all():
        return
    depth_m = float((places[0] @ away) / max(middle @ away, 1e-9))
    if depth_m > 0:
        _place(found, index, camera, box, depth_m, float(np.linalg.norm(places[0] - places[1])))
        found.sizes[index, 2] = _THICKNESS_M
