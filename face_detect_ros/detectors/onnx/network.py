# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An object detector in an ONNX file, by an engine: what its pixels should be and how its outputs are laid out.

Both are told by its metadata (`format`, `libreyolo`), by files beside it (`huggingface`, `mmdeploy`), or recognized
(`recognition`) in a trial run, which also shows that the file works here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, DetectorError, WeightsError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.objects.detector import Candidates
from face_detect_ros.detectors.onnx import format as onnx_format
from face_detect_ros.detectors.onnx import huggingface, image_input, libreyolo, mmdeploy, recognition
from face_detect_ros.detectors.onnx import labels as onnx_labels
from face_detect_ros.detectors.onnx.candidates import candidates
from face_detect_ros.detectors.onnx.format import OnnxFormat
from face_detect_ros.detectors.onnx.layouts import LAYOUTS
from face_detect_ros.detectors.onnx.layouts.layout import Match, Proposals, Trial, UnclearError
from face_detect_ros.engines.protocol import Engine
from face_detect_ros.images.resizing import by_edges, resizer

_LOG = logging.getLogger(__name__)

_SIZES_INPUT, _MASK_INPUT = image_input.OTHERS
_SIZE_KEY = "imgsz"
_TASKS = ("detect", "segment", "pose")
_MOST_POINTS = 1000
_POINTS_KEY = "kpt_shape"
_OWN_PX = 640  # where a file with a free input says nothing
_STRIDE = 32

Feeds = dict[str, np.ndarray]
"""Arrays by the names of the inputs, one row for each image."""


