# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces made unrecognisable in images that leave the robot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import cv2
import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.stamps import StampClock

Style = Literal["blur", "pixelate", "box"]
Whom = Literal["everybody", "unknown", "known"]

_CELLS = 6  # at most, along the longer side of what is covered
_SMALLEST_CELL_PX = 3  # a face of a few pixels must change as well
_BLUR_SIGMA = 0.2  # of the longer side
_BLUR_GRID = (
    32  # blurred at this size, so that a large face takes no longer; no finer detail would be left anyway
)
_GROWTH_PER_S = 1.0  # of a held box on each side, in its sizes: a face that is not found may have moved
_LARGEST_GROWTH = 0.5
SAME_PLACE_IOU = 0.3
"""Without tracks: from here on a box takes the place of a held one."""


@dataclass(frozen=True)
class AnonymizerOptions:
    """How faces are covered, and which.

    Attributes:
        style: "blur", "pixelate" or "box" (black). The strength follows the size of the face: at most 6 x 6 cells, or a
            blur by 0.2 of its longer side, after which waves shorter than a third of it are below one step of an 8-bit
            color. Only a box leaves nothing at all.
        margin: How far beyond its box a face is covered, on each side, as part of the box's width and height.
        hold_s, hold_images: A face that is no longer found stays covered where it was until more than so
            much time has passed and more than so many images.
        whom: "everybody"; "unknown", which exempts people with a name; or "known", those people only.

    Raises ConfigError for a value outside its range.
    """

    style: Style = "blur"
    margin: float = 0.25
    hold_s: float = 0.5
    hold_images: int = 3
    whom: Whom = "everybody"

    def __post_init__(self) -> None:
        for name, choices in (("style", get_args(Style)), ("whom", get_args(Whom))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name} is '{getattr(self, name)}'; choose one of: {', '.join(choices)}")
        for name in ("margin", "hold_s", "hold_images"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ConfigError(f"{name} is {value}; give a number of at least 0")


@dataclass(frozen=True)
class _Held:
    """A face that is covered. box: (4,) xyxy px, where it was last seen; track: its id, None without tracks."""

    box: np.ndarray
    track: int | None
    seen_s: float
    covered_s: float
    covered_image: int


class Anonymizer:
    """Covers faces in one stream of images. One thread at a time may use an instance.

    A face that was covered stays covered for the time of `hold_s` and `hold_images` after the last image that asked
    for it, whether it is not found meanwhile or its name comes and goes. With tracks its cover follows it. Without, it
    stays in place until another covered face is found there. The cover of a face that is not found grows. Where the
    images get another size, covers stay on the same part of the image.
    """

    def __init__(self, options: AnonymizerOptions | None = None) -> None:
        self._options = options or AnonymizerOptions()
        self.reset()

    def reset(self) -> None:
        """Forget the faces of earlier images."""
        self._clock = StampClock()
        self._image = 0
        self._held: list[_Held] = []
        self._size: tuple[int, int] | None = None  # of the latest image: width, height

    def apply(
        self,
        image: np.ndarray,
        faces: Detections,
        stamp_ns: int,
        names: Sequence[str | None] | None = None,
        faint: np.ndarray | None = None,
        *,
        arrival_s: float | None = None,
    ) -> np.ndarray:
        """A new image in which the faces are covered.

        Args:
            image: (H, W, 3) uint8 RGB; not modified.
            faces: Boxes in its pixels; track_ids are used where they are given.
            stamp_ns: Of the image; one that is seconds before the last one forgets the held faces.
            names: (N,) who each face is, None for unknown; without it nobody is known.
            faint: (K, 4) boxes of what may be faces; covered as somebody unknown without a track.
            arrival_s: When the image arrived, in seconds of a monotonic clock; used where stamps are missing.

        Returns (H, W, 3) uint8 RGB. Raises ImageError for another array and ValueError if `names` has another length.
        """
        check_image(image)
        if names is not None and len(names) != len(faces):
            raise ValueError(f"{len(names)} names for {len(faces)} faces")
        if not self._clock.advance(stamp_ns, arrival_s):
            self._held = []
        self._image += 1
        size = (image.shape[1], image.shape[0])
        if self._size is not None and self._size != size:
            self._held = [
                replace(held, box=box_geometry.resized(held.box[None], self._size, size)[0])
                for held in self._held
            ]
        self._size = size
        self._hold(faces, names, np.empty((0, 4)) if faint is None else faint)
        canvas = np.array(image, order="C")
        for held in self._held:
            margin = self._options.margin + growth(self._clock.now_s - held.seen_s)
            _cover(canvas, held.box, margin, self._options.style)
        return canvas

    def _hold(self, faces: Detections, names: Sequence[str | None] | None, faint: np.ndarray) -> None:
        """Bring `_held` up to what this image shows."""
        now_s, image = self._clock.now_s, self._image
        boxes = np.concatenate([faces.boxes, box_geometry.as_boxes(faint)])
        known = [*(names or [None] * len(faces)), *[None] * len(faint)]
        wanted = np.array([self._wanted(name) for name in known], bool)
        tracks: list[int | None] = [None] * len(boxes)
        if faces.track_ids is not None:
            tracks[: len(faces)] = [abs(track) or None for track in faces.track_ids.tolist()]
        place = {track: index for index, track in enumerate(tracks) if track is not None}
        # with tracks, another face in the same place is another face
        loose = [index for index, track in enumerate(tracks) if track is None and wanted[index]]
        untracked = [number for number, held in enumerate(self._held) if held.track is None]
        partners = _partners([self._held[number] for number in untracked], boxes[loose])
        found_again = {untracked[partner] for partner in partners}
        kept = []
        for number, held in enumerate(self._held):
            index = None if held.track is None else place.get(held.track)
            if number in found_again or (index is not None and wanted[index]):
                continue  # anew below
            if index is not None:
                held = replace(held, box=boxes[index], seen_s=now_s)
            late = now_s - held.covered_s > self._options.hold_s + 1e-6
            if not (late and image - held.covered_image > self._options.hold_images):
                kept.append(held)
        for index in np.flatnonzero(wanted).tolist():
            kept.append(_Held(boxes[index], tracks[index], now_s, now_s, image))
        self._held = kept

    def _wanted(self, name: str | None) -> bool:
        if self._options.whom == "everybody":
            return True
        return (name is None) == (self._options.whom == "unknown")


def growth(unseen_s: float) -> float:
    """How much a cover grows on each side, as part of its box, for a face that is not found for that long."""
    return min(_GROWTH_PER_S * unseen_s, _LARGEST_GROWTH)


def cover_boxes(image: np.ndarray, boxes: np.ndarray, margins: Sequence[float], style: Style) -> np.ndarray:
    """A new image in which boxes are covered.

    Args:
        image: (H, W, 3) uint8 RGB; not modified.
        boxes: (N, 4) xyxy, in its pixels.
        margins: (N,) how far beyond each box, as part of its size.
        style: How.
    """
    canvas = np.array(image, order="C")
    for box, margin in zip(boxes, margins, strict=True):
        _cover(canvas, box, margin, style)
    return canvas


def _partners(held: Sequence[_Held], boxes: np.ndarray) -> set[int]:
    """Indices of the held faces in whose place one of `boxes` (N, 4) is; each of these stands for one face only."""
    if not held or not len(boxes):
        return set()
    overlap = box_geometry.iou(np.stack([item.box for item in held]), boxes)
    partners = set()
    while overlap.max() >= SAME_PLACE_IOU:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        partners.add(int(row))
        overlap[row, :] = overlap[:, column] = 0.0
    return partners


def _cover(canvas: np.ndarray, box: np.ndarray, margin: float, style: Style) -> None:
    """Cover one face in place. box: (4,) xyxy px; margin: on each side, in its width and height."""
    height, width = canvas.shape[:2]
    corners = np.asarray(box, np.float64)
    around = margin * np.clip(corners[2:] - corners[:2], 0, None)
    limits = (width, height)
    left, top = (int(v) for v in np.clip(np.floor(corners[:2] - around), 0, limits))
    right, bottom = (int(v) for v in np.clip(np.ceil(corners[2:] + around), 0, limits))
    if right <= left or bottom <= top:
        return
    region = canvas[top:bottom, left:right]
    if style == "box":
        region[...] = 0
        return
    size = (right - left, bottom - top)
    # of the whole face, also where the border cuts it: what is visible must not be finer for it
    extent_px = float((corners[2:] - corners[:2] + 2 * around).max())
    if style == "pixelate":
        cell_px = max(extent_px / _CELLS, _SMALLEST_CELL_PX)
        cells = (max(1, int(size[0] / cell_px)), max(1, int(size[1] / cell_px)))
        small = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
        region[...] = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
        return
    # at a small size: the time does not grow with the face
    scale = min(1.0, _BLUR_GRID / extent_px)
    grid = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    small = cv2.resize(region, grid, interpolation=cv2.INTER_AREA)
    # replicated, not reflected: only pixels of the region itself enter
    sigma = max(_BLUR_SIGMA * extent_px * scale, 1.0)
    small = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    region[...] = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
