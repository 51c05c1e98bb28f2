# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections drawn on an image, readable from a thumbnail to 8K."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import check_image
from face_detect_ros.viz import sprites
from face_detect_ros.viz.captions import place_captions
from face_detect_ros.viz.colors import KNOWN_FACE, Color, detection_color, ink_on
from face_detect_ros.viz.text import LINE_HEIGHT, shorten, text_mask

_SMALLEST_FONT_PX = 10  # letters run together below
_SMALL_BOX = 4.0  # in font sizes
_FAINT = 0.72  # ink of what is less important than the name
_SMALL_FACE = 30.0  # in dots
_TINT = 0.45  # share of a mask's color
_LEAST_KEYPOINT = 0.5
_COCO_POINTS = 17
_SKELETON = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
    (0, 1), (0, 2), (1, 3), (2, 4),
)  # fmt: skip
_WHITE: Color = (255, 255, 255)
_DARK: Color = (48, 48, 48)


def draw_detections(
    image: np.ndarray,
    detections: Detections,
    labels: Sequence[str],
    *,
    names: Sequence[str | None] | None = None,
    distances_m: np.ndarray | None = None,
) -> np.ndarray:
    """Draw every detection: mask, box, landmarks, keypoints, and a caption with its name, track, score and
    distance.

    A detection with a name has the color of known faces, others have the color of their class. Captions avoid each
    other; in a crowd they are shortened to the name or the track, and left out where there is no room at all.

    Args:
        image: (H, W, 3) uint8 RGB; not modified.
        detections: Boxes and landmarks in pixels of `image`; they may reach outside.
        labels: Class names that `class_ids` index into; an index outside is shown as its number.
        names: (N,) who or what each detection is, shown instead of its class name where not None.
        distances_m: (N,) how far away each is, shown where not NaN.

    Returns:
        A new (H, W, 3) uint8 RGB image.

    Raises:
        ImageError: `image` is another kind of array.
        ValueError: `names` has another length than `detections`.
    """
    check_image(image)
    if names is not None and len(names) != len(detections):
        raise ValueError(f"{len(names)} names for {len(detections)} detections")
    canvas = np.array(image, order="C")
    if not len(detections):
        return canvas
    style = _Style.for_size(*image.shape[:2])
    boxes = _pixel_boxes(detections.boxes, canvas)
    if detections.masks is not None:
        _draw_masks(canvas, detections, labels, names)
    captions: list[_Caption] = []
    for index in reversed(range(len(detections))):  # the best score last, on top
        label = _label(labels, int(detections.class_ids[index]))
        name = names[index] if names is not None else None
        color = detection_color(label, name)
        _draw_box(canvas, boxes[index], color, style)
        font_px = style.font_for(boxes[index])
        captions.append(
            _Caption.of(
                name or label, _details(detections, index, distances_m), color, font_px, image.shape[1]
            )
        )
    if detections.landmarks is not None:
        _draw_landmarks(canvas, detections.landmarks, boxes, style)
    if detections.keypoints is not None:
        _draw_keypoints(canvas, detections.keypoints, boxes, style)
    captions.reverse()
    order = _caption_order(detections, names)
    sizes = np.array([captions[index].sizes for index in order])
    shown, places = place_captions(boxes[order], sizes, (image.shape[1], image.shape[0]), style.gap_px)
    for index, version, (x, y) in reversed(list(zip(order, shown.tolist(), places.tolist(), strict=True))):
        if version >= 0:
            captions[index].draw(canvas, x, y, version)
    return canvas


@dataclass(frozen=True)
class _Style:
    """Sizes in pixels for one image size."""

    line_px: int
    step_px: int
    halo_px: int
    arm_px: int
    radius_px: int
    dot_px: float
    font_px: int
    small_font_px: int
    gap_px: int

    @classmethod
    def for_size(cls, height: int, width: int) -> _Style:
        # of both sides: a panorama must not get the text of its width, nor a strip that of its height
        side = (height * width) ** 0.5
        line = max(1, round(side / 340))
        step = max(1, round(side / 700))
        font = max(_SMALLEST_FONT_PX, round(side / 42))
        return cls(
            line_px=line,
            step_px=step,
            halo_px=step if side >= 300 else 0,
            arm_px=max(4, round(side / 45)),
            radius_px=max(2, round(side / 110)),
            dot_px=max(1.0, side / 480),
            font_px=font,
            small_font_px=max(_SMALLEST_FONT_PX, round(0.77 * font)),
            gap_px=line // 2 + 2 * step,
        )

    def font_for(self, box: np.ndarray) -> int:
        """Returns the font size for a (4,) xyxy box: smaller for small boxes, so that captions do not hide a crowd."""
        is_large = min(box[2] - box[0], box[3] - box[1]) > _SMALL_BOX * self.font_px
        return self.font_px if is_large else self.small_font_px


