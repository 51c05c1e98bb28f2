# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What an embedder promises."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from face_detect_ros.core.detections import Detections


class Embedder(Protocol):
    """Turns faces into descriptors. One thread at a time may use an instance.

    Attributes:
        model_id: What made the descriptors.
        model_version: With `model_id`, says which descriptors can be compared with each other.
        device: Where it computes, for people to read.
    """

    model_id: str
    model_version: str
    device: str

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        """The faces of an image, upright and cut out for `embed`.

        Args:
            image: (H, W, 3) uint8 RGB.
            faces: N faces in its pixels, with landmarks or without.

        Returns:
            (N, S, S, 3) uint8 RGB; S is the embedder's own.

        Raises:
            ImageError: Not an image, or landmarks that are not a face's.
            ConfigError: Landmarks must be found, and dlib is not installed.
            WeightsError: dlib's model of landmarks is missing or damaged.
        """
        ...

    def embed(self, chips: np.ndarray) -> np.ndarray:
        """(N, D) float32 descriptors of what `chips` gave; N = 0 is ordinary.

        Raises:
            ImageError: Another array.
            DetectorError: The network failed, or the embedder is closed.
        """
        ...

    def close(self) -> None:
        """Release the network, also while another thread is inside `embed`. Twice is fine."""
        ...


def check_chips(chips: np.ndarray, side_px: int) -> None:
    """Raises ImageError unless these are (N, side_px, side_px, 3) uint8."""
    from face_detect_ros.core.errors import ImageError

    if not isinstance(chips, np.ndarray) or chips.ndim != 4 or chips.shape[1:] != (side_px, side_px, 3):
        shape = getattr(chips, "shape", type(chips).__name__)
        raise ImageError("shape", f"chips have shape {shape}; expected (N, {side_px}, {side_px}, 3)")
    if chips.dtype != np.uint8:
        raise ImageError("dtype", f"chips have dtype {chips.dtype}; expected uint8")
