# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How far away an object is, from the depth image inside and around its box.

A box shows more than the object: the background, the floor it stands on, things in front of it. Depths that continue
outside the box probably belong to something else. The depths inside are therefore compared with those in a ring around
the box, and the best cluster of depths that occur inside, near the center, and not in the ring wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_detect_ros.depth.image import DepthImage

_MOST_SAMPLES = 48  # of a side of the box
_RING = 0.25  # width of the ring around the box, in sides of the box
_LEAST_RING_PX = 3
NEAREST_M, FARTHEST_M = 0.05, 60.0
# Depths are compared in steps of a cautious sensor's noise in meters: _NOISE[0] + _NOISE[1] z + _NOISE[2] z**2. A
# structured light or stereo camera's grows with the square of the distance.
_NOISE = (0.002, 0.002, 0.0015)
_SMOOTH = np.exp(-0.5 * (np.arange(-4, 5) / 1.6) ** 2)
_SMOOTH /= _SMOOTH.sum()
_CENTER = 0.5  # spread of the weight around the middle of the box, in half sides
_VALLEY = 0.12  # of a peak: clusters are separated where there is less
_CLUSTERS = 4
_NEARER = 0.45  # of the best cluster's score: a nearer cluster of that much is preferred
_DISTINCT = 0.6  # likelihood above which a depth belongs to the object rather than to its surroundings
_LEAST_AREA = 0.06  # of the box that is of a distinct cluster
_LEAST_CENTER = 0.4  # of the middle of the box that an indistinct cluster must fill
_FEWEST = 12  # samples
_TRIM = 2.5  # robust standard deviations; beyond are edges and other things
_FRONT = 0.02  # share of the visible surface that may be nearer than its front


@dataclass(frozen=True)
class Surface:
    """The visible surface of an object, in meters along the optical axis.

    Attributes:
        depth_m: Robust mean.
        front_m: Nearest part.
        back_m: Farthest visible part.
        spread_m: Robust standard deviation of the depths, from shape and noise.
        samples: Number of depths used.
    """

    depth_m: float
    front_m: float
    back_m: float
    spread_m: float
    samples: int


