# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One training image out of several: mosaic, scale, shift, flip, color, mixup.

First a plan is drawn (numbers only, all randomness is there), then it is rendered. Whatever moves pixels is a scaling
with an offset and perhaps a flip, so boxes follow exactly.

Sources: mosaic, Bochkovskiy et al., YOLOv4, 2020; mixup, Zhang et al., ICLR 2018; the amounts are YOLOv9's, with a
narrower range of scales.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from face_detect_ros.training.options import AugmentOptions

GREY = 114
_MIXUP_BETA = 32.0  # shares near a half: both images stay visible
_SMALLEST_PX = 2.0
_CLOSE_UP = (0.2, 0.8)  # shares of the side
_LEAST_CLOSE_UP_PX = 16.0  # smaller ones would be blurred beyond recognition
_LEAST_VISIBLE = 0.1  # of a box's area; less of a thing cannot be recognized


@dataclass(frozen=True)
class Tile:
    """Where one image lies in the output.

    Attributes:
        source: Its number.
        left, top: Of its corner, and scale, in pixels of the output (per pixel of the image).
        window: (left, top, right, bottom) of the whole pixels that show it.
    """

    source: int
    scale: float
    flip: bool
    left: float
    top: float
    window: tuple[int, int, int, int]


@dataclass(frozen=True)
class View:
    """Tiles and the gains of hue, saturation and value."""

    tiles: tuple[Tile, ...]
    gains: tuple[float, float, float]


@dataclass(frozen=True)
class Plan:
    """One view, or two with the share of the first."""

    views: tuple[View, ...]
    share: float = 1.0


@dataclass(frozen=True, eq=False)
class Example:
    """An image to train on.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        boxes: (N, 4) float32 xyxy, pixels of the image.
        class_ids: (N,) int64.
        ignored: (N,) bool: a crowd, or a thing of which too little is left to be learned or to count as missing.
        unknown: Classes of which it may show more than is labeled.
        sources: Numbers of the images in it.
    """

    image: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    ignored: np.ndarray
    unknown: frozenset[int] = frozenset()
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Source:
    """A decoded image, (H, W, 3) uint8 RGB, with its labels in its own pixels; see Sample."""

    image: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    crowd: np.ndarray
    unknown: frozenset[int] = frozenset()


def draw_plan(
    random: np.random.Generator,
    source: int,
    sizes: Sequence[tuple[int, int]],
    side: int,
    options: AugmentOptions,
    labels: Callable[[int], Source] | None = None,
) -> Plan:
    """A plan around image `source`.

    Args:
        random: Where all randomness comes from.
        source: Number of the image.
        sizes: (height, width) of all images, which others are drawn from.
        side: Of the output in pixels.
        options: How much is changed.
        labels: The image of a number, for close-ups; None: there are none.
    """
    first = None
    if labels is not None and options.close_up and random.random() < options.close_up:
        first = _close_up(random, source, labels(source), side, options)
    first = first or _view(random, source, sizes, side, options)
    if random.random() >= options.mixup:
        return Plan((first,))
    second = _view(random, int(random.integers(len(sizes))), sizes, side, options)
    return Plan((first, second), float(random.beta(_MIXUP_BETA, _MIXUP_BETA)))


def render(plan: Plan, load: Callable[[int], Source], side: int) -> Example:
    """Carry out a plan.

    Args:
        plan: What to show.
        load: Gives the image of a number.
        side: Of the output in pixels.
    """
    examples = [_render_view(view, load, side) for view in plan.views]
    if len(examples) == 1:
        return examples[0]
    first, second = examples
    return Example(
        cv2.addWeighted(first.image, plan.share, second.image, 1 - plan.share, 0),
        np.concatenate([first.boxes, second.boxes]),
        np.concatenate([first.class_ids, second.class_ids]),
        np.concatenate([first.ignored, second.ignored]),
        first.unknown | second.unknown,
        first.sources + second.sources,
    )


def _view(
    random: np.random.Generator,
    source: int,
    sizes: Sequence[tuple[int, int]],
    side: int,
    options: AugmentOptions,
) -> View:
    limits = np.array([options.hue, options.saturation, options.value])
    gains = tuple(float(value) for value in 1 + random.uniform(-1, 1, 3) * limits)
    if random.random() >= options.mosaic:
        height, width = sizes[source]
        scale = side / max(height, width) * random.uniform(1 - options.scale, 1 + options.scale)
        shift_x, shift_y = random.uniform(-options.shift, options.shift, 2) * side
        flip = bool(random.random() < options.flip)
        left, top = (side - width * scale) / 2 + shift_x, (side - height * scale) / 2 + shift_y
        tile = _tile(source, (height, width), scale, flip, left, top, (0, 0, side, side))
        return View((tile,), gains)  # type: ignore[arg-type]
    middle_x, middle_y = (int(value) for value in random.uniform(0.25, 0.75, 2) * side)
    zoom = random.uniform(1 - options.scale, 1 + options.scale)
    sources = [source, *random.integers(len(sizes), size=3).tolist()]
    random.shuffle(sources)
    flips = random.random(4) < options.flip
    tiles = []
    for place, number in enumerate(sources):
        height, width = sizes[number]
        scale = side / max(height, width) * zoom
        right, below = place % 2 == 1, place >= 2
        left = float(middle_x) if right else middle_x - width * scale
        top = float(middle_y) if below else middle_y - height * scale
        quarter = (
            middle_x if right else 0,
            middle_y if below else 0,
            side if right else middle_x,
            side if below else middle_y,
        )
        tiles.append(_tile(number, (height, width), scale, bool(flips[place]), left, top, quarter))
    return View(tuple(tiles), gains)  # type: ignore[arg-type]


