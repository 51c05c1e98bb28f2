# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Object detectors that run on PyTorch to ONNX files that `onnx:FILE` reads, compared with PyTorch before they count.

The file takes RGB pixels in [0, 1] of one size, any number of images at once, and gives boxes and scores; class names
and how images are placed stand in its metadata (`onnx_format`).
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.onnx import format as onnx_format
from face_detect_ros.engines.catalogue import AUTO, TORCH
from face_detect_ros.engines.onnxruntime import OnnxSession
from face_detect_ros.files.looking import exists, is_folder
from face_detect_ros.files.whole_file import whole_file

if TYPE_CHECKING:
    from face_detect_ros.detectors.export.parts import ExportParts

SUFFIX = ".onnx"
OPSET = 17  # of 2022: what engines on robots know
_OPSETS = range(16, 21)  # from the one that samples at points on; up to the last one that the exporter writes
_BATCHES = (1, 3)
_IMAGES, _MASK, _BOXES, _SCORES = "images", "pixel_mask", "boxes", "scores"
_LARGEST_BOX_DIFFERENCE_PX = 0.1
_LARGEST_SCORE_DIFFERENCE = 1e-3
_APART_PX = 5.0  # no rounding moves a box this far: it is another one
_MOST_UNMATCHED = (
    0.02  # of the boxes: where a network chooses the best ones inside, the last may be chosen otherwise
)


@dataclass(frozen=True)
class ExportReport:
    """What was written and how far it is from PyTorch.

    Attributes:
        size: (height, width) of the input.
        box_difference_px, score_difference: The greatest.
    """

    file: Path
    opset: int
    size: tuple[int, int]
    classes: int
    box_difference_px: float
    score_difference: float

    def __str__(self) -> str:
        return (
            f"{self.classes} classes, any number of {self.size[1]}x{self.size[0]} images, opset {self.opset}; boxes "
            f"within {self.box_difference_px:.1g} px and scores within {self.score_difference:.1g} of PyTorch"
        )


def export_onnx(
    name: str, destination: Path, *, input_size: int = 0, opset: int | None = None
) -> ExportReport:
    """Write the object detector `name` of the catalogue into the file `destination`, whole or not at all.

    Args:
        name: Of the catalogue, with its file where it has one.
        destination: The file to write; none is replaced.
        input_size: Longest side of the input in pixels; 0: the model's own.
        opset: 16 to 20; None: OPSET.

    Raises ConfigError for a name that is unknown or does not run on PyTorch, an opset or input size that does not go,
    or a missing library; WeightsError; OutputError where `destination` exists or cannot be written; DetectorError where
    the exporter fails or the file's results differ from PyTorch's.
    """
    opset = OPSET if opset is None else opset
    if opset not in _OPSETS:
        raise ConfigError(f"opset {opset}: give one from {_OPSETS[0]} to {_OPSETS[-1]}")
    entry = catalogue.find(name, task="objects")
    if entry.engines and TORCH not in entry.engines:
        raise ConfigError(f"model '{name}' does not run on PyTorch; nothing is left to export")
    _check_destination(destination)
    _import_onnx()
    detector = catalogue.create(
        name,
        task="objects",
        device="cpu",
        precision="float32",
        input_size=input_size,
        engine=TORCH if entry.engines else AUTO,
    )
    try:
        parts = _parts(detector, name)
        with whole_file(destination) as beside:
            with _constant_positions(parts):
                _trace(parts, beside, opset, name)
            _describe(beside, parts, detector.labels)
            differences = _compare(parts, beside, name)
    except OSError as error:
        raise OutputError(
            f"{destination}: cannot be written: {error.strerror or error}; make room or choose another folder"
        ) from error
    finally:
        detector.close()
    return ExportReport(destination, opset, parts.size, len(detector.labels), *differences)


def _check_destination(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise OutputError(f"{path}: such a file must be named *{SUFFIX}")
    if exists(path, OutputError):
        raise OutputError(f"{path}: exists already; delete it or choose another name")
    if not is_folder(path.parent):
        raise OutputError(f"{path.parent}: no such folder; make it first")


def _import_onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ConfigError("export needs onnx; run: pip install onnx") from error
    return onnx


def _parts(detector: object, name: str) -> ExportParts:
    from face_detect_ros.detectors.export.parts import Exportable

    network = detector.network if isinstance(detector, NetworkDetector) else None
    if not isinstance(network, Exportable):
        raise ConfigError(f"model '{name}' cannot be exported")
    return network.export_parts()


def _trace(parts: ExportParts, file: Path, opset: int, name: str) -> None:
    import torch

    names = [_IMAGES, *([_MASK] if parts.masked else [])]
    free = {each: {0: "batch"} for each in (*names, _BOXES, _SCORES)}
    images = tuple(torch.from_numpy(values) for values in _images(parts, 2).values())
    # the exporter prints the graph where it fails, and that it is the old one: the new one takes several times as
    # long, and gets the batch of some models wrong
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                parts.module.eval(),
                images,
                str(file),
                dynamo=False,
                opset_version=opset,
                input_names=names,
                output_names=[_BOXES, _SCORES],
                dynamic_axes=free,
            )
        except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
            reason = " ".join(str(error).split())[:300]
            raise DetectorError(f"model '{name}' cannot be exported for opset {opset}: {reason}") from error


