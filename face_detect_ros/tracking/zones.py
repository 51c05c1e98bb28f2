# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parts of the image that matter: the region of interest, zones that things enter and leave, zones to ignore."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.polygons import Polygon, parse_polygon

MOST_ZONES = 50
_NAME = re.compile(r"[\w][\w -]{0,63}")
_EXAMPLE = "door: 0,0.5 0.3,0.5 0.3,1 0,1; !poster: 0.6,0 0.8,0 0.8,0.3 0.6,0.3"


@dataclass(frozen=True)
class Region:
    """Which detections count, by the centers of their boxes.

    Attributes:
        include: A detection counts if its center is in one of these; empty for the whole image.
        exclude: It does not if its center is in one of these.
    """

    include: tuple[Polygon, ...] = ()
    exclude: tuple[Polygon, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)

    def keeps(self, boxes: np.ndarray, width: int, height: int) -> np.ndarray:
        """Which detections count.

        Args:
            boxes: (N, 4) xyxy, pixels of the image.
            width: Of the image, in pixels.
            height: Of the image, in pixels.

        Returns:
            (N,) bool.
        """
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        keeps = np.full(len(boxes), not self.include)
        for polygon in self.include:
            keeps |= polygon.contains(centers, width, height)
        for polygon in self.exclude:
            keeps &= ~polygon.contains(centers, width, height)
        return keeps


@dataclass(frozen=True)
class Zone:
    """A named part of the image.

    A thing is in it if the middle of the lower edge of its box is: where it stands.
    """

    name: str
    polygon: Polygon

    def contains(self, boxes: np.ndarray, width: int, height: int) -> np.ndarray:
        """(N,) bool: which of (N, 4) xyxy boxes, in pixels of a width x height image, are in the zone."""
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        return self.polygon.contains(feet, width, height)


@dataclass(frozen=True)
class Areas:
    """The parameters `roi` and `zones`, as `parse_areas` reads them."""

    region: Region = Region()
    zones: tuple[Zone, ...] = ()


@functools.lru_cache(maxsize=64)
def parse_areas(roi: str, zones: str, cameras: tuple[str, ...] = ("",), camera: str = "") -> Areas:
    """The region and the zones of one camera from their texts.

    Args:
        roi: Polygons (see `core.polygons`), separated by `;`; empty for the whole image. With several cameras a
            polygon may begin with `camera/`; otherwise it is that of all cameras.
        zones: `name: polygon`, separated by `;`. A name that begins with `!` is a zone in which nothing is reported.
            With several cameras a name may begin with `camera/`.
        cameras: Names of all cameras.
        camera: Whose areas these are.

    Raises:
        ConfigError: A text cannot be used; the message names the parameter.
    """
    try:
        parts = [split_camera(part, cameras) for part in _parts(roi)]
        include = [(owner, parse_polygon(part)) for owner, part in parts]
    except ConfigError as error:
        raise ConfigError(f"parameter roi: {error}") from None
    try:
        parts = [split_camera(part, cameras) for part in _parts(zones)]
        named = [(owner, *_named(part)) for owner, part in parts]
        _check_names([f"{owner}/{name}".lstrip("/") for owner, name, _ in named])
    except ConfigError as error:
        raise ConfigError(f"parameter zones: {error}") from None
    mine = [(name, polygon) for owner, name, polygon in named if owner in ("", camera)]
    exclude = tuple(polygon for name, polygon in mine if name.startswith("!"))
    watched = tuple(Zone(name, polygon) for name, polygon in mine if not name.startswith("!"))
    return Areas(
        Region(tuple(polygon for owner, polygon in include if owner in ("", camera)), exclude), watched
    )


def split_camera(text: str, cameras: Sequence[str]) -> tuple[str, str]:
    """`front/rest` as ("front", "rest"), and a text without a camera as ("", text).

    Raises:
        ConfigError: There is no such camera.
    """
    owner, slash, rest = text.partition("/")
    owner = owner.strip()
    if not slash:
        return "", text
    if owner not in cameras:
        known = ", ".join(name for name in cameras if name)
        hint = f"there are {known}" if known else "no camera has a name: cameras gives them, at configure"
        raise ConfigError(f"'{owner[:60]}' before the / is not a camera; {hint}")
    return owner, rest.strip()


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if len(parts) > MOST_ZONES:
        raise ConfigError(f"has {len(parts)} polygons; give at most {MOST_ZONES}")
    return parts


def _named(part: str) -> tuple[str, Polygon]:
    name, colon, polygon = part.partition(":")
    name = " ".join(name.split())
    if not colon or not _NAME.fullmatch(name.removeprefix("!")):
        raise ConfigError(f"'{part[:60]}' has no name of letters and digits before a colon; write {_EXAMPLE}")
    return name, parse_polygon(polygon)


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"zone '{name}' occurs twice; give each a name of its own")
