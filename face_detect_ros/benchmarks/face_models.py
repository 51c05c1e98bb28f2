# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Time of face detectors by resolution, and of face embedders, all in one run: what `docs/faces.md` compares.

A detector is asked as the nodes ask it, with its own defaults, from pixels to faces with landmarks. The peer is mmod,
the default of earlier versions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import cv2
import numpy as np
from skimage.data import astronaut

from face_detect_ros.benchmarks.known_face import known_face
from face_detect_ros.benchmarks.rows import Row, best_ms
from face_detect_ros.detectors import catalogue
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.zoo.published import cache, checkpoints

SIZES = ((640, 480), (1280, 720), (1920, 1080))
PEER = "mmod"

_REPEATS = 5


def default_models() -> list[str]:
    """The face detectors and embedders whose weights are on this machine; dlib's own code is left out: it is slow."""
    detectors = [
        (entry.name, entry.checkpoint) for entry in catalogue.entries("faces") if not entry.needs_file
    ]
    embedders = [(entry.name, entry.checkpoint) for entry in embed.CATALOGUE.values() if not entry.needs_file]
    return [
        name
        for name, checkpoint in detectors + embedders
        if name not in ("dlib_cnn", "dlib")
        and (not checkpoint or cache.presence(checkpoints.find(checkpoint)) == "yes")
    ]


def run(models: Sequence[str] = ()) -> list[Row]:
    """Rows of each detector and embedder, in the order given.

    Args:
        models: Names, as `models list` shows them, or with a file ("scrfd:FILE"); empty: `default_models`.

    Raises:
        ConfigError: An unknown name.
        WeightsError: Weights that are missing or damaged.
    """
    names = list(models) or default_models()
    detectors = [name for name in names if name.partition(":")[0] not in embed.CATALOGUE]
    for name in detectors:
        catalogue.find(name, task="faces")
    rows = _detectors(detectors) if detectors else []
    return rows + [_embedder(name) for name in names if name not in detectors]


def scene(width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8 RGB: the astronaut beside herself, no more enlarged than the size needs."""
    photo = astronaut()
    scale = height / photo.shape[0]
    scaled = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    repeats = -(-width // scaled.shape[1])
    return np.ascontiguousarray(np.tile(scaled, (1, repeats, 1))[:height, :width])


def _detectors(names: Sequence[str]) -> list[Row]:
    images = {size: scene(*size) for size in SIZES}
    peer_ms = _times(PEER, images)
    return [
        Row(f"{name} {width}x{height}", "ms", took_ms, peer_ms[width, height], PEER)
        for name in names
        for (width, height), took_ms in (peer_ms if name == PEER else _times(name, images)).items()
    ]


def _times(name: str, images: dict[tuple[int, int], np.ndarray]) -> dict[tuple[int, int], float]:
    options = catalogue.default_options(name, task="faces")
    with contextlib.closing(catalogue.create(name, task="faces")) as detector:
        detector.warmup()
        times = {}
        for size, image in images.items():
            # every call gets an image of its own: what a network found in the latest one may be kept
            copies = iter([image.copy() for _ in range(_REPEATS + 1)])
            times[size] = best_ms(lambda c=copies: detector.detect([next(c)], options), _REPEATS)  # type: ignore[misc]
        return times


def _embedder(name: str) -> Row:
    """One face, from the image and its five points to the descriptor."""
    face = known_face()
    with contextlib.closing(embed.create(name)) as embedder:
        took_ms = best_ms(lambda: embedder.embed(embedder.chips(astronaut(), face)), _REPEATS * 4)
    return Row(f"{name}, one face", "ms", took_ms)
