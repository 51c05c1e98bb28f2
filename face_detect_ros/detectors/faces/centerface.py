# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CenterFace, the default face detector: any pose, from 12 px on, with five points. Runs without PyTorch.

Star-Clouds/CenterFace, MIT license, trained on WIDER FACE: the face is a peak on a heat map, beside it lie the size of
the box, the peak's place within its cell and the points. Boxes follow WIDER FACE: forehead to chin, higher than wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.faces.onnx_faces import FaceReader, Pixels, open_faces
from face_detect_ros.detectors.faces.scanning import FaceCandidates
from face_detect_ros.engines.protocol import Compute, Engine

_STRIDE = 4
_OUTPUTS = (1, 2, 2, 10)  # channels of heat map, log size, offset and points
_LARGEST_LOG_SIZE = 8.0  # a box of 12,000 px; more is a damaged file's, and exp would overflow


def create(file: Path, compute: Compute, engine_names: Sequence[str]) -> Detector:
    """CenterFace with the weights in an ONNX file, which may fix its input's size.

    Args:
        file: the ONNX file.
        compute: device, precision and threads.
        engine_names: engines to try, best first.

    Raises:
        EngineError: if no engine can compute it.
        DeviceError: for a device or precision that is not here.
        WeightsError: for a file that is missing, damaged or of another network.
    """
    return open_faces(file, compute, engine_names, reader, "centerface", free=(0, 2, 3))


def reader(engine: Engine) -> FaceReader | None:
    """How the outputs of a graph are read; None if it is of another network."""
    channels = tuple(port.fixed(1) if len(port.shape) == 4 else None for port in engine.outputs)
    return CenterFaceReader() if channels == _OUTPUTS else None


class CenterFaceReader:
    """A `FaceReader` for CenterFace's four maps."""

    pixels = Pixels()
    smallest_px = 16.0  # from 12 px on it finds nearly as many, at twice as many false alarms
    multiple = 32
    single = False

    def read(
        self, outputs: Sequence[np.ndarray], size: tuple[int, int], lowest: float
    ) -> list[FaceCandidates]:
        return [_candidates(maps, size, lowest) for maps in zip(*outputs, strict=True)]


def _candidates(maps: tuple[np.ndarray, ...], size: tuple[int, int], lowest: float) -> FaceCandidates:
    """maps: (1 | 2 | 2 | 10, H / 4, W / 4) of one image. As the author's code reads them."""
    heat, log_size, offset, points = maps
    row, column = np.nonzero(heat[0] >= lowest)
    height, width = np.exp(np.minimum(log_size[:, row, column], _LARGEST_LOG_SIZE)) * _STRIDE
    top = (row + offset[0, row, column] + 0.5) * _STRIDE - height / 2
    left = (column + offset[1, row, column] + 0.5) * _STRIDE - width / 2
    # cut at the border before the points are placed: they were trained so
    top, left = np.clip(top, 0, size[0]), np.clip(left, 0, size[1])
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    y, x = points[0::2, row, column], points[1::2, row, column]
    placed = np.stack([x * width + left, y * height + top], axis=-1).transpose(1, 0, 2)
    return FaceCandidates(boxes.astype(np.float32), heat[0, row, column], placed.astype(np.float32))
