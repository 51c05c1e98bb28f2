# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""BlazeFace, MediaPipe's detector for close faces, from an ONNX file: `blazeface:FILE`. With five points.

Input of 128 x 128 (front camera) or 256 x 256 (back camera): it finds faces from about a sixth of the image's height
on. Of its six points the ears are left out; it has the middle of the mouth alone, and the corners are put beside it as
on an average face.
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

_GRIDS = ((16, 2), (8, 6))  # (places along a side, anchors in each)
_ANCHORS = sum(places * places * each for places, each in _GRIDS)
_MOUTH_OVER_EYES = 0.85  # distance of the corners over that of the eyes
_LARGEST_LOGIT = 50.0


def create(file: Path, compute: Compute, engine_names: Sequence[str]) -> Detector:
    """BlazeFace with the weights in `file`. Arguments and errors: see `onnx_faces.open_faces`."""
    return open_faces(file, compute, engine_names, reader, "blazeface")


def reader(engine: Engine) -> FaceReader | None:
    """How the outputs of a graph are read; None if it is of another network."""
    shapes = sorted(tuple(port.shape[1:]) for port in engine.outputs if len(port.shape) == 3)
    if shapes != [(_ANCHORS, 1), (_ANCHORS, 16)] or len(engine.inputs[0].shape) not in (0, 4):
        return None
    return BlazeFaceReader(channels_last=engine.inputs[0].fixed(3) == 3)


class BlazeFaceReader:
    """A `FaceReader` for BlazeFace's two lists."""

    smallest_px = 24.0
    multiple = 32
    single = True

    def __init__(self, *, channels_last: bool) -> None:
        self.pixels = Pixels((127.5, 127.5, 127.5), 1 / 127.5, channels_last=channels_last)

    def read(
        self, outputs: Sequence[np.ndarray], size: tuple[int, int], lowest: float
    ) -> list[FaceCandidates]:
        logits, values = (anchors.by_columns(outputs, columns)[0] for columns in (1, 16))
        face = 1 / (1 + np.exp(-np.clip(logits[:, 0], -_LARGEST_LOGIT, _LARGEST_LOGIT)))
        good = np.flatnonzero(face >= lowest)
        side = size[0]
        grids = [anchors.centers(places, places, side // places, each, 0.5) for places, each in _GRIDS]
        # center, width and height, then points; all in pixels from the anchor's center
        pairs = values[good].reshape(-1, 8, 2)
        anchor = np.concatenate(grids)[good]
        middle, half = anchor + pairs[:, 0], pairs[:, 1] / 2
        right_eye, left_eye, nose, mouth = (anchor + pairs[:, index] for index in range(2, 6))
        across = _MOUTH_OVER_EYES * (left_eye - right_eye) / 2
        five = np.stack([right_eye, left_eye, nose, mouth - across, mouth + across], axis=1)
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        return [FaceCandidates(boxes.astype(np.float32), face[good].astype(np.float32), five)]
