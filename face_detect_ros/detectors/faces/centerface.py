"""CenterFace, the default face detector: any pose, from 12 px on, with five points. Runs on ONNX Runtime.

Star-Clouds/CenterFace, MIT license, trained on WIDER FACE: the face is a peak on a heat map, beside it lie the size of
the box, the peak's place within its cell and the points. Boxes follow WIDER FACE: forehead to chin, higher than wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.faces.onnx_faces import OnnxFaceDetector, Pixels, output_error
from face_detect_ros.detectors.faces.scanning import FaceCandidates
from face_detect_ros.engines.onnxruntime import OnnxSession
from face_detect_ros.zoo.formats.onnx_graph import free_axes

_STRIDE = 4
_OUTPUTS = (1, 2, 2, 10)  # channels of heat map, log size, offset and points
_LARGEST_LOG_SIZE = 8.0  # a box of 12,000 px; more is a damaged file's, and exp would overflow


def create(device: str, file: Path) -> Detector:
    """CenterFace with the weights in the ONNX file `file`, which may fix its input's size.

    Raises:
        ConfigError: without ONNX Runtime.
        DeviceError: for a device that ONNX Runtime does not have.
        WeightsError: for a file that is missing, damaged or of another network.
    """
    try:
        content = free_axes(file.read_bytes())
    except OSError as error:
        raise WeightsError(
            f"{file}: {error.strerror or error}; give CenterFace's ONNX file as centerface:FILE"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{file}: {error}; get it again") from error
    session = OnnxSession(file, device, content=content)
    if tuple(port.fixed(1) if len(port.shape) == 4 else None for port in session.outputs) != _OUTPUTS:
        raise output_error(file, "CenterFace", session)
    return OnnxFaceDetector(session, CenterFaceReader(), f"centerface:{file.name}")


class CenterFaceReader:
    """A `FaceReader` for CenterFace's four maps."""

    pixels = Pixels()
    smallest_px = 12.0
    multiple = 32

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
