"""Detections painted onto a picture, readable from a thumbnail to 8K."""

from __future__ import annotations

import colorsys
import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import check_image

from .text import to_ascii

Color = tuple[int, int, int]
"""(red, green, blue), 0 to 255."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_CAPITAL_PX = 22  # height of a capital letter of _FONT at scale 1
_BLACK: Color = (0, 0, 0)
_WHITE: Color = (255, 255, 255)


def draw_detections(
    image: np.ndarray,
    detections: Detections,
    labels: Sequence[str],
    *,
    names: Sequence[str | None] | None = None,
) -> np.ndarray:
    """A new picture with every detection painted on it: box, landmarks, label with score.

    image: (H, W, 3) uint8 RGB; not modified.
    detections: boxes and landmarks in pixels of `image`; they may reach outside.
    labels: class names that `class_ids` index into; an index outside is shown as its number.
    names: (N,) who or what each detection is, shown instead of its class name where not None.

    Returns (H, W, 3) uint8 RGB. Raises ImageError for another array and ValueError if `names` has another
    length.
    """
    check_image(image)
    if names is not None and len(names) != len(detections):
        raise ValueError(f"{len(names)} names for {len(detections)} detections")
    canvas = np.array(image, order="C")
    style = _Style.for_size(*image.shape[:2])
    captions = []
    for index in reversed(range(len(detections))):  # the best score last, on top
        label = _label(labels, int(detections.class_ids[index]))
        color = class_color(label)
        left_top, right_bottom = _corners(detections.boxes[index], canvas)
        # dark rim: visible on a background of the same colour
        cv2.rectangle(canvas, left_top, right_bottom, _BLACK, style.line_px + 2 * style.rim_px)
        cv2.rectangle(canvas, left_top, right_bottom, color, style.line_px)
        if detections.landmarks is not None:
            _draw_landmarks(canvas, detections.landmarks[index], style)
        name = names[index] if names is not None else None
        captions.append(
            (_caption(detections, index, label if name is None else name), left_top, right_bottom, color)
        )
    for text, left_top, right_bottom, color in captions:  # after all boxes: no line crosses a text
        _draw_caption(canvas, text, left_top, right_bottom, color, style)
    return canvas


@functools.lru_cache(maxsize=1024)
def class_color(label: str) -> Color:
    """The colour of a class. By its name alone: the same in every picture and for every model."""
    digest = zlib.crc32(label.encode())
    hue, light = (digest & 0xFFFF) / 0x10000, (digest >> 16 & 0xFF) / 0xFF
    red, green, blue = colorsys.hls_to_rgb(hue, 0.5 + 0.15 * light, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


@dataclass(frozen=True)
class _Style:
    """Sizes in pixels for one picture size; text_scale is OpenCV's."""

    line_px: int
    rim_px: int
    dot_px: int
    capital_px: float
    text_scale: float
    text_px: int

    @classmethod
    def for_size(cls, height: int, width: int) -> _Style:
        # of both sides: a panorama must not get the text of its width, nor a strip that of its height
        side = (height * width) ** 0.5
        line = max(1, round(side / 280))
        capital = max(7.0, side / 55)  # below 7 px Hershey letters run together
        return cls(
            line_px=line,
            rim_px=max(1, line // 3) if side >= 300 else 0,
            dot_px=max(1, round(side / 250)),
            capital_px=capital,
            text_scale=capital / _FONT_CAPITAL_PX,
            text_px=max(1, round(capital / 8)),
        )


def _label(labels: Sequence[str], class_id: int) -> str:
    return labels[class_id] if 0 <= class_id < len(labels) else str(class_id)


def _caption(detections: Detections, index: int, name: str) -> str:
    track = "" if detections.track_ids is None else f" #{int(detections.track_ids[index])}"
    return f"{to_ascii(name)}{track} {float(detections.scores[index]):.2f}"


def _corners(box: np.ndarray, canvas: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last pixel (x, y) of a box, at most one picture outside: OpenCV's coordinates are limited."""
    height, width = canvas.shape[:2]
    low, high = (-width, -height) * 2, (2 * width, 2 * height) * 2
    left, top, right, bottom = (int(v) for v in np.clip(np.rint(box), low, high))
    return (left, top), (max(left, right - 1), max(top, bottom - 1))


def _draw_landmarks(canvas: np.ndarray, points: np.ndarray, style: _Style) -> None:
    height, width = canvas.shape[:2]
    for x, y in np.clip(np.floor(points), (-width, -height), (2 * width, 2 * height)).astype(int).tolist():
        if style.rim_px:
            cv2.circle(canvas, (x, y), style.dot_px + style.rim_px, _BLACK, -1, cv2.LINE_AA)
        cv2.circle(canvas, (x, y), style.dot_px, _WHITE, -1, cv2.LINE_AA)


def _draw_caption(
    canvas: np.ndarray,
    text: str,
    left_top: tuple[int, int],
    right_bottom: tuple[int, int],
    color: Color,
    style: _Style,
) -> None:
    """Text on a filled ground, above the box or at the top inside it, never outside the picture."""
    height, width = canvas.shape[:2]
    pad = round(style.capital_px * 0.45)
    text_scale, capital = style.text_scale, style.capital_px
    (text_width, _), _ = cv2.getTextSize(text, _FONT, text_scale, style.text_px)
    room = width - 2 * pad
    if text_width > room > 0:  # a long name in a narrow picture
        shrink = max(room / text_width, 7.0 / capital)
        text_scale, capital = text_scale * shrink, capital * shrink
        (text_width, _), _ = cv2.getTextSize(text, _FONT, text_scale, style.text_px)
    descent = round(capital * 0.35)  # of g, p, _
    ground_width, ground_height = text_width + 2 * pad, round(capital) + descent + 2 * pad
    reach = (style.line_px + 2 * style.rim_px) // 2
    left = left_top[0] - reach
    top = left_top[1] - reach - ground_height
    if top < 0:
        top = max(left_top[1] - reach, 0)
    left = max(0, min(left, width - ground_width))
    top = max(0, min(top, height - ground_height))
    cv2.rectangle(canvas, (left, top), (left + ground_width - 1, top + ground_height - 1), color, -1)
    # luminance (ITU-R BT.601) decides which of the two is readable
    ink = _BLACK if 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 120 else _WHITE
    origin = (left + pad, top + pad + round(capital))
    cv2.putText(canvas, text, origin, _FONT, text_scale, ink, style.text_px, cv2.LINE_AA)
