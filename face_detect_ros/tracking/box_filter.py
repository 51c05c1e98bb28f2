# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where boxes are and how they move: a Kalman filter per coordinate, for many boxes at once, in time instead of images.

A box is (center x, center y, width, height), each with a constant velocity disturbed by white acceleration
(Bar-Shalom et al., "Estimation with Applications to Tracking and Navigation", chapter 6). All noise is relative to the
size of the box, so that near and far things are treated alike.

The state of T boxes is (T, 5, 4) float64: value, velocity, variance of the value, covariance, variance of the velocity,
each of the four coordinates, in pixels and seconds.
"""

from __future__ import annotations

import numpy as np

# standard deviations, in sides of the box
_MEASUREMENT = 0.1
_ACCELERATION = 0.5  # per second, each second
_START_VELOCITY = np.array([1.0, 1.0, 0.2, 0.2])  # per second, of the center and of the size


def start(boxes: np.ndarray) -> np.ndarray:
    """The state of boxes that are seen for the first time.

    Args:
        boxes: (N, 4) center x, center y, width, height.

    Returns:
        (N, 5, 4).
    """
    side = sides(boxes)[:, None]
    state = np.zeros((len(boxes), 5, 4))
    state[:, 0] = boxes
    state[:, 2] = (_MEASUREMENT * side) ** 2
    state[:, 4] = (_START_VELOCITY * side) ** 2
    return state


def advance(state: np.ndarray, elapsed_s: float) -> None:
    """Move the state on in time, in place."""
    value, velocity, variance, covariance, velocity_variance = state.swapaxes(0, 1)
    noise = (_ACCELERATION * sides(value)[:, None]) ** 2 * elapsed_s
    value += elapsed_s * velocity
    np.maximum(value[:, 2:], 1.0, out=value[:, 2:])
    variance += elapsed_s * (2 * covariance + elapsed_s * (velocity_variance + noise / 3))
    covariance += elapsed_s * (velocity_variance + noise / 2)
    velocity_variance += noise


def correct(state: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The state after boxes were detected.

    Args:
        state: (N, 5, 4); not modified.
        boxes: (N, 4) center x, center y, width, height.

    Returns:
        (N, 5, 4).
    """
    value, velocity, variance, covariance, velocity_variance = state.swapaxes(0, 1)
    total = variance + (_MEASUREMENT * sides(boxes)[:, None]) ** 2
    gain, velocity_gain = variance / total, covariance / total
    surprise = boxes - value
    return np.stack(
        [
            value + gain * surprise,
            velocity + velocity_gain * surprise,
            (1 - gain) * variance,
            (1 - gain) * covariance,
            velocity_variance - velocity_gain * covariance,
        ],
        axis=1,
    )


def sides(boxes: np.ndarray) -> np.ndarray:
    """(N,) side of a square of the same area, at least 1 px; boxes: (N, 4) center and size."""
    side: np.ndarray = np.sqrt(np.maximum(boxes[:, 2], 1.0) * np.maximum(boxes[:, 3], 1.0))
    return side
