# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Live views in other programs: images and what was found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from face_detect_ros.web.scene import Box

CAMERA_FRAME = "camera"
"""Coordinate frame of the boxes in space: x right, y down, z forward (REP 103)."""


@dataclass(frozen=True, eq=False)
class Look:
    """An image and what was found in it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        stamp_ns: When it was taken.
        boxes: Of each detector, by name.
        intrinsics: (3, 3) of the camera, for undistorted pixels of the image; None if unknown.
        depth_m: (h, w) float32 meters along the optical axis, NaN where unknown; None where there is no depth.
        depth_intrinsics: (3, 3) of the depth image.
    """

    image: np.ndarray
    stamp_ns: int
    boxes: Mapping[str, Sequence[Box]] = field(default_factory=dict)
    intrinsics: np.ndarray | None = None
    depth_m: np.ndarray | None = None
    depth_intrinsics: np.ndarray | None = None


class LiveView(Protocol):
    """A program that shows looks.

    Attributes:
        url: Where to look; empty if it writes a file.
    """

    url: str

    def show(self, look: Look) -> None:
        """Send an image and what was found in it."""
        ...

    def plot(self, detector: str, figures: Mapping[str, float], stamp_ns: int) -> None:
        """Send figures of a detector, for plots.

        Args:
            detector: Its name.
            figures: By name.
            stamp_ns: Of the image that they belong to.
        """
        ...

    def close(self) -> None:
        """End it."""
        ...


COLORS = ((255, 214, 94), (128, 209, 255), (184, 240, 122), (255, 158, 204))
"""Of the boxes of the first detector, the second, and so on: RGB."""
KNOWN = (94, 224, 140)
"""Of somebody with a name."""


def color_of(box: Box, detector: int) -> tuple[int, int, int]:
    """RGB of a box of the detector with that number."""
    return KNOWN if box.name else COLORS[detector % len(COLORS)]


def caption_of(box: Box) -> str:
    """What is written beside a box."""
    track = f" #{box.track}" if box.track else ""
    distance = "" if box.distance_m is None else f" {box.distance_m:.1f} m"
    return f"{box.name or box.label} {box.score:.2f}{track}{distance}"
