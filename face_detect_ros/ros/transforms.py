# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Transforms between frames at the time of an image, from tf2."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from face_detect_ros.core.errors import ConfigError

_POLL_S = 0.005


@dataclass(frozen=True, eq=False)
class Rigid:
    """A rotation, then a translation.

    Attributes:
        quaternion: (4,) float64 x, y, z, w of length 1.
        translation: (3,) float64 meters.
    """

    quaternion: np.ndarray
    translation: np.ndarray

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3) float64."""
        x, y, z, w = self.quaternion
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points in the other frame."""
        moved: np.ndarray = points @ self.rotation.T + self.translation
        return moved


def import_tf2(parameter: str) -> Any:
    """Import tf2's Python module, which not every machine has.

    Args:
        parameter: The parameter that needs it, for the message.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        import tf2_ros
    except ImportError as error:
        raise ConfigError(
            f"parameter {parameter} needs tf2, and tf2_ros is not installed ({error}); install "
            f"ros-$ROS_DISTRO-tf2-ros-py, or leave {parameter} at its default"
        ) from error
    return tf2_ros


class Transforms:
    """Listens to `/tf` and `/tf_static`.

    Args:
        node: Owner of the subscriptions.
        parameter: The parameter that needs them, for messages.

    Raises:
        ConfigError: If tf2 is not installed.
    """

    def __init__(self, node: Node, parameter: str) -> None:
        self._tf2 = import_tf2(parameter)
        self._buffer = self._tf2.Buffer()
        self._listener = self._tf2.TransformListener(self._buffer, node, spin_thread=False)
        # tf2's buffer watches the node's clock only together with a service on the node
        went_back = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-1), on_clock_change=True)
        self._jumps = node.get_clock().create_jump_callback(went_back, post_callback=lambda _: self.clear())
        self.problem = ""
        """Why the latest lookup failed; empty if it did not."""

    def lookup(self, target: str, source: str, stamp_ns: int, until_s: float = 0.0) -> Rigid | None:
        """The transform of points from the frame `source` to `target` at exactly that time.

        Args:
            target: Frame of the result.
            source: Frame of the points.
            stamp_ns: Stamp of the image. Without a stamp there is no transform: tf2 would take the latest.
            until_s: Wait until this `time.monotonic`; never on the executor's thread.

        Returns:
            None if it is not known yet; `problem` says why.
        """
        if stamp_ns <= 0:
            self.problem = "images have no stamps, so transforms at their time are unknown"
            return None
        while True:
            try:
                found = self._buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns)).transform
            except self._tf2.TransformException as error:
                self.problem = f"no transform from {source!r} to {target!r} at the time of the image: {error}"
            else:
                self.problem = ""
                turn, shift = found.rotation, found.translation
                quaternion = np.array([turn.x, turn.y, turn.z, turn.w])
                return Rigid(
                    quaternion / max(float(np.linalg.norm(quaternion)), 1e-9),
                    np.array([shift.x, shift.y, shift.z]),
                )
            if time.monotonic() >= until_s:
                return None
            time.sleep(_POLL_S)

    def clear(self) -> None:
        """Forget what moves, because time starts again: tf2 ignores transforms 10 s older than the newest."""
        self._buffer.clear()

    def close(self) -> None:
        """Stop listening."""
        self._jumps.unregister()
        self._listener.unregister()
