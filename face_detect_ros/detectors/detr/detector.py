# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The DETR family through `transformers`: RT-DETR, D-FINE, RF-DETR and their relatives; CPU or GPU.

Images are prepared and results read as the library's own image processors do it, without them; there are no
duplicates to suppress. Classes without a name ("N/A" and the like, gaps in COCO's numbering) do not exist here:
they are in no list, and never found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors.detr import attention as detr_attention
from face_detect_ros.detectors.detr import checkpoint as detr_checkpoint
from face_detect_ros.detectors.detr import export as detr_export
from face_detect_ros.detectors.detr import features as detr_features
from face_detect_ros.detectors.detr import input as detr_input
from face_detect_ros.detectors.detr.checkpoint import DetrCheckpoint
from face_detect_ros.detectors.detr.families import side_multiple
from face_detect_ros.detectors.export.parts import ExportParts
from face_detect_ros.detectors.objects.detector import Candidates, Details, NetworkDetector
from face_detect_ros.detectors.preprocessor import SETTINGS_FILE, read_settings, sized
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.nn import devices

_ALIKE = 0.9  # of the best overlap: a tracked box lies a little beside the one that was found
_PLACEHOLDER = re.compile(r"LABEL_\d+")  # what transformers makes up
_UNNAMED = ("", "n/a", "none", "unused")


def create(device: str, path: Path, precision: str = "auto", input_size: int = 0) -> Detector:
    """Make a detector of the DETR family.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        path: A folder, or a hub name if the model lies in the Hugging Face cache.
        precision: "auto", "float32", "bfloat16" or "float16".
        input_size: Longest side of the network's input in pixels, a multiple of 32; 0 is the model's own. If the
            model takes images of one shape the input is a square, otherwise images keep their shape.

    Raises:
        DeviceError: The device or the precision is not available.
        WeightsError: Something is missing, damaged or does not fit.
        ConfigError: The architecture is not supported, or a library is missing.
    """
    where, dtype = devices.choose(device, precision)
    network = DetrNetwork(detr_checkpoint.load(path), where, dtype, input_size)
    return DetrDetector(network, name=f"detr:{path}")


@dataclass(frozen=True)
class _Batch:
    """The network's input.

    Attributes:
        values: (B, 3, H, W) float32.
        mask: (B, H, W) or None, see `DetrInput`.
        sizes: (B, 2) float32 (width, height) of each image in the input.
    """

    values: torch.Tensor
    mask: torch.Tensor | None
    sizes: torch.Tensor


@dataclass(frozen=True)
class _Output:
    """The network's output.

    Attributes:
        logits: (B, Q, columns) float32.
        boxes: (B, Q, 4) float32 xyxy, pixels of the input.
        masks: (B, Q, h, w) logits over the input, or None.
    """

    logits: torch.Tensor
    boxes: torch.Tensor
    masks: torch.Tensor | None = None


class DetrNetwork:
    """An `ObjectNetwork` around a model of `transformers`.

    Args:
        checkpoint: The loaded model.
        device: Where it computes.
        dtype: Of the features; the rest stays in float32.
        input_size: Longest side of the input in pixels; 0: the model's own.

    Raises:
        ConfigError: The input size does not fit, or the model's files contradict each other.
    """

    overlapping = False

    def __init__(
        self, checkpoint: DetrCheckpoint, device: torch.device, dtype: torch.dtype, input_size: int = 0
    ) -> None:
        config = checkpoint.model.config
        fixed = getattr(config, "anchor_image_size", None)
        if input_size and fixed and {input_size} != set(fixed):
            raise ConfigError(
                f"input_size {input_size}: this model was made for {tuple(fixed)} pixels; give 0"
            )
        file = checkpoint.folder / SETTINGS_FILE
        settings = checkpoint.settings or read_settings(file, checkpoint.family.processor)
        settings = sized(settings, input_size, side_multiple(config), file)
        columns = named_columns(checkpoint.labels)
        if not columns or columns[-1] >= config.num_labels:
            raise ConfigError(
                f"{checkpoint.folder / 'config.json'}: id2label must name classes from 0 to {config.num_labels - 1}"
            )
        self.labels = tuple(checkpoint.labels[column] for column in columns)
        self.device = str(device)
        self._columns = torch.tensor(columns, device=device)
        self._device = device
        self._family = checkpoint.family
        self._input = detr_input.DetrInput(settings, device)
        self.has_masks = checkpoint.has_masks
        # the whole, and the part of it that detects
        self._whole = checkpoint.model.to(device)
        self._model = checkpoint.model
        if self.has_masks:
            self._model = checkpoint.model.get_submodule(checkpoint.family.inside)
        detr_features.speed_up(self._model, checkpoint.family, device, dtype)

    def export_parts(self) -> ExportParts:
        """See `export`."""
        return detr_export.parts(self._model, self._family, self._columns, self._input.settings)

    def place(self, height: int, width: int) -> Letterbox:
        return self._input.place(height, width)

    @torch.inference_mode()
    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> _Batch:
        values, mask = self._input(images, places)
        sizes = torch.tensor([place.resized[::-1] for place in places], dtype=torch.float32)
        return _Batch(values, mask, sizes.to(self._device))

    @torch.inference_mode()
    def run(self, batch: _Batch) -> _Output:
        try:
            turn = torch_engine.turn(self._device.type == "cpu")
            with turn, devices.exact(torch.float32):  # of the queries, whatever the features are
                output = self._whole(pixel_values=batch.values, pixel_mask=batch.mask)
        except ValueError as error:
            raise DetectorError(f"transformers refuses this input: {' '.join(str(error).split())}") from error
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        masks = output.pred_masks if self.has_masks else None
        return _Output(output.logits, _corners(output.pred_boxes, batch.sizes), masks)

    @torch.inference_mode()
    def decode(self, output: _Output, options: DetectOptions) -> list[Candidates]:
        count = output.logits.shape[1]
        if self._family.softmax:
            scores, class_ids = output.logits.softmax(-1)[..., self._columns].max(-1)
            queries = torch.arange(count, device=scores.device).expand_as(scores)
        else:
            wanted = torch.tensor(
                sorted(set(options.class_ids)) or range(len(self.labels)), device=self._device
            )
            logits = output.logits[..., self._columns[wanted]].flatten(1)
            best, index = logits.topk(min(self._family.most or count, logits.shape[1]))
            scores, class_ids = best.sigmoid(), wanted[index % len(wanted)]
            queries = index // len(wanted)
        boxes = output.boxes.gather(1, queries[..., None].expand(-1, -1, 4))
        # one transfer from the device; class ids and numbers of queries are exact in float32
        columns = (scores, class_ids, queries)
        found = torch.cat([boxes, *(column[..., None].to(boxes.dtype) for column in columns)], dim=-1)
        masks = output.masks if output.masks is not None else [None] * len(found)
        return [
            _candidates(rows, options, maps) for rows, maps in zip(found.cpu().numpy(), masks, strict=True)
        ]

    @torch.inference_mode()
    def attention(self, image: np.ndarray, box: np.ndarray, class_id: int | None = None) -> np.ndarray:
        """See `AttentionSource`."""
        place = self.place(*image.shape[:2])
        batch = self.prepare([image], [place])
        with devices.exact(torch.float32), detr_attention.Recorder(self._model, self._family) as recorder:
            output = self._model(pixel_values=batch.values, pixel_mask=batch.mask, output_attentions=True)
        boxes = _corners(output.pred_boxes, batch.sizes)[0].cpu().numpy()
        boxes = box_geometry.clip(place.boxes_to_image(boxes), image.shape[1], image.shape[0])
        overlap = box_geometry.iou(np.reshape(box, (1, 4)), boxes)[0]
        if overlap.max() <= 0:
            raise DetectorError(f"box {np.asarray(box).tolist()}: nothing that this network found lies there")
        query = int(overlap.argmax())
        if class_id is not None:
            # several queries may find one thing; the likeliest of them is the one that was reported
            logits = output.logits[0]
            likely = logits.softmax(-1) if self._family.softmax else logits
            scores = likely[:, self._columns[class_id]].float().cpu().numpy()
            query = int(np.where(overlap >= _ALIKE * overlap.max(), scores, -np.inf).argmax())
        return recorder.heat_map(output.cross_attentions[-1][0], query, place)


class DetrDetector(NetworkDetector):
    """An `NetworkDetector` that is an `AttentionSource` too: the last decoder layer's look at the image."""

    def attention(self, image: np.ndarray, box: np.ndarray, class_id: int | None = None) -> np.ndarray:
        """See `AttentionSource`."""
        check_image(image)
        network: Any = self._open_network()
        try:
            heat: np.ndarray = network.attention(image, box, class_id)
        except (RuntimeError, MemoryError) as error:
            raise self._failure(error, image) from error
        return heat


def named_columns(labels: dict[int, str]) -> list[int]:
    """The columns of the logits whose class has a name; all of them where none has."""
    columns = [column for column in sorted(labels) if labels[column].strip().lower() not in _UNNAMED]
    named = [column for column in columns if not _PLACEHOLDER.fullmatch(labels[column])]
    return named or columns


def _corners(boxes: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """(B, Q, 4) center and size in fractions of the image to xyxy in pixels of the input."""
    center, half = boxes[..., :2], boxes[..., 2:] / 2
    corners = torch.cat([center - half, center + half], dim=-1)
    return corners * sizes.repeat(1, 2)[:, None]


def _candidates(rows: np.ndarray, options: DetectOptions, maps: torch.Tensor | None) -> Candidates:
    """rows: (K, 7) float32: box, score, class, number of the query. maps: (Q, h, w) logits of masks, or None."""
    keep = rows[:, 4] >= options.score_threshold
    if options.class_ids:
        keep &= np.isin(rows[:, 5], options.class_ids)
    rows = rows[keep]
    queries = rows[:, 6].astype(np.int64)

    found = Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64))
    if maps is None:
        return found

    def details(index: np.ndarray) -> Details:
        chosen = torch.from_numpy(queries[index]).to(maps.device)
        return Details(maps[chosen].float().cpu().numpy())

    return replace(found, details=details)