def find_surface(image: DepthImage, box: np.ndarray, mask: np.ndarray | None = None) -> Surface | None:
    """Find the surface of the object in a box.

    Args:
        image: Depths.
        box: (4,) xyxy, in pixels of the depth image.
        mask: (h, w) bool over the box, at any resolution: the pixels of the object; None if unknown.

    Returns:
        None if depth is missing, or only the surroundings have depth.
    """
    left, top, right, bottom = map(float, box)
    ring_x = max(_RING * (right - left), _LEAST_RING_PX)
    ring_y = max(_RING * (bottom - top), _LEAST_RING_PX)
    rows, y = _samples(top, bottom, ring_y, image.height)
    columns, x = _samples(left, right, ring_x, image.width)
    if not len(y) or not len(x):
        return None
    depths = image.meters(rows, columns)
    depths[(depths < NEAREST_M) | (depths > FARTHEST_M)] = np.nan
    inside = (np.abs(y) <= 1)[:, None] & (np.abs(x) <= 1)
    middle = (np.abs(y) <= 0.5)[:, None] & (np.abs(x) <= 0.5)
    closeness = np.exp(-0.5 * (y / _CENTER) ** 2)[:, None] * np.exp(-0.5 * (x / _CENTER) ** 2)
    if mask is not None:
        inside &= _sampled(mask, y, x)
        middle, closeness = inside, np.ones_like(closeness)
    known = ~np.isnan(depths)
    if np.count_nonzero(known & inside) < min(_FEWEST, max(1, np.count_nonzero(inside) // 4)):
        return None
    steps = np.full(depths.shape, -1)
    steps[known] = _STEPS[(depths[known] * 1e3).astype(np.int64)]
    count = int(steps.max()) + 1
    mine, others = known & inside, known & ~inside
    center = _histogram(steps[mine], closeness[mine], count)
    ring = _histogram(steps[others], None, count)
    likelihood = _likelihood(center, ring)
    cluster = _best_cluster(center * likelihood**2)
    chosen = mine & cluster[steps]
    weights = (np.sqrt(closeness) * likelihood[steps])[chosen]
    distinct = _share(chosen & (likelihood[steps] >= _DISTINCT), inside)
    filled = _share(chosen, middle)
    if distinct < _LEAST_AREA and filled < _LEAST_CENTER:
        return None
    return _measure(depths[chosen], weights, likelihood[steps][chosen])


def _samples(low: float, high: float, ring: float, size: int) -> tuple[slice, np.ndarray]:
    """Pixels of an axis to sample, and their centers: -1 to 1 inside the box."""
    first = max(0, int(np.floor(low - ring)))
    last = min(size, int(np.ceil(high + ring)))
    stride = max(1, int(np.ceil((high - low) / _MOST_SAMPLES)))
    places = np.arange(first, last, stride) + 0.5
    half = max((high - low) / 2, 0.5)
    return slice(first, max(first, last), stride), (places - (low + high) / 2) / half


def _sampled(mask: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(Y, X) bool: the mask at positions from -1 to 1; positions outside take the nearest pixel."""
    height, width = mask.shape
    rows = ((y + 1) / 2 * height).astype(np.int64).clip(0, height - 1)
    columns = ((x + 1) / 2 * width).astype(np.int64).clip(0, width - 1)
    sampled: np.ndarray = mask[rows[:, None], columns]
    return sampled


def _share(some: np.ndarray, of: np.ndarray) -> float:
    return int(np.count_nonzero(some & of)) / max(1, int(np.count_nonzero(of)))


def _step_table() -> np.ndarray:
    """(N,) int64: number of noise steps up to each millimeter."""
    depths = np.arange(round(FARTHEST_M * 1e3) + 1) * 1e-3
    noise = _NOISE[0] + _NOISE[1] * depths + _NOISE[2] * depths**2
    return np.cumsum(1e-3 / noise).astype(np.int64)


_STEPS = _step_table()


def _histogram(steps: np.ndarray, weights: np.ndarray | None, count: int) -> np.ndarray:
    """(count,) share of the weight at each step, smoothed; zeros where there is nothing."""
    found = np.bincount(steps, weights, count).astype(np.float64)
    total = found.sum()
    if not total:
        return found
    return np.convolve(found / total, _SMOOTH)[len(_SMOOTH) // 2 :][:count]


def _likelihood(center: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """(count,) how likely each depth belongs to the object rather than to its surroundings, 0 to 1."""
    with np.errstate(invalid="ignore"):
        share = center / (center + ring)
    return np.where(center > 0, share, 0.0)


def _best_cluster(score: np.ndarray) -> np.ndarray:
    """(count,) bool: the steps of the cluster that is most likely the object."""
    left = score.copy()
    clusters: list[tuple[int, int, float]] = []  # first step, last step, score
    while len(clusters) < _CLUSTERS and left.max() > 0:
        first = last = int(left.argmax())
        valley = _VALLEY * left[first]
        while first > 0 and left[first - 1] > valley:
            first -= 1
        while last < len(left) - 1 and left[last + 1] > valley:
            last += 1
        clusters.append((first, last, float(left[first : last + 1].sum())))
        left[first : last + 1] = 0.0
    best = max((total for _, _, total in clusters), default=0.0)
    chosen = np.zeros(len(score), bool)
    for first, last, total in sorted(clusters):
        if total >= _NEARER * best:
            chosen[first : last + 1] = True
            break
    return chosen


def _measure(depths: np.ndarray, weights: np.ndarray, likelihood: np.ndarray) -> Surface | None:
    """The surface with these depths, weighted."""
    if not len(depths) or weights.sum() <= 0:
        return None
    low, median, high = _quantiles(depths, weights, (0.1587, 0.5, 0.8413))
    spread = max((high - low) / 2, 1e-4)
    kept = np.abs(depths - median) <= _TRIM * spread
    depth = float(np.average(depths[kept], weights=weights[kept]))
    front, back = _quantiles(depths, likelihood, (_FRONT, 1 - _FRONT))
    return Surface(depth, min(front, depth), max(back, depth), spread, int(kept.sum()))


def _quantiles(values: np.ndarray, weights: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    below = np.cumsum(weights) - weights / 2
    return [float(found) for found in np.interp(np.array(shares) * weights.sum(), below, values)]
