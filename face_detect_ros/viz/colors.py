# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Colors of detections: the same in images and in RViz, and distinguishable with color blindness."""

from __future__ import annotations

import functools
import math
import zlib

import numpy as np

Color = tuple[int, int, int]
"""(red, green, blue), 0 to 255."""

# Okabe and Ito's palette, made for every common kind of color blindness; lighter than printed where a screen needs it
KNOWN_FACE: Color = (86, 196, 255)
_OWN_COLORS: dict[str, Color] = {"face": (255, 176, 0), "person": (0, 204, 150)}

DARK_INK: Color = (13, 16, 22)
LIGHT_INK: Color = (255, 255, 255)
_CHROMA = 0.15
# of OKLab's definition (Ottosson, 2020)
_OKLAB_TO_CONES = (
    (0.3963377774, 0.2158037573),
    (-0.1055613458, -0.0638541728),
    (-0.0894841775, -1.2914855480),
)
_CONES_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_INK_CHANGES_AT = 110  # luminance of the ground; above it dark letters have more contrast


def detection_color(label: str, name: str | None = None) -> Color:
    """Returns the color of a detection: `KNOWN_FACE` if it has a name, otherwise its class's color."""
    return class_color(label) if name is None else KNOWN_FACE


@functools.lru_cache(maxsize=1024)
def class_color(label: str) -> Color:
    """Returns the color of a class. It depends on the name alone: the same in every image and for every model."""
    if label in _OWN_COLORS:
        return _OWN_COLORS[label]
    digest = zlib.crc32(label.encode())
    # hues that differ little differ in lightness, which every eye sees
    hue, lightness = (digest & 0xFFFF) / 0x10000, 0.68 + 0.09 * ((digest >> 16) % 3)
    return _from_oklch(lightness, _CHROMA, 2 * math.pi * hue)


def _from_oklch(lightness: float, chroma: float, hue_rad: float) -> Color:
    """sRGB of a color in OKLCH, a space in which equal steps look equal; the nearest there is."""
    a, b = chroma * math.cos(hue_rad), chroma * math.sin(hue_rad)
    cone = np.array([1.0, 1.0, 1.0]) * lightness + np.array(_OKLAB_TO_CONES) @ (a, b)
    linear = np.clip(np.array(_CONES_TO_RGB) @ cone**3, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * float(value)) for value in srgb)
    return red, green, blue


def ink_on(ground: Color) -> Color:
    """Returns the ink that is easier to read on `ground`."""
    luminance = 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2]  # ITU-R BT.601
    return DARK_INK if luminance > _INK_CHANGES_AT else LIGHT_INK
