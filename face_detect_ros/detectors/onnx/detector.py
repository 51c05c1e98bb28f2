"""Any object detector in an ONNX file, run by ONNX Runtime: `onnx:FILE`. Without PyTorch.

What its pixels should be and how its output is laid out is told by its metadata (`onnx_format`), by files beside it
(`onnx_huggingface`) or recognized (`onnx_recognition`) in a trial run, which also shows that the file works here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.objects.detector import Candidates, ObjectDetector
from face_detect_ros.detectors.onnx import (
    decode as onnx_decode,
)
from face_detect_ros.detectors.onnx import (
    format as onnx_format,
)
from face_detect_ros.detectors.onnx import (
    huggingface as onnx_huggingface,
)
from face_detect_ros.detectors.onnx import (
    recognition as onnx_recognition,
)
from face_detect_ros.detectors.onnx.session import OnnxSession
from face_detect_ros.images.resizing import by_edges, resizer

_SIZES_INPUT = "orig_target_sizes"  # of RT-DETR
_MASK_INPUT = "pixel_mask"  # of DETR in transformers
_OWN_PX = 640  # where a file with a free input says nothing
_STRIDE = 32
_TRIAL_GREY = 114

Feeds = dict[str, np.ndarray]
"""Arrays by the names of the inputs, as many pictures long."""

Output = tuple[list[np.ndarray], tuple[int, int]]
"""What the decoder takes, and the (height, width) of the input."""


def create(device: str, file: Path, input_size: int = 0) -> Detector:
    """The detector in the ONNX file `file`.

    input_size: longest side of the input in pixels, where the file leaves it free; 0: the file's own.

    Raises ConfigError without ONNX Runtime, where layout or classes cannot be told, or for an input size that the
    file does not have; DeviceError for a device that ONNX Runtime does not have; WeightsError for a file that is
    missing, damaged or no object detector.
    """
    network = OnnxNetwork(OnnxSession(file, device), file, input_size)
    return ObjectDetector(network, name=f"onnx:{file.name}")


@dataclass(frozen=True)
class PictureInput:
    """The input that takes pictures.

    batch, height, width: None where free. channels_last: (B, H, W, 3) instead of (B, 3, H, W).
    """

    name: str
    dtype: np.dtype
    batch: int | None
    height: int | None
    width: int | None
    channels_last: bool

    def size(self, longest_px: int) -> tuple[int, int]:
        """(height, width), with `longest_px` for what is free."""
        return self.height or longest_px, self.width or longest_px

    def size_of(self, pixels: np.ndarray) -> tuple[int, int]:
        """(height, width) of a batch."""
        height, width = pixels.shape[1:3] if self.channels_last else pixels.shape[2:]
        return height, width


class OnnxNetwork:
    """An `ObjectNetwork` in an ONNX file. format: how it is read."""

    def __init__(self, session: OnnxSession, file: Path, asked_px: int = 0) -> None:
        """asked_px: `input_size` of `create`. Raises ConfigError and WeightsError."""
        metadata = session.metadata
        if metadata.get("task", "detect") != "detect":
            raise WeightsError(f"{file}: its task is '{metadata['task']}'; give a model that detects objects")
        self.device = session.device
        self._session = session
        self._input = _picture_input(session, file)
        described = onnx_format.described(metadata, file)
        named = onnx_format.named_in(metadata, file)
        if set(onnx_recognition.NAMES["detr"]) <= {port.name for port in session.outputs}:
            described = described or onnx_huggingface.described(file)
            named = named or onnx_huggingface.named_in(file)

        own_px = described.size if described else _image_size(metadata, file)
        multiple = described.multiple if described else _STRIDE
        self._longest_px = _input_size(self._input, asked_px, own_px, multiple, file)
        trial = onnx_recognition.Outputs(
            [port.name for port in session.outputs], *self._try(file, multiple), file
        )
        if described is None:
            layout = trial.layout(None if named is None else len(named), end2end=_is_end2end(metadata))
            described = onnx_format.usual(layout)
        count = trial.class_count(described)
        self.format = described
        self.labels: tuple[str, ...] = onnx_format.labels_for(named, count, file)
        self.overlapping = described.overlapping
        names = [port.name for port in session.outputs]
        self._wanted = [names.index(name) for name in trial.chosen(described.layout)]
        self._canvas = object_input.Canvas(described.fill, resizer(described.filter))

    def place(self, height: int, width: int) -> Letterbox:
        target, original = self._input.size(self._longest_px), (height, width)
        if self.format.fit == "stretch":
            return Letterbox.stretch(original, target)
        if self.format.fit == "letterbox" and self._input.height is None and self._input.width is None:
            return Letterbox.within(original, self._longest_px, self.format.multiple)
        if self.format.shortest:
            resized = by_edges(height, width, self.format.shortest, self._longest_px)
            free = self._input.height is None and self._input.width is None
            return Letterbox(original, resized if free else target, resized, (0, 0))
        return Letterbox.fit(original, target, center=self.format.fit == "letterbox")

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> Feeds:
        pixels = self._canvas.paint(images, places)
        bgr = self.format.color == "bgr"
        if self._input.dtype.kind in "ui":
            values = pixels[..., ::-1] if bgr else pixels
            values = values if self._input.channels_last else values.transpose(0, 3, 1, 2)
        else:
            values = object_input.planes(
                pixels, scale=self.format.largest / 255, mean=self.format.mean, std=self.format.std, bgr=bgr
            )
            values = values.transpose(0, 2, 3, 1) if self._input.channels_last else values
        return self._feeds(np.ascontiguousarray(values, self._input.dtype), places)

    def run(self, batch: Feeds) -> Output:
        outputs = self._run(batch)
        return [outputs[index] for index in self._wanted], self._input.size_of(batch[self._input.name])

    def decode(self, output: Output, options: DetectOptions) -> list[Candidates]:
        return onnx_decode.decode(self.format, *output, options)

    def _run(self, batch: Feeds) -> list[np.ndarray]:
        """Every output of the file, for as many pictures as there are. Raises MemoryError and RuntimeError."""
        count = len(batch[self._input.name])
        step = self._input.batch or count
        parts = []
        for start in range(0, count, step):
            part = {name: values[start : start + step] for name, values in batch.items()}
            lacking = step - len(part[self._input.name])
            if lacking:  # a file with a fixed batch wants all of it
                part = {
                    name: np.concatenate([values, np.repeat(values[-1:], lacking, axis=0)])
                    for name, values in part.items()
                }
            parts.append([output[: step - lacking] for output in self._session.run(part)])
        if len(parts) == 1:
            return parts[0]
        return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]

    def _feeds(self, pixels: np.ndarray, places: Sequence[Letterbox]) -> Feeds:
        feeds = {self._input.name: pixels}
        for port in self._session.inputs:
            if port.name == _SIZES_INPUT:
                # as RT-DETR has it: width first
                feeds[port.name] = np.array([place.target[::-1] for place in places], port.dtype)
            elif port.name == _MASK_INPUT:
                feeds[port.name] = mask = np.zeros((len(places), *places[0].target), port.dtype)
                for index, place in enumerate(places):
                    (top, left), (height, width) = place.offset, place.resized
                    mask[index, top : top + height, left : left + width] = 1
        return feeds

    def _try(self, file: Path, multiple: int) -> tuple[list[np.ndarray], tuple[int, int]]:
        """The outputs for one gray picture, and the input's size."""
        size = self._input.size(-(-self._longest_px // multiple) * multiple)
        gray = _TRIAL_GREY if self._input.dtype.kind in "ui" else _TRIAL_GREY / 255
        shape = (1, *size, 3) if self._input.channels_last else (1, 3, *size)
        pixels = np.full(shape, gray, self._input.dtype)
        try:
            outputs = self._run(self._feeds(pixels, [Letterbox.stretch(size, size)]))
        except (RuntimeError, MemoryError) as error:
            raise WeightsError(
                f"{file}: does not run on a picture of {size[1]}x{size[0]}: {error}"
            ) from error
        for port, output in zip(self._session.outputs, outputs, strict=True):
            if not isinstance(output, np.ndarray) or output.ndim == 0 or len(output) != 1:
                raise WeightsError(
                    f"{file}: no object detector: output {port} is not one row for one picture"
                )
            if output.dtype.kind == "f" and np.isnan(output).any():
                raise WeightsError(f"{file}: gives values that are no numbers; get it or export it again")
        return outputs, size


def _picture_input(session: OnnxSession, file: Path) -> PictureInput:
    others = (_SIZES_INPUT, _MASK_INPUT)
    pictures = [port for port in session.inputs if port.name not in others]
    if len(pictures) == 1 and len(pictures[0].shape) == 4 and pictures[0].dtype is not None:
        port, axes = pictures[0], [pictures[0].fixed(axis) for axis in range(4)]
        channels_last = axes[3] == 3 and axes[1] != 3
        if (channels_last or axes[1] in (3, None)) and port.dtype is not None:
            height, width = axes[1:3] if channels_last else axes[2:]
            return PictureInput(port.name, port.dtype, axes[0], height, width, channels_last)
    there = "; ".join(map(str, session.inputs))
    raise WeightsError(
        f"{file}: no object detector: expected one input for color pictures, (B, 3, H, W) or (B, H, W, 3); "
        f"it has {there}"
    )


def _input_size(input: PictureInput, asked_px: int, own_px: int, multiple: int, file: Path) -> int:
    """The longest side of what the network sees. Raises ConfigError for one that it cannot have."""
    if input.height is None or input.width is None:
        return object_input.input_size(asked_px, own_px, multiple)
    fixed_px = max(input.height, input.width)
    if asked_px not in (0, fixed_px):
        raise ConfigError(
            f"input_size {asked_px}: {file} was exported for {input.width}x{input.height} pixels alone; give 0, or "
            "export it again with a free size"
        )
    return fixed_px


def _image_size(metadata: Mapping[str, str], file: Path) -> int:
    """The longest side that Ultralytics' metadata `imgsz` ("[480, 640]") names, or the usual one."""
    if "imgsz" not in metadata:
        return _OWN_PX
    sides = [int(digits) for digits in re.findall(r"\d+", metadata["imgsz"])]
    if not sides or min(sides) == 0:
        raise ConfigError(f"{file}: its metadata 'imgsz' is {metadata['imgsz']!r}, no size in pixels")
    return max(sides)


def _is_end2end(metadata: Mapping[str, str]) -> bool:
    """Whether the metadata of Ultralytics says that suppression is inside."""
    return metadata.get("end2end") == "True" or "'nms': True" in metadata.get("args", "")