def _close_up(
    random: np.random.Generator, number: int, source: Source, side: int, options: AugmentOptions
) -> View | None:
    """One box of the image, shown so large that it fills 20 to 80 % of the side; None without a box large enough."""
    sides = (source.boxes[:, 2:] - source.boxes[:, :2]).max(axis=1, initial=0)
    large = np.flatnonzero((sides >= _LEAST_CLOSE_UP_PX) & ~source.crowd)
    if not len(large):
        return None
    # the class first: faces are few among all boxes
    kinds = np.unique(source.class_ids[large])
    chosen = random.choice(large[source.class_ids[large] == random.choice(kinds)])
    limits = np.array([options.hue, options.saturation, options.value])
    gains = tuple(float(value) for value in 1 + random.uniform(-1, 1, 3) * limits)
    scale = side * random.uniform(*_CLOSE_UP) / sides[chosen]
    flip = bool(random.random() < options.flip)
    height, width = source.image.shape[:2]
    x, y = (source.boxes[chosen, :2] + source.boxes[chosen, 2:]) / 2
    shift_x, shift_y = random.uniform(-options.shift, options.shift, 2) * side
    left = side / 2 - (width - x if flip else x) * scale + shift_x
    top = side / 2 - y * scale + shift_y
    tile = _tile(number, (height, width), scale, flip, left, top, (0, 0, side, side))
    return View((tile,), gains)  # type: ignore[arg-type]


def _tile(
    source: int,
    size: tuple[int, int],
    scale: float,
    flip: bool,
    left: float,
    top: float,
    within: tuple[int, int, int, int],
) -> Tile:
    """The window is what the image covers of `within`."""
    height, width = size
    window = (
        max(within[0], int(np.floor(left + 0.5))),
        max(within[1], int(np.floor(top + 0.5))),
        min(within[2], int(np.floor(left + width * scale + 0.5))),
        min(within[3], int(np.floor(top + height * scale + 0.5))),
    )
    return Tile(source, float(scale), flip, float(left), float(top), window)


def _render_view(view: View, load: Callable[[int], Source], side: int) -> Example:
    image = np.full((side, side, 3), GREY, np.uint8)
    boxes, class_ids, ignored, unknown = [], [], [], set[int]()
    for tile in view.tiles:
        source = load(tile.source)
        left, top, right, bottom = tile.window
        if right <= left or bottom <= top:
            continue
        _paint(image[top:bottom, left:right], source.image, tile)
        moved = move_boxes(source.boxes, tile, source.image.shape[1])
        visible = np.clip(moved, [left, top] * 2, [right, bottom] * 2)
        sides = visible[:, 2:] - visible[:, :2]
        seen = sides.prod(axis=1) / np.maximum((moved[:, 2:] - moved[:, :2]).prod(axis=1), 1e-9)
        too_little = (sides.min(axis=1, initial=np.inf) < _SMALLEST_PX) | (seen < _LEAST_VISIBLE)
        keep = (sides > 0).all(axis=1)
        boxes.append(visible[keep])
        class_ids.append(source.class_ids[keep])
        ignored.append((too_little | source.crowd)[keep])
        unknown |= source.unknown
    _change_colors(image, view.gains)
    return Example(
        image,
        np.concatenate([*boxes, np.empty((0, 4))]).astype(np.float32),
        np.concatenate([*class_ids, np.empty(0, np.int64)]).astype(np.int64),
        np.concatenate([*ignored, np.empty(0, bool)]).astype(bool),
        frozenset(unknown),
        tuple(tile.source for tile in view.tiles),
    )


def move_boxes(boxes: np.ndarray, tile: Tile, width: int) -> np.ndarray:
    """Move boxes from an image to where a tile shows them.

    Args:
        boxes: (N, 4) xyxy, pixels of the image.
        tile: Where the image is shown.
        width: Of the image, in pixels.

    Returns:
        (N, 4) float64 xyxy, pixels of the output, not cut.
    """
    boxes = np.asarray(boxes, np.float64)
    if tile.flip:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    return boxes * tile.scale + np.array([tile.left, tile.top] * 2)


def _paint(window: np.ndarray, image: np.ndarray, tile: Tile) -> None:
    # from the center of an output pixel to where it lies in the image
    step = 1 / tile.scale
    x = (tile.window[0] + 0.5 - tile.left) * step - 0.5
    y = (tile.window[1] + 0.5 - tile.top) * step - 0.5
    matrix = np.array([[step, 0.0, x], [0.0, step, y]])
    if tile.flip:
        matrix[0] = [-step, 0.0, image.shape[1] - 1 - x]
    window[:] = cv2.warpAffine(
        image,
        matrix,
        (window.shape[1], window.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _change_colors(image: np.ndarray, gains: tuple[float, float, float]) -> None:
    """Multiply hue, saturation and value, in place."""
    if gains == (1.0, 1.0, 1.0):
        return
    steps = np.arange(256)
    tables = [
        (steps * gains[0] % 180).astype(np.uint8),
        np.clip(steps * gains[1], 0, 255).astype(np.uint8),
        np.clip(steps * gains[2], 0, 255).astype(np.uint8),
    ]
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv = cv2.LUT(hsv, np.stack(tables, axis=-1)[None])
    cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB, dst=image)