@dataclass(frozen=True)
class _Caption:
    """A name in bold and, less prominent, what belongs to it; and a short version for where there is little room."""

    versions: tuple[tuple[tuple[np.ndarray, float], ...], ...]  # of (mask, strength of its ink)
    color: Color
    font_px: int

    @classmethod
    def of(cls, name: str, details: Sequence[str], color: Color, font_px: int, room_px: int) -> _Caption:
        """Make the caption of a detection.

        Args:
            name: Cut with an ellipsis if the caption would be wider than `room_px`.
            details: Track and score, as far as there are any.
            color: Of the ground.
            font_px: Font size.
            room_px: Width of the image.
        """
        masks = [(text_mask(detail, font_px), _FAINT) for detail in details]
        taken = sum(mask.shape[1] for mask, _ in masks) + _pad(font_px) * (len(masks) + 2)
        title = (
            text_mask(shorten(name, font_px, max(0, room_px - taken), bold=True), font_px, bold=True),
            1.0,
        )
        # a class shows in the color, a track only in its number
        short = (masks[0][0], 1.0) if len(masks) > 1 and color != KNOWN_FACE else title
        return cls(((title, *masks), (short,)), color, font_px)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of each version in pixels."""
        pad, height = _pad(self.font_px), round(LINE_HEIGHT * self.font_px)
        return [(sum(mask.shape[1] + pad for mask, _ in parts) + pad, height) for parts in self.versions]

    def draw(self, canvas: np.ndarray, x: int, y: int, version: int) -> None:
        width, height = self.sizes[version]
        radius = round(0.3 * self.font_px)
        sprites.plate_end(height, radius, self.color, at_right=False).blend(canvas, x, y)
        sprites.plate_end(height, radius, self.color, at_right=True).blend(canvas, x + width - radius, y)
        _fill(canvas, x + radius, y, x + width - radius, y + height, self.color)
        ink = ink_on(self.color)
        for mask, strength in self.versions[version]:
            x += _pad(self.font_px)
            part = canvas[y : y + height, x : x + mask.shape[1]]
            if part.size:  # the image may be smaller than its caption
                cut = mask[: part.shape[0], : part.shape[1]]
                part[...] = cv2.LUT(cv2.merge([cut, cut, cut]), _shades(self.color, ink, strength))
            x += mask.shape[1]


def _pad(font_px: int) -> int:
    return round(0.42 * font_px)


@functools.lru_cache(maxsize=256)
def _shades(ground: Color, ink: Color, strength: float) -> np.ndarray:
    """(256, 1, 3) uint8: the color for each value of a text mask."""
    share = (np.arange(256) / 255 * strength)[:, None, None]
    return np.rint((1 - share) * np.array(ground) + share * np.array(ink)).astype(np.uint8)


def _details(detections: Detections, index: int, distances_m: np.ndarray | None) -> list[str]:
    tracks = detections.track_ids
    track = [f"#{int(tracks[index])}"] if tracks is not None and tracks[index] > 0 else []
    distance = math.nan if distances_m is None else float(distances_m[index])
    shown = [] if math.isnan(distance) else [f"{distance:.{1 if distance >= 1 else 2}f} m"]
    return [*track, *shown, f"{float(detections.scores[index]):.2f}"]


def _label(labels: Sequence[str], class_id: int) -> str:
    return labels[class_id] if 0 <= class_id < len(labels) else str(class_id)


def _pixel_boxes(boxes: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """(N, 4) int: x and y of the first and the last pixel of each box, at most one image outside."""
    height, width = canvas.shape[:2]
    corners = np.clip(np.rint(boxes), (-width, -height) * 2, (2 * width, 2 * height) * 2).astype(np.int64)
    corners[:, 2:] = np.maximum(corners[:, 2:] - 1, corners[:, :2])
    return corners


def _caption_order(detections: Detections, names: Sequence[str | None] | None) -> np.ndarray:
    """Whose caption is placed first: people with names. In a video the order does not change with the scores."""
    unnamed = np.zeros(len(detections), bool) if names is None else np.array([name is None for name in names])
    if detections.track_ids is not None:
        return np.lexsort((np.abs(detections.track_ids), unnamed))
    sizes = detections.boxes[:, 2:] - detections.boxes[:, :2]
    return np.lexsort((-sizes.prod(axis=1), unnamed))


def _draw_box(canvas: np.ndarray, box: np.ndarray, color: Color, style: _Style) -> None:
    """Thin sides, and rounded, heavier corners where there is room for them."""
    left, top, right, bottom = box.tolist()
    shorter = min(right - left, bottom - top)
    line = min(style.line_px, max(1, shorter // 8))
    arm = min(style.arm_px, shorter // 3)
    radius = min(style.radius_px, arm)
    if arm <= line + 2 * style.step_px:
        arm = radius = 0
    for grow, value in ((style.halo_px, None), (0, color)):
        outward, inward = line // 2 + grow, line - line // 2 + grow
        start = radius if arm else -outward
        for first in (top - outward, bottom + 1 - inward):
            _fill(canvas, left + start, first, right + 1 - start, first + outward + inward, value)
        for first in (left - outward, right + 1 - inward):
            _fill(canvas, first, top + start, first + outward + inward, bottom + 1 - start, value)
    if arm:
        widths = (line, line + 2 * style.step_px, style.halo_px)
        for at_right, at_bottom in itertools.product((False, True), repeat=2):
            sprite = sprites.corner(arm, radius, widths, color, at_right=at_right, at_bottom=at_bottom)
            sprite.blend(canvas, right if at_right else left, bottom if at_bottom else top)


def _fill(canvas: np.ndarray, left: int, top: int, right: int, bottom: int, color: Color | None) -> None:
    """A rectangle in one color; without one, darker than it was."""
    left, top, right, bottom = max(0, left), max(0, top), max(0, right), max(0, bottom)
    if color is None:
        part = canvas[top:bottom, left:right]
        np.right_shift(part, 1, out=part)  # see sprites.HALO
    elif left < right and top < bottom:
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), color, -1)


def _draw_masks(
    canvas: np.ndarray, detections: Detections, labels: Sequence[str], names: Sequence[str | None] | None
) -> None:
    """Tint the pixels of each detection in its color, the best score last."""
    for index in reversed(range(len(detections))):
        (left, top), mask = detections.masks.of(index)  # type: ignore[union-attr]
        height, width = mask.shape
        part = canvas[top : top + height, left : left + width]
        if part.shape[:2] != mask.shape:  # drawn on an image of another size
            continue
        label = _label(labels, int(detections.class_ids[index]))
        color = detection_color(label, names[index] if names is not None else None)
        tint = np.array(color) * _TINT
        part[mask] = (part[mask] * (1 - _TINT) + tint).astype(np.uint8)


def _draw_keypoints(canvas: np.ndarray, keypoints: np.ndarray, boxes: np.ndarray, style: _Style) -> None:
    """Dots where the network is sure, joined as a skeleton where they are COCO's 17 of a person."""
    for points in keypoints:
        sure = points[:, 2] >= _LEAST_KEYPOINT
        places = np.rint(points[:, :2]).astype(int)
        if len(points) == _COCO_POINTS:
            for first, second in _SKELETON:
                if sure[first] and sure[second]:
                    ends = tuple(places[first].tolist()), tuple(places[second].tolist())
                    cv2.line(canvas, *ends, _WHITE, style.line_px, cv2.LINE_AA)
    shown = np.where(keypoints[..., 2:] >= _LEAST_KEYPOINT, keypoints[..., :2], -1.0)
    _draw_landmarks(canvas, shown, boxes, style)


def _draw_landmarks(canvas: np.ndarray, landmarks: np.ndarray, boxes: np.ndarray, style: _Style) -> None:
    """White dots, on small faces single pixels: they must not hide what they mark."""
    height, width = canvas.shape[:2]
    points = np.floor(landmarks)
    inside = ((points >= 0) & (points < (width, height))).all(axis=2)
    small = (boxes[:, 2] - boxes[:, 0] < _SMALL_FACE * style.dot_px)[:, None]
    x, y = points[inside & small].astype(int).T
    canvas[y, x] = _WHITE
    radius = round(style.dot_px)
    for point in points[inside & ~small].astype(int).tolist():
        cv2.circle(canvas, point, radius + style.halo_px, _DARK, -1, cv2.LINE_AA)
        cv2.circle(canvas, point, radius, _WHITE, -1, cv2.LINE_AA)
