# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Ways of resizing: those that bring pixels to networks are also compared with others' in `test/detectors`."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from face_detect_ros.images.resizing import (
    FILTERS,
    PILLOW_FILTERS,
    as_transformers,
    by_edges,
    for_eyes,
    for_faces,
    resizer,
)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [(48, 64), (20, 30), (99, 40)], ids=["same size", "smaller", "other shape"])
def test_every_filter_fills_the_output(name: str, size: tuple[int, int]) -> None:
    image = noise(48, 64)
    image.flags.writeable = False
    whole = np.zeros((120, 120, 3), np.uint8)
    out = whole[5 : 5 + size[0], 7 : 7 + size[1]]
    resizer(name)(image, out)
    assert (out > 0).any(axis=2).all() or name != "nearest"
    assert not whole[:5].any()
    if size == (48, 64):
        assert (out == image).all()


@pytest.mark.parametrize("name", PILLOW_FILTERS)
def test_pillows_filters_are_pillows(name: str) -> None:
    image, out = noise(48, 64), np.empty((20, 90, 3), np.uint8)
    resizer(name)(image, out)
    chosen = getattr(getattr(Image, "Resampling", Image), name.upper())
    assert (out == np.asarray(Image.fromarray(image).resize((90, 20), chosen))).all()
    as_transformers(name)(image, out)
    assert (out == np.asarray(Image.fromarray(image).resize((90, 20), chosen))).all()


@pytest.mark.parametrize(
    ("size", "edges", "result"),
    [
        ((480, 640), (800, 1333), (800, 1066)),
        ((640, 480), (800, 1333), (1066, 800)),
        ((800, 1000), (800, 1333), (800, 1000)),
        ((100, 1000), (800, 1333), (133, 1330)),
        ((1, 5000), (800, 1333), (1, 1333)),
        ((1, 1), (800, 1333), (800, 800)),
    ],
    ids=["landscape", "portrait", "fits already", "longest side", "line", "pixel"],
)
def test_by_edges(size: tuple[int, int], edges: tuple[int, int], result: tuple[int, int]) -> None:
    found = by_edges(*size, *edges)
    assert abs(found[0] - result[0]) <= 1
    assert abs(found[1] - result[1]) <= 4
    assert max(found) <= max(edges[1], *size)


@pytest.mark.parametrize("resize", [for_eyes, for_faces])
def test_what_has_the_size_is_not_copied(resize) -> None:
    image = noise(30, 40)
    assert resize(image, (30, 40)) is image
    assert resize(image, (60, 80)).shape == (60, 80, 3)
    assert (resize(image, (10, 20)) == cv2.resize(image, (20, 10), interpolation=cv2.INTER_AREA)).all()
