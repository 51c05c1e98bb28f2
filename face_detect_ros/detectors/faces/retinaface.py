# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""RetinaFace on MobileNet 0.25 or ResNet-50, from an ONNX file: `retinaface:FILE`. With five points.

biubug6/Pytorch_Retinaface and its exports: one list of boxes, scores and points over all anchors of strides 8, 16 and
32, relative to the anchors.
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

_STRIDES = (8, 16, 32)
_SIDES = ((16, 32), (64, 128), (256, 512))
_CENTER_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
_LARGEST_GROWTH = 5.0  # of an anchor, as a logarithm; more is a damaged file's


def create(file: Path, compute: Compute, engine_names: Sequence[str]) -> Detector:
    """RetinaFace with the weights in `file`. Arguments and errors: see `onnx_faces.open_faces`."""
    return open_faces(file, compute, engine_names, reader, "retinaface")


def reader(engine: Engine) -> FaceReader | None:
    """How the outputs of a graph are read; None if it is of another network."""
    columns = sorted(size for port in engine.outputs if (size := port.fixed(-1)) is not None)
    return RetinaFaceReader() if columns == [2, 4, 10] else None


class RetinaFaceReader:
    """A `FaceReader` for RetinaFace's three lists."""

    pixels = Pixels(mean=(104.0, 117.0, 123.0), bgr=True)
    smallest_px = 12.0
    multiple = 32
    single = True

    def read(
        self, outputs: Sequence[np.ndarray], size: tuple[int, int], lowest: float
    ) -> list[FaceCandidates]:
        scores, boxes, points = (anchors.by_columns(outputs, columns)[0] for columns in (2, 4, 10))
        priors = anchors.priors(*size, _STRIDES, _SIDES)
        if len(priors) != len(scores):
            raise ValueError(f"{len(scores)} scores do not fit {len(priors)} anchors")
        face = anchors.probabilities(scores)
        good = np.flatnonzero(face >= lowest)
        center, side = priors[good, :2], priors[good, 2:]
        middle = center + boxes[good, :2] * _CENTER_VARIANCE * side
        half = side * np.exp(np.minimum(boxes[good, 2:] * _SIZE_VARIANCE, _LARGEST_GROWTH)) / 2
        five = center[:, None] + points[good].reshape(-1, 5, 2) * _CENTER_VARIANCE * side[:, None]
        return [FaceCandidates(np.concatenate([middle - half, middle + half], axis=1), face[good], five)]
