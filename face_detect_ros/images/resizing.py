# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every way in which images are resized, named by whose it is.

A network must get pixels that were resized as those it was trained with, so there are several. All take and give
(H, W, 3) uint8. On a GPU the images are resized there: `detectors.objects.tensor_input`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

# (image, out): fills `out`, (h, w, 3) uint8, with all of `image`, (H, W, 3) uint8
Resize = Callable[[np.ndarray, np.ndarray], None]

OURS = "opencv"
PILLOW_FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""By Pillow's number."""
_PLAIN = {"plain_bilinear": cv2.INTER_LINEAR, "plain_bicubic": cv2.INTER_CUBIC}
FILTERS = (OURS, *PILLOW_FILTERS, *_PLAIN)
"""What `resizer` knows: our own, Pillow's, and OpenCV's without averaging where an image shrinks."""

_EXACT_PARTS = (1, 2, 4, 8, 16, 32, 64)


def ours(image: np.ndarray, out: np.ndarray) -> None:
    """Resize for YOLO-like detectors: bilinear, after halving what is more than twice too large.

    Every pixel counts, so nothing flickers. Close to OpenCV's INTER_AREA, and several times as fast.

    Args:
        image: (H, W, 3) uint8.
        out: (h, w, 3) uint8, which is filled.
    """
    height, width = out.shape[:2]
    while True:
        rows, columns = image.shape[:2]
        halved = (
            rows // 2 if rows >= 2 * height else rows,
            columns // 2 if columns >= 2 * width else columns,
        )
        if halved == (rows, columns):
            break
        image = cv2.resize(image, halved[::-1], interpolation=cv2.INTER_AREA)
    if image.shape == out.shape:
        np.copyto(out, image)
    else:
        cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)


def resizer(filter: str) -> Resize:
    """The function that resizes by one of FILTERS."""
    if filter == OURS:
        return ours
    if filter in _PLAIN:
        return _by_opencv(_PLAIN[filter])
    return _by_pillow(PILLOW_FILTERS.index(filter))


def as_transformers(filter: str) -> Resize:
    """`resizer` of one of Pillow's filters, with PyTorch instead where it gives the same bytes faster."""
    pillow = resizer(filter)
    if filter != "bilinear":
        return pillow

    def resize(image: np.ndarray, out: np.ndarray) -> None:
        if image.shape != out.shape and _same_by_pytorch(image.shape[:2], out.shape[:2]):
            _by_pytorch(image, out)
        else:
            pillow(image, out)

    return resize


def for_faces(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize for face detectors.

    Bilinear as dlib's own pyramid, a fifth of the time of area averaging and no worse; below half it would alias.

    Args:
        image: (H, W, 3) uint8.
        size: (height, width) in pixels.

    Returns:
        (h, w, 3) uint8; the same array if it has that size.
    """
    if size == image.shape[:2]:
        return image
    method = cv2.INTER_AREA if size[0] * 2 < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, size[::-1], interpolation=method)


def for_eyes(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize for people to look at.

    Args:
        image: (H, W, 3) uint8.
        size: (height, width) in pixels.

    Returns:
        (h, w, 3) uint8; the same array if it has that size.
    """
    if size == image.shape[:2]:
        return image
    # averaged where it shrinks, or fine patterns would flicker
    shrinks = size[0] < image.shape[0] or size[1] < image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def to_longest(image: np.ndarray, longest_px: int) -> np.ndarray:
    """Resize for people to look at, small images too, so that the longer side gets a certain length.

    Args:
        image: (H, W, 3) uint8.
        longest_px: Of the longer side.

    Returns:
        (h, w, 3) uint8; the same array if it has that size.
    """
    height, width = image.shape[:2]
    scale = longest_px / max(height, width)
    return for_eyes(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def by_edges(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """The size that DETR resizes to, with its way of rounding.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        shortest: What the shorter side becomes, in pixels, ...
        longest: ... if the longer one is not longer than this then.

    Returns:
        (height, width) in pixels, at least 1 x 1.
    """
    short, long = min(height, width), max(height, width)
    exact = float(shortest)
    if long / short * shortest > longest:
        exact = longest * short / long
        shortest = round(exact)
    if short == shortest:
        return height, width
    small, large = max(1, shortest), max(1, int(exact * long / short))
    return (large, small) if width < height else (small, large)


def _by_opencv(interpolation: int) -> Resize:
    def resize(image: np.ndarray, out: np.ndarray) -> None:
        if image.shape == out.shape:
            np.copyto(out, image)
        else:
            out[...] = cv2.resize(image, out.shape[1::-1], interpolation=interpolation)

    return resize


def _by_pillow(number: int) -> Resize:
    from PIL import Image

    def resize(image: np.ndarray, out: np.ndarray) -> None:
        if image.shape == out.shape:
            np.copyto(out, image)
        else:
            out[...] = Image.fromarray(image).resize(out.shape[1::-1], number)  # type: ignore[arg-type]

    return resize


def _by_pytorch(image: np.ndarray, out: np.ndarray) -> None:
    import torch
    from torch.nn import functional

    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"]))[None].permute(0, 3, 1, 2)
    resized = functional.interpolate(pixels, out.shape[:2], mode="bilinear", antialias=True)
    np.copyto(out, resized[0].permute(1, 2, 0).numpy())


def _same_by_pytorch(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether PyTorch's bilinear filter for bytes, of the same design with coarser weights, gives Pillow's bytes.

    It does where weights are exact in both: fractions of a small power of two, as when 480 rows become 640.
    """
    sides = zip(before, after, strict=True)
    return all(old <= new and new // math.gcd(old, new) in _EXACT_PARTS for old, new in sides)
