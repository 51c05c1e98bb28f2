# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Text as masks: any script, as well as the machine's fonts and Pillow can draw it."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from face_detect_ros.viz import fonts
from face_detect_ros.viz.fonts import Typeface
from face_detect_ros.viz.right_to_left import is_right_to_left, visual_order
from face_detect_ros.viz.transliteration import to_ascii

LINE_HEIGHT = 1.4
"""Of a mask, in font sizes: capitals are in the middle, and accents, Devanagari and Chinese letters fit as well."""

_BASELINE = 1.06  # below the top of a mask, in font sizes
_ELLIPSIS = "..."
_JOINERS = "\u200c\u200d"  # invisible, but they change how Persian and Indic letters look


@functools.lru_cache(maxsize=256)
def text_mask(text: str, size_px: int, *, bold: bool = False) -> np.ndarray:
    """Draw one line of text.

    Letters that no installed font has are transliterated, or become "?".

    Args:
        text: In any script; control characters become spaces.
        size_px: Font size.
        bold: Heavier strokes.

    Returns:
        (H, W) uint8, read-only: how much ink each pixel gets. H depends on `size_px` alone.
    """
    height = round(LINE_HEIGHT * size_px)
    parts = [_draw(run, typeface, size_px, height) for run, typeface in _runs(text, bold=bold)]
    mask = np.concatenate(parts, axis=1) if parts else np.zeros((height, 0), np.uint8)
    mask.flags.writeable = False
    return mask


@functools.lru_cache(maxsize=256)
def shorten(text: str, size_px: int, width_px: int, *, bold: bool = False) -> str:
    """A text that fits: cut, and ending with an ellipsis, if it is too wide. At least one letter is left.

    Args:
        text: To shorten.
        size_px: Of the letters.
        width_px: That it may have.
        bold: In bold letters.
    """
    if text_mask(text, size_px, bold=bold).shape[1] <= width_px:
        return text
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_mask(text[:middle].rstrip() + _ELLIPSIS, size_px, bold=bold).shape[1] <= width_px:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + _ELLIPSIS


def _runs(text: str, *, bold: bool) -> list[tuple[str, Typeface]]:
    """What is drawn with which font, from left to right."""
    printable = "".join(letter if letter.isprintable() or letter in _JOINERS else " " for letter in text)
    covered = []
    for run, typeface in fonts.split_by_font(printable, bold=bold):
        known = "".join(
            letter if letter.isascii() or fonts.covers(typeface, letter) else to_ascii(letter)
            for letter in run
        )
        covered.append((known, typeface))
    return covered[::-1] if is_right_to_left(text) else covered


def _draw(run: str, typeface: Typeface, size_px: int, height: int) -> np.ndarray:
    font = fonts.load(typeface, size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        return _draw_bitmap(to_ascii(run), font, size_px, height)
    if not _lays_out_itself():
        run = visual_order(run)
    canvas = Image.new("L", (math.ceil(font.getlength(run)), height))
    ImageDraw.Draw(canvas).text((0, round(_BASELINE * size_px)), run, font=font, fill=255, anchor="ls")
    return np.asarray(canvas)


def _draw_bitmap(run: str, font: ImageFont.ImageFont, size_px: int, height: int) -> np.ndarray:
    """By a font of one size, enlarged."""
    width_px, height_px = font.getbbox(run)[2:]
    canvas = Image.new("L", (max(1, width_px), height_px))
    ImageDraw.Draw(canvas).text((0, 0), run, font=font, fill=255)
    scale = size_px / height_px
    drawn = cv2.resize(np.asarray(canvas), None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    mask = np.zeros((height, drawn.shape[1]), np.uint8)
    top = max(0, round(_BASELINE * size_px) - round(0.8 * len(drawn)))
    mask[top : top + len(drawn)] = drawn[: height - top]
    return mask


@functools.cache
def _lays_out_itself() -> bool:
    """Whether Pillow joins Arabic letters, orders right-to-left text and places Indic vowels."""
    return bool(features.check("raqm") and features.check("fribidi"))
