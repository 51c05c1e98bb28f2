# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SCRFD, insightface's face detector, from an ONNX file: `scrfd:FILE`. With five points where the file has them.

At strides 8, 16 and 32 (and 64, 128 in some files) each place gives a score, the distances to the sides of the box and
the points, in strides. The weights that insightface publishes are for non-commercial research only.
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

_FIRST_STRIDE = 8
_LEVELS = (3, 5)  # strides 8 to 32, or to 128


def create(file: Path, compute: Compute, engine_names: Sequence[str]) -> Detector:
    """SCRFD with the weights in `file`. Arguments and errors: see `onnx_faces.open_faces`."""
    return open_faces(file, compute, engine_names, reader, "scrfd")


def reader(engine: Engine) -> FaceReader | None:
    """How the outputs of a graph are read; None if it is of another network."""
    columns = sorted(size for port in engine.outputs if (size := port.fixed(-1)) is not None)
    for levels in _LEVELS:
        if columns in ([1] * levels + [4] * levels, [1] * levels + [4] * levels + [10] * levels):
            return ScrfdReader()
    return None


class ScrfdReader:
    """A `FaceReader` for SCRFD's levels."""

    pixels = Pixels(mean=(127.5, 127.5, 127.5), scale=1 / 128)
    smallest_px = 12.0
    multiple = 32
    single = True  # insightface's files put all images of a batch into one list

    def read(
        self, outputs: Sequence[np.ndarray], size: tuple[int, int], lowest: float
    ) -> list[FaceCandidates]:
        scores, boxes, points = (anchors.by_columns(outputs, columns) for columns in (1, 4, 10))
        found = []
        for level in range(len(scores)):
            stride = _FIRST_STRIDE << level
            rows, columns = -(-size[0] // stride), -(-size[1] // stride)
            each, rest = divmod(len(scores[level]), rows * columns)
            if rest or not each:
                raise ValueError(f"{len(scores[level])} scores do not fit {rows} x {columns} places")
            good = np.flatnonzero(scores[level][:, 0] >= lowest)
            place = anchors.centers(rows, columns, stride, each, 0.0)[good]
            to_sides = boxes[level][good] * stride
            box = np.concatenate([place - to_sides[:, :2], place + to_sides[:, 2:]], axis=1)
            five = points[level][good].reshape(-1, 5, 2) * stride + place[:, None] if points else None
            found.append((box, scores[level][good, 0], five))
        return [
            FaceCandidates(
                np.concatenate([box for box, _, _ in found]),
                np.concatenate([score for _, score, _ in found]),
                np.concatenate([five for _, _, five in found if five is not None]) if points else None,
            )
        ]
