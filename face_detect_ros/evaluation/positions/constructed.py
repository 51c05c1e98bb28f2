# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Depth images of constructed scenes, whose geometry is known exactly, with the noise and the holes of real cameras."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.depth.image import DepthImage

WIDTH, HEIGHT = 640, 480
CAMERA_HEIGHT_M = 1.0
# as Khoshelham and Elberink (2012) and Nguyen et al. (2012) measured on structured light cameras
_NOISE_M = (0.0012, 0.0019, 0.4)
_STEP_M = 2.85e-3  # times the square of the distance: two neighboring disparities
_HOLES = 0.12  # share of the pixels
_HOLE_PX = 5.0
_EDGE = 0.08  # relative step in depth at which cameras with a baseline have holes or mixed pixels

Shape = Callable[[np.ndarray], np.ndarray]
"""(..., 3) rays with z = 1 to (...) depths in meters; infinite where they miss."""


def board(x: float, y: float, z: float, width: float, height: float, yaw_deg: float = 0.0) -> Shape:
    """A flat upright rectangle.

    Args:
        x, y, z: Of its center, in meters in the camera's optical frame.
        width: In meters.
        height: In meters.
        yaw_deg: How far it is turned about its vertical axis.
    """
    yaw = math.radians(yaw_deg)
    across = np.array([math.cos(yaw), 0.0, math.sin(yaw)])
    normal = np.array([-math.sin(yaw), 0.0, math.cos(yaw)])
    middle = np.array([x, y, z])

    def depths(rays: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = (normal @ middle) / (rays @ normal)
        away = rays * found[..., None] - middle
        hit = (found > 0) & (np.abs(away @ across) <= width / 2) & (np.abs(away[..., 1]) <= height / 2)
        return np.where(hit, found, np.inf)

    return depths


def ellipsoid(x: float, y: float, z: float, a: float, b: float, c: float) -> Shape:
    """An ellipsoid.

    Args:
        x, y, z: Of its center, in meters in the camera's optical frame.
        a, b, c: Half axes along x, y and z, in meters.
    """
    scale = 1 / np.array([a, b, c])
    middle = np.array([x, y, z]) * scale

    def depths(rays: np.ndarray) -> np.ndarray:
        scaled = rays * scale
        squares, product = (scaled**2).sum(axis=-1), scaled @ middle
        root = product**2 - squares * (middle @ middle - 1)
        with np.errstate(all="ignore"):
            return np.where(root >= 0, (product - np.sqrt(root)) / squares, np.inf)

    return depths


def level(y: float, near: float = 0.0, far: float = np.inf, half_width: float = np.inf) -> Shape:
    """A horizontal plane, such as a floor or the top of a table; all in meters.

    Args:
        y: How far it is below the camera.
        near: Where it begins, along z.
        far: Where it ends, along z.
        half_width: How far it reaches to the left and right of the camera.
    """

    def depths(rays: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = y / rays[..., 1]
            hit = (found > near) & (found < far) & (np.abs(rays[..., 0] * found) <= half_width)
        return np.where(hit, found, np.inf)

    return depths


def wall(z: float) -> Shape:
    """A plane that faces the camera."""
    return lambda rays: np.full(rays.shape[:-1], float(z))


def together(*shapes: Shape) -> Shape:
    """The union of shapes."""

    def depths(rays: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.min([shape(rays) for shape in shapes], axis=0)
        return found

    return depths


def person(x: float, z: float, *, floor: float = CAMERA_HEIGHT_M) -> Shape:
    """Somebody 1.7 m tall who stands on the floor: legs, trunk and head.

    Args:
        x, z: Where, in meters in the camera's optical frame.
        floor: How far the floor is below the camera, in meters.
    """
    return together(
        ellipsoid(x - 0.1, floor - 0.42, z, 0.09, 0.45, 0.1),
        ellipsoid(x + 0.1, floor - 0.42, z, 0.09, 0.45, 0.1),
        ellipsoid(x, floor - 1.1, z, 0.23, 0.38, 0.13),
        ellipsoid(x, floor - 1.57, z, 0.09, 0.13, 0.11),
    )


@dataclass(frozen=True, eq=False)
class Rendered:
    """A constructed scene as a depth camera sees it.

    Attributes:
        name: What it shows.
        camera: Of the depth image.
        exact: (H, W) float64 meters, without noise and holes.
        mine: (H, W) bool: where the thing is seen.
        box: (4,) float64 xyxy around that.
    """

    name: str
    camera: CameraModel
    exact: np.ndarray
    mine: np.ndarray
    box: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rows, columns = np.flatnonzero(self.mine.any(axis=1)), np.flatnonzero(self.mine.any(axis=0))
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
        object.__setattr__(self, "box", box)

    @property
    def depth_m(self) -> float:
        """Mean depth of what is seen of the thing."""
        return float(self.exact[self.mine].mean())

    @property
    def point(self) -> np.ndarray:
        """(3,) meters: the middle of its visible surface."""
        middle = (self.box[:2] + self.box[2:]) / 2
        return self.camera.points(middle[None], np.array([self.depth_m]))[0]

    def seen(self, random: np.random.Generator, *, holes: float = _HOLES) -> DepthImage:
        """A depth image with noise and steps that grow with the square of the distance, holes and mixed edges, in whole
        millimeters."""
        shape = self.exact.shape
        depth = self.exact.copy()
        low = cv2.erode(depth, np.ones((3, 3)))
        high = cv2.dilate(depth, np.ones((3, 3)))
        edge = high > low * (1 + _EDGE)
        mixed = low + (high - low) * random.random(shape)
        depth = np.where(edge & (random.random(shape) < 0.5), mixed, depth)
        base, growth, from_m = _NOISE_M
        noise = cv2.GaussianBlur(random.standard_normal(shape), (0, 0), 0.7)
        depth += noise / noise.std() * (base + growth * (depth - from_m) ** 2)
        step = _STEP_M * depth**2
        depth = np.round(depth / step) * step
        patches = cv2.GaussianBlur(random.standard_normal(shape), (0, 0), _HOLE_PX)
        gone = (edge & (random.random(shape) < 0.5)) | (patches < np.quantile(patches, holes))
        depth[gone | ~np.isfinite(depth) | (depth > 60)] = 0
        return DepthImage(np.round(depth * 1e3).astype(np.uint16), 1e-3)


_NOMINAL = CameraModel.nominal(WIDTH, HEIGHT)


@functools.lru_cache(maxsize=2)
def _rays(camera: CameraModel) -> np.ndarray:
    """(H, W, 3) float64 with z = 1: where the pixels look."""
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = camera.rays(np.stack([columns, rows], axis=2).reshape(-1, 2))
    found: np.ndarray = (rays / rays[:, 2:]).reshape(camera.height, camera.width, 3)
    return found


def render(name: str, thing: Shape, around: Sequence[Shape], camera: CameraModel | None = None) -> Rendered:
    """Render an object and its surroundings.

    Args:
        name: For people to read.
        thing: The object to locate.
        around: Everything else.
        camera: By default the nominal one of WIDTH x HEIGHT pixels.

    Returns:
        The scene, in which some of the thing is seen.
    """
    camera = camera or _NOMINAL
    rays = _rays(camera)
    own, others = thing(rays), together(*around)(rays)
    return Rendered(name, camera, np.minimum(own, others), own < others)


def scenes(distances_m: Sequence[float]) -> list[Rendered]:
    """Objects at each distance, in surroundings that are easily mistaken for them."""
    floor = level(CAMERA_HEIGHT_M)
    found = []
    for z in distances_m:
        size, top = min(0.4, 0.5 * z), min(0.35, 0.3 * z)
        far, room = wall(z + 2.0), [level(CAMERA_HEIGHT_M), wall(z + 1.0)]
        things = {
            "board before a wall": (board(0, 0, z, size, size), [far]),
            "board to the side": (board(0.3 * z, -0.1 * z, z, size / 2, size), [far]),
            "turned board": (board(0, 0, z, size, size, 35), [far]),
            "narrow board": (board(0.05, 0, z, size / 6, size), [far]),
            "board near a wall": (board(0, 0, z, size, size), [wall(z * 1.12 + 0.05)]),
            "picture on a wall": (board(0, 0, z, size, size), [wall(z + 0.01)]),
            "box on a table": (board(0, top - size / 4, z, size / 2, size / 2), [level(top), wall(z + 1.5)]),
            "behind a low fence": (
                board(0, 0, z, size, size),
                [board(0, 0.4 * size * 0.7, 0.7 * z, 3.0, 0.2 * size), far],
            ),
            "beside a nearer thing": (
                board(0, 0, z, size, size),
                [board(-0.55 * size * 0.7, 0, 0.7 * z, 0.4 * size, 2.0), far],
            ),
            "beside a farther thing": (
                board(0, 0, z, size / 2, size),
                [board(0.3 * size, 0, z * 1.25, size, size), far],
            ),
        }
        if z >= 1.5:
            things["person in a room"] = (person(0, z), room)
            things["person at a wall"] = (person(0.3, z), [floor, wall(z + 0.35)])
            things["person before a person"] = (person(0, z), [floor, person(0.25, z + 0.8), wall(z + 2)])
            things["person behind a person"] = (person(0.4, z + 0.5), [floor, person(0, z), wall(z + 2)])
        found += [render(f"{name}, {z:g} m", thing, around) for name, (thing, around) in things.items()]
    return found
