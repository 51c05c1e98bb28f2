# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An object detector with convolutions in int8: post-training quantization by ONNX Runtime.

The scale of every convolution's input is chosen from images like those that the detector will see. Everything else
stays in float32: what boxes are computed from would lose pixels in 256 steps.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.files.looking import exists
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.images.reading import read_image
from face_detect_ros.zoo.formats import onnx_graph, weights_file


@dataclass(frozen=True)
class QuantizeReport:
    """What was written.

    Attributes:
        file: The file.
        convolutions: How many of them are in int8.
        bytes_before, bytes_after: Sizes of the files.
    """

    file: Path
    convolutions: int
    bytes_before: int
    bytes_after: int

    def __str__(self) -> str:
        before, after = self.bytes_before / 1e6, self.bytes_after / 1e6
        return f"{self.convolutions} convolutions in int8, {after:.1f} MB (before {before:.1f})"


def quantize(
    source: Path,
    images: Sequence[Path],
    destination: Path,
    *,
    advance: Callable[[], None] = lambda: None,
) -> QuantizeReport:
    """Write an ONNX file of an object detector with convolutions in int8, whole or not at all.

    Args:
        source: The ONNX file, as `models export` writes it or any that the detector `onnx` reads.
        images: Files of images like those that the detector will see.
        destination: The file to write.
        advance: Called after each image.

    Raises:
        ConfigError: No images, or a missing library.
        ImageError: An image cannot be read.
        WeightsError: `source` cannot be read, or keeps its weights in a second file.
        OutputError: `destination` exists or cannot be written.
        DetectorError: ONNX Runtime cannot quantize it.
    """
    if not images:
        raise ConfigError(
            "no images to quantize with; give a folder with a hundred like those of the robot's camera"
        )
    if exists(destination, OutputError):
        raise OutputError(f"{destination}: exists already; remove it or give another name")
    library, onnx = _libraries()
    weights_file.check(source)
    content = source.read_bytes()
    weights_file.check_alone(source, content)
    model = onnx.load_from_string(content)
    for number, node in enumerate(model.graph.node):  # many files leave nodes without names
        node.name = f"node{number}"
    chosen = _convolutions(model)
    if not chosen:
        raise DetectorError(f"{source}: has no convolutions to quantize")
    create = catalogue.load_factory(catalogue.find(f"onnx:{source}", task="objects").factory)
    detector: NetworkDetector = create(source, Compute("cpu"), ["onnxruntime"])  # type: ignore[assignment]
    with contextlib.closing(detector):
        reader = _reader(library, _feeds(detector.network, images, advance))
        try:
            with whole_file(destination) as beside, _quiet():
                library.quantize_static(
                    model,
                    str(beside),
                    reader,
                    quant_format=library.QuantFormat.QDQ,
                    activation_type=library.QuantType.QUInt8,
                    weight_type=library.QuantType.QInt8,
                    per_channel=True,
                    nodes_to_quantize=chosen,
                )
                written = onnx_graph.with_metadata(beside.read_bytes(), onnx_graph.metadata(content))
                beside.write_bytes(written)
        except OSError as error:
            raise OutputError(f"{destination}: cannot be written: {error.strerror or error}") from error
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DetectorError(
                f"{source}: ONNX Runtime cannot quantize it: {' '.join(str(error).split())[:300]}"
            ) from error
    return QuantizeReport(destination, len(chosen), len(content), len(written))


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime.quantization as library
    except ImportError as error:
        raise ConfigError(
            f"quantization needs onnx and onnxruntime ({error}); run: pip install onnx onnxruntime"
        ) from error
    return library, onnx


def _convolutions(model: Any) -> list[str]:
    """Names of the convolutions, apart from those of one output: they compute boxes from distributions."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and shapes.get(node.input[1], (0,))[0] > 1
    ]


def _feeds(network: Any, images: Sequence[Path], advance: Callable[[], None]) -> Iterator[dict[str, Any]]:
    for path in images:
        image = read_image(path)
        yield network.prepare([image], [network.place(*image.shape[:2])])
        advance()


def _reader(library: Any, feeds: Iterator[dict[str, Any]]) -> Any:
    class Reader(library.CalibrationDataReader):
        def get_next(self) -> dict[str, Any] | None:
            return next(feeds, None)

    return Reader()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime advises through the root logger to optimize the model first, which it need not be."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
