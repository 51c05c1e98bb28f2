"""How pictures are resized for an ONNX file: as what the network was trained with resized them."""

from __future__ import annotations

import cv2
import numpy as np

from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.objects.input import Resize

OURS = "opencv"
FILTERS = (
    OURS,
    *("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"),  # Pillow's
    *("plain_bilinear", "plain_bicubic"),  # without averaging where a picture shrinks
)
_PLAIN = {"plain_bilinear": cv2.INTER_LINEAR, "plain_bicubic": cv2.INTER_CUBIC}


def resizer(filter: str) -> Resize:
    """The function that resizes by one of FILTERS; of DETR's processors are all but the first."""
    if filter == OURS:
        return object_input.resize
    if filter in _PLAIN:
        interpolation = _PLAIN[filter]
        return lambda image, out: _plain(image, out, interpolation)
    from PIL import Image

    chosen = Image.Resampling[filter.upper()]

    def by_pillow(image: np.ndarray, out: np.ndarray) -> None:
        if image.shape == out.shape:
            np.copyto(out, image)
        else:
            out[...] = Image.fromarray(image).resize(out.shape[1::-1], chosen)

    return by_pillow


def by_edges(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """(height, width) of which the shorter is as asked, or the longer at its limit; rounded as DETR rounds."""
    short, long = min(height, width), max(height, width)
    exact = float(shortest)
    if long / short * shortest > longest:
        exact = longest * short / long
    small, large = max(1, round(exact)), min(longest, max(1, int(exact * long / short)))
    return (large, small) if width < height else (small, large)


def _plain(image: np.ndarray, out: np.ndarray, interpolation: int) -> None:
    if image.shape == out.shape:
        np.copyto(out, image)
    else:
        out[...] = cv2.resize(image, out.shape[1::-1], interpolation=interpolation)
