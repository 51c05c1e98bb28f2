# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drawing detections, beside a bare copy of the image as the limit."""

from __future__ import annotations

import itertools

import numpy as np

from face_detect_ros.benchmarks.rows import Row, median_ms
from face_detect_ros.core.detections import Detections
from face_detect_ros.viz.draw import draw_detections

SIZES = ((640, 480), (1920, 1080), (3840, 2160))
FACES = 10
NAMES = tuple(f"Person {index}" if index % 2 else None for index in range(FACES))
GOALS_MS = {(640, 480): 2.0}


def run() -> list[Row]:
    rows = []
    for width, height in SIZES:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        # as in a video: boxes move and scores change
        frames = itertools.cycle([_faces(width, height, seed) for seed in range(30)])
        rows.append(
            Row(
                f"draw {FACES} faces {width}x{height}",
                "ms",
                median_ms(lambda: draw_detections(image, next(frames), ("face",), names=NAMES)),  # noqa: B023
                limit=median_ms(image.copy),
                limit_name="copy of the pixels",
                goal=GOALS_MS.get((width, height)),
            )
        )
    return rows


def _faces(width: int, height: int, seed: int) -> Detections:
    random, size = np.random.default_rng(seed), np.array((width, height))
    places = np.random.default_rng(0).uniform((0, 0.05), (0.85, 0.75), (FACES, 2))
    corners = (places + random.uniform(-0.01, 0.01, (FACES, 2))) * size
    sizes = np.array((0.12, 0.2)) * size
    landmarks = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])
    return Detections(
        np.concatenate([corners, corners + sizes], axis=1),
        random.uniform(0.5, 1, FACES),
        np.zeros(FACES),
        track_ids=np.arange(FACES),
        landmarks=corners[:, None] + landmarks * sizes,
    )
