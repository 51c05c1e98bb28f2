# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Ultra-Light-Fast-Generic face detectors, RFB and slim, from an ONNX file: `ultralight:FILE`. Boxes alone.

Linzaer's exports with their post-processing inside: scores of background and face, and boxes as parts of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.faces import anchors
from face_detect_ros.detectors.faces.onnx_faces import FaceReader, Pixels, open_faces
from face_detect_ros.detectors.faces.scanning import FaceCandidates
from face_detect_ros.engines.protocol import Compute, Engine

_FARTHEST = 2.0  # a box is nowhere more than twice the input away


def create(file: Path, compute: Compute, engine_names: Sequence[str]) -> Detector:
    """An Ultra-Light detector with the weights in `file`. Arguments and errors: see `onnx_faces.open_faces`."""
    return open_faces(file, compute, engine_names, reader, "ultralight")


def reader(engine: Engine) -> FaceReader | None:
    """How the outputs of a graph are read; None if it is of another network."""
    columns = sorted(size for port in engine.outputs if (size := port.fixed(-1)) is not None)
    return UltraLightReader() if columns == [2, 4] else None


class UltraLightReader:
    """A `FaceReader` for scores and boxes."""

    pixels = Pixels(mean=(127.0, 127.0, 127.0), scale=1 / 128)
    smallest_px = 12.0
    multiple = 32
    single = True

    def read(
        self, outputs: Sequence[np.ndarray], size: tuple[int, int], lowest: float
    ) -> list[FaceCandidates]:
        scores, boxes = (anchors.by_columns(outputs, columns)[0] for columns in (2, 4))
        if len(boxes) and np.abs(boxes).max() > _FARTHEST:
            raise ValueError("its boxes are not parts of the input; export it with its post-processing")
        face = anchors.probabilities(scores)
        good = np.flatnonzero(face >= lowest)
        pixels = boxes[good] * np.array([size[1], size[0]] * 2, np.float32)
        return [FaceCandidates(pixels, face[good])]