class OnnxNetwork:
    """An `ObjectNetwork` in an ONNX file.

    Attributes:
        labels: Names of the classes.
        device: Where it computes, for people to read.
        format: How it is read.
        overlapping: Whether suppression must choose among its boxes.
        has_masks, has_keypoints: Whether detections come with them.
    """

    def __init__(self, engine: Engine, file: Path, asked_px: int = 0) -> None:
        """Recognizes the layout in a trial run.

        Args:
            engine: The loaded file.
            file: Its path.
            asked_px: `input_size` of `create`.

        Raises:
            ConfigError: Layout, pixels or classes cannot be told, or `asked_px` does not fit.
            WeightsError: The file does not run, or is not an object detector.
        """
        metadata = engine.metadata
        if metadata.get("task", "detect") not in _TASKS:
            raise WeightsError(
                f"{file}: its task is '{metadata['task']}'; give a model that detects objects, with masks or keypoints "
                "or without"
            )
        self.device = engine.device
        self._engine = engine
        self._input = image_input.find(engine, file)
        told = onnx_format.described(metadata, file) or libreyolo.described(metadata, file)
        named = onnx_labels.named_in(metadata, file)
        folder = None if told else _Folder(engine, file)
        size = told or (folder and folder.format)
        multiple = size.multiple if size else _STRIDE
        own_px = size.size if size and _SIZE_KEY not in metadata else _image_size(metadata, file)
        self._longest_px = self._input.longest_px(asked_px, own_px, multiple, file)
        self._said: dict[str, Any] = {
            "label_count": None if named is None else len(named),
            "suppressed": _is_suppressed(metadata),
            "sized": any(port.name == _SIZES_INPUT for port in engine.inputs),
            "told": told is not None,
            "points": told.points if told else _points(metadata, file),
        }
        trial = self._trial(self._input.size(-(-self._longest_px // multiple) * multiple), file)
        if told is None:
            layout, match, fields = recognition.recognize(trial, file)
            told = replace(onnx_format.usual(layout.name), **fields)
            if layout.name == "detr" and folder:
                told, named = folder.require(trial), named or folder.names
            elif layout.name == "mmdeploy":
                told = mmdeploy.completed(told, file)
        else:
            layout, match = LAYOUTS[told.layout], recognition.matched(trial, told, file)
        self.format = told
        self.overlapping, self.overlap_factor = told.overlapping, told.overlap_factor
        self._layout = layout
        self.has_masks, self.has_keypoints = layout.masks, layout.keypoints
        self._wanted = [list(trial.outputs).index(name) for name in match.names]
        self._canvas = object_input.Canvas(told.fill, resizer(told.filter))
        self._check_batch(file)
        self.labels, self._columns = onnx_labels.for_columns(named, match.columns, told, file)
        proposals = self._proposals(list(trial.outputs.values()), trial.size)[0]
        recognition.check(proposals, trial, file)
        if layout.dense and not proposals.scores.any():
            _LOG.warning(
                "%s: every score is exactly 0, so it will find nothing; exports to 8 bits often lose the scores "
                "so: export it again with another quantization, or without",
                file,
            )
        self._square = not self._takes_rectangles(trial, match, file)

    def place(self, height: int, width: int) -> Letterbox:
        target, original = self._input.size(self._longest_px), (height, width)
        free = self._input.height is None and self._input.width is None and not self._square
        described = self.format
        if described.fit == "stretch":
            return Letterbox.stretch(original, target)
        if described.fit == "letterbox" and free and not described.longest:
            return Letterbox.within(original, self._longest_px, described.multiple)
        if described.shortest:
            resized = by_edges(height, width, described.shortest, self._longest_px)
            return Letterbox(original, resized if free else target, resized, (0, 0))
        within = tuple(min(side, described.longest or side) for side in target)
        scale = min(within[0] / height, within[1] / width)
        whole = int if described.rounding == "down" else round
        resized = (max(1, whole(height * scale)), max(1, whole(width * scale)))
        offset = (0, 0)
        if described.fit == "letterbox":
            offset = ((target[0] - resized[0]) // 2, (target[1] - resized[1]) // 2)
        return Letterbox(original, target, resized, offset)

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

    def run(self, batch: Feeds) -> list[Proposals]:
        size = self._input.size_of(batch[self._input.name])
        if self._layout.batched:
            return self._proposals(self._run(batch), size)
        count = len(batch[self._input.name])
        singles = ({name: values[[index]] for name, values in batch.items()} for index in range(count))
        return [self._proposals(self._engine.run(single), size)[0] for single in singles]

    def decode(self, output: list[Proposals], options: DetectOptions) -> list[Candidates]:
        found = [
            candidates(proposals, options, overlapping=self.overlapping, columns=self._columns)
            for proposals in output
        ]
        for each in found:
            # networks with suppression inside do not show how many classes they have
            if len(each.class_ids) and int(each.class_ids.max()) >= len(self.labels):
                raise DetectorError(
                    f"the network found class {each.class_ids.max()}, but only {len(self.labels)} classes have a "
                    "name; name all of them"
                )
        return found

    def _proposals(self, outputs: Sequence[np.ndarray], size: tuple[int, int]) -> list[Proposals]:
        """What every output of the file, for images of one size, proposes for each image."""
        arrays = [outputs[index] for index in self._wanted]
        images = zip(*arrays, strict=True) if self._layout.batched else [arrays]
        return [self._layout.read(list(image), self.format, size) for image in images]

    def _run(self, batch: Feeds) -> list[np.ndarray]:
        """Every output of the file, for any number of images. Raises MemoryError and RuntimeError."""
        count = len(batch[self._input.name])
        step = self._input.batch or count
        parts = []
        for start in range(0, count, step):
            part = {name: values[start : start + step] for name, values in batch.items()}
            missing = step - len(part[self._input.name])
            if missing:  # a file with a fixed batch needs all of it
                part = {
                    name: np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
                    for name, values in part.items()
                }
            parts.append([output[: step - missing] for output in self._engine.run(part)])
        if len(parts) == 1:
            return parts[0]
        return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]

    def _feeds(self, pixels: np.ndarray, places: Sequence[Letterbox]) -> Feeds:
        feeds = {self._input.name: pixels}
        for port in self._engine.inputs:
            if port.name == _SIZES_INPUT:
                # as RT-DETR has it: width first
                feeds[port.name] = np.array([place.target[::-1] for place in places], port.dtype)
            elif port.name == _MASK_INPUT:
                feeds[port.name] = mask = np.zeros((len(places), *places[0].target), port.dtype)
                for index, place in enumerate(places):
                    (top, left), (height, width) = place.offset, place.resized
                    mask[index, top : top + height, left : left + width] = 1
        return feeds

    def _trial(self, size: tuple[int, int], file: Path) -> Trial:
        """The outputs for one image of (height, width) pixels. Raises WeightsError."""
        pixels = self._input.pixels(image_input.trial_image(size))
        batch = self._feeds(pixels, [Letterbox.stretch(size, size)])
        try:
            # one image is all that a network without a batch axis takes
            single = self._input.batch in (None, 1)
            outputs = self._engine.run(batch) if single else self._run(batch)
        except (RuntimeError, MemoryError) as error:
            unknown = any(port.name == self._input.name and not port.shape for port in self._engine.inputs)
            hint = "; the shape of its input is unknown: give input_size" if unknown else ""
            raise WeightsError(
                f"{file}: does not run on an image of {size[1]}x{size[0]}: {error}{hint}"
            ) from error
        for port, output in zip(self._engine.outputs, outputs, strict=True):
            if not isinstance(output, np.ndarray) or output.ndim == 0:
                raise WeightsError(f"{file}: not an object detector: output {port} is not an array")
            if output.dtype.kind == "f" and np.isnan(output).any():
                raise WeightsError(f"{file}: gives values that are not numbers; get it or export it again")
        names = [port.name for port in self._engine.outputs]
        return Trial(dict(zip(names, outputs, strict=True)), size, **self._said)

    def _check_batch(self, file: Path) -> None:
        if not self._layout.batched and self._input.batch not in (None, 1):
            raise WeightsError(
                f"{file}: takes {self._input.batch} images at once, but '{self._layout.name}' does not say which "
                "of them a row belongs to; export it again for one image"
            )

    def _takes_rectangles(self, trial: Trial, match: Match, file: Path) -> bool:
        """Whether an input with free axes may be other than square; False without a trial where none would come."""
        if self._input.height or self._input.width or self.format.fit == "stretch":
            return False
        longest, multiple = trial.size[0], self.format.multiple
        shorter = -(-longest // (2 * multiple)) * multiple
        try:
            other = self._trial((shorter, longest), file)
            found = self._layout.find(other)
            runs = found == match and (other.told or self._layout.agrees(other, match) is not None)
        except (WeightsError, UnclearError):
            runs = False
        if not runs:
            _LOG.info("%s: the sides of its input are free by name, but only squares run", file.name)
        return runs


class _Folder:
    """The Hugging Face files beside an ONNX file whose outputs may be those of a DETR."""

    def __init__(self, engine: Engine, file: Path) -> None:
        self.format: OnnxFormat | None = None
        self.names: tuple[str, ...] | None = None
        self._file = file
        self._problem: ConfigError | None = None
        if len(engine.outputs) != 2 or any(len(port.shape) not in (0, 3) for port in engine.outputs):
            return
        try:
            self.format, self.names = huggingface.described(file), huggingface.named_in(file)
        except ConfigError as error:  # matters only if the outputs are those of a DETR
            self._problem = error

    def require(self, trial: Trial) -> OnnxFormat:
        """What the files say. Raises ConfigError if they are missing or cannot be used."""
        if self._problem:
            raise self._problem
        if self.format is None:
            raise recognition.unknown(
                trial,
                self._file,
                "whether DETR's scores are sigmoid or softmax and how its pixels are normalized is not in the file; "
                "put the model's config.json and preprocessor_config.json beside it",
            )
        return self.format


def _image_size(metadata: Mapping[str, str], file: Path) -> int:
    """The longest side that the metadata `imgsz` ("640", "[480, 640]") names, or the usual one."""
    if _SIZE_KEY not in metadata:
        return _OWN_PX
    sides = [int(digits) for digits in re.findall(r"\d+", metadata[_SIZE_KEY][:100])]
    if not sides or min(sides) == 0:
        raise ConfigError(
            f"{file}: its metadata '{_SIZE_KEY}' is {metadata[_SIZE_KEY]!r}, not a size in pixels"
        )
    return max(sides)


def _points(metadata: Mapping[str, str], file: Path) -> tuple[int, int]:
    """How many keypoints the metadata says ("[17, 3]"), and numbers for each."""
    if metadata.get("task") != "pose" and _POINTS_KEY not in metadata:
        return 0, 0
    numbers = [int(digits) for digits in re.findall(r"\d+", metadata.get(_POINTS_KEY, "")[:100])]
    if len(numbers) != 2 or not 1 <= numbers[0] <= _MOST_POINTS or numbers[1] not in (2, 3):
        raise ConfigError(
            f"{file}: its metadata '{_POINTS_KEY}' is {metadata.get(_POINTS_KEY)!r}; a pose model needs how many "
            "keypoints it has, and 2 or 3 numbers for each"
        )
    return numbers[0], numbers[1]


def _is_suppressed(metadata: Mapping[str, str]) -> bool:
    """Whether Ultralytics' metadata says that suppression is inside."""
    return metadata.get("end2end") == "True" or "'nms': True" in metadata.get("args", "")
