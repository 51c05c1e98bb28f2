"""CenterFace, the default face detector: any pose, from 12 px on, with five points. Runs without PyTorch.

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
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import graphs
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.zoo.formats.onnx_graph import free_axes

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
    try:
        content = free_axes(file.read_bytes())
    except OSError as error:
        raise WeightsError(
            f"{file}: {error.strerror or error}; give CenterFace's ONNX file as centerface:FILE"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{file}: {error}; get it again") from error

    # in bfloat16 it is twice as fast, and places the smallest faces a little worse
    exact = compute.in_float32()

    def make(name: str) -> Detector:
        engine = engines.open_graph(name, file, exact, content=content, cache=graphs.folder())
        if tuple(port.fixed(1) if len(port.shape) == 4 else None for port in engine.outputs) != _OUTPUTS:
            raise output_error(file, "CenterFace", engine)
        return OnnxFaceDetector(engine, CenterFaceReader(), f"centerface:{file.name}")

    return engines.first(engine_names, make)


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
