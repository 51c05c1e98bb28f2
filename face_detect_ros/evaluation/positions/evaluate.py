# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Accuracy of positions in constructed scenes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from face_detect_ros.depth.positions import locate
from face_detect_ros.depth.scene import Scene
from face_detect_ros.evaluation.positions.constructed import scenes

LEAST_M, SHARE = 0.01, 0.01
"""A position is exact if its error is at most this, in meters or as a share of the distance, whichever is more."""
_TAKEN = 5.0  # times that: the position of something else


def evaluate_constructed(
    distances_m: Sequence[float],
    repeats: int,
    holes: float,
    box_error: float,
    seed: int = 0,
    advance: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Errors of positions where the geometry is known.

    Args:
        distances_m: Of the objects.
        repeats: Depth images per scene, with different noise and holes.
        holes: Share of the pixels without depth.
        box_error: Largest error of each side of a box, in sides of the box. Lateral errors then count from the given
            box.
        seed: Of the noise.
        advance: Called after each distance.

    Returns:
        Figures for JSON.
    """
    random = np.random.default_rng(seed)
    errors: dict[float, list[float]] = defaultdict(list)
    unknown = taken = 0
    worst: tuple[float, str] = (0.0, "")
    for distance_m in distances_m:
        for scene in scenes([distance_m]):
            width, height = scene.box[2:] - scene.box[:2]
            for _ in range(repeats):
                offsets = random.uniform(-box_error, box_error, 4) * (width, height, width, height)
                box = scene.box + offsets
                space = Scene(scene.camera, scene.seen(random, holes=holes), scene.camera)
                point = locate(space, box[None]).points[0]
                middle = (box[:2] + box[2:]) / 2
                truth = scene.camera.points(middle[None], np.array([scene.depth_m]))[0]
                error = float(np.linalg.norm(point - truth))
                if np.isnan(error):
                    unknown += 1
                    continue
                errors[distance_m].append(error)
                relative = error / tolerance_m(scene.depth_m)
                taken += relative > _TAKEN
                worst = max(worst, (relative, scene.name))
        advance()
    everything = np.concatenate([*errors.values(), []])
    exact = sum(int((np.array(each) <= tolerance_m(distance_m)).sum()) for distance_m, each in errors.items())
    return {
        "positions": len(everything) + unknown,
        "unknown": unknown,
        "exact": round(exact / max(1, len(everything)), 4),
        "something_else": int(taken),
        "error_mm": _spread(everything),
        "worst": {"scene": worst[1], "share_of_tolerance": round(worst[0], 3)},
        "by_distance_mm": {f"{distance_m:g}": _spread(np.array(each)) for distance_m, each in errors.items()},
    }


def tolerance_m(distance_m: float) -> float:
    """Largest error of an exact position."""
    return max(LEAST_M, SHARE * distance_m)


def _spread(errors_m: np.ndarray) -> dict[str, float | None]:
    if not len(errors_m):
        return {"median": None, "p95": None, "max": None}
    median, p95, most = np.percentile(errors_m * 1e3, [50, 95, 100])
    return {"median": round(float(median), 1), "p95": round(float(p95), 1), "max": round(float(most), 1)}