def _describe(file: Path, parts: ExportParts, labels: tuple[str, ...]) -> None:
    """Write the metadata, and the sizes that the exporter leaves open."""
    onnx = _import_onnx()
    model = onnx.load(str(file))
    model.producer_name = "face_detect_ros"
    onnx.helper.set_model_props(model, onnx_format.to_metadata(parts.format, labels))
    boxes = model.graph.output[0].type.tensor_type.shape.dim
    scores = model.graph.output[1].type.tensor_type.shape.dim
    for dimension, value in ((boxes[2], 4), (scores[2], len(labels))):
        dimension.dim_value = value
    onnx.save(model, str(file))


def _compare(parts: ExportParts, file: Path, name: str) -> tuple[float, float]:
    """(pixels, score): the greatest differences. Raises DetectorError for too large ones."""
    import torch

    session = OnnxSession(file, "cpu")
    box_difference = score_difference = 0.0
    for count in _BATCHES:
        images = _images(parts, count)
        with torch.inference_mode():
            expected = parts.module(*(torch.from_numpy(values) for values in images.values()))
        try:
            given = session.run(images)
        except RuntimeError as error:
            raise DetectorError(
                f"model '{name}': its ONNX file does not run with {count} images: {error}"
            ) from error
        for boxes, scores, boxes_, scores_ in zip(
            *(values.numpy() for values in expected), *given, strict=True
        ):
            difference = _difference(boxes, scores, boxes_, scores_)
            box_difference, score_difference = (
                max(box_difference, difference[0]),
                max(score_difference, difference[1]),
            )
    # written so that what is not a number is refused too
    if not (box_difference <= _LARGEST_BOX_DIFFERENCE_PX and score_difference <= _LARGEST_SCORE_DIFFERENCE):
        raise DetectorError(
            f"model '{name}': its ONNX file differs from PyTorch, boxes by {box_difference:.3g} px and scores by "
            f"{score_difference:.3g}; nothing was written. Try another opset"
        )
    return box_difference, score_difference


def _difference(
    boxes: np.ndarray, scores: np.ndarray, boxes_: np.ndarray, scores_: np.ndarray
) -> tuple[float, float]:
    """Of one image's (N, 4) boxes and (N, C) scores, in the same order or in another."""
    straight = float(np.abs(boxes - boxes_).max()), float(np.abs(scores - scores_).max())
    if straight[0] <= _LARGEST_BOX_DIFFERENCE_PX and straight[1] <= _LARGEST_SCORE_DIFFERENCE:
        return straight
    if len(boxes) > 2000:  # cells have a fixed order
        return straight
    apart = np.abs(boxes[:, None] - boxes_[None]).max(axis=2)
    nearest = (apart + np.abs(scores[:, None] - scores_[None]).max(axis=2)).argmin(axis=1)
    rows = np.arange(len(boxes))
    apart = apart[rows, nearest]
    matched = apart < _APART_PX
    if matched.mean() < 1 - _MOST_UNMATCHED:
        return straight
    return float(apart[matched].max()), float(np.abs(scores - scores_[nearest])[matched].max())


def _images(parts: ExportParts, count: int) -> dict[str, np.ndarray]:
    """Inputs by name: smooth colors with noise, each image another; where masked, of another shape."""
    height, width = parts.size
    generator = np.random.default_rng(count)
    phase = generator.uniform(0, 6, (count, 3, 1, 1))
    y, x = np.mgrid[:height, :width]
    waves = np.sin(x / 37 + phase) * np.cos(y / 23 - phase) * 0.35 + 0.5
    pixels = np.clip(waves + generator.normal(0, 0.1, waves.shape), 0, 1).astype(np.float32)
    feeds = {_IMAGES: pixels}
    if parts.masked:
        feeds[_MASK] = mask = np.zeros((count, height, width), np.int64)
        for index in range(count):
            mask[index, : height - index * height // 8, : width * 3 // 4] = 1
    return feeds


@contextlib.contextmanager
def _constant_positions(parts: ExportParts) -> Iterator[None]:
    """Inside, position encodings that transformers resamples while it is traced are those of this size of input.

    They depend on nothing else, and ONNX cannot resample them (bicubic with antialiasing).
    """
    import torch

    changed = [each for each in parts.module.modules() if hasattr(each, "interpolate_pos_encoding")]
    if not changed:
        yield
        return

    def keep(module: Any) -> None:
        def once(*arguments: Any, **named: Any) -> Any:
            value = type(module).interpolate_pos_encoding(module, *arguments, **named)
            module.interpolate_pos_encoding = lambda *_, **__: value
            return value

        module.interpolate_pos_encoding = once

    try:
        for each in changed:
            keep(each)
        with torch.no_grad():
            parts.module(*(torch.from_numpy(values) for values in _images(parts, 1).values()))
        yield
    finally:
        for each in changed:
            del each.interpolate_pos_encoding
