# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 with and without attention by PyTorch, from a weights file."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import WeightsError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.export.parts import ExportParts
from face_detect_ros.detectors.label_choice import (
    EVERY_LABEL_BELOW,
    MOST_CANDIDATES,
    MOST_LABELED_CANDIDATES,
)
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.objects.attentive import AttentiveNetworkDetector
from face_detect_ros.detectors.objects.detector import Candidates
from face_detect_ros.detectors.objects.tensor_input import TensorInput
from face_detect_ros.detectors.objects.two_looks import looking_twice
from face_detect_ros.detectors.onnx.format import OnnxFormat
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.nn import devices
from face_detect_ros.nn.recorded import Recorded
from face_detect_ros.nn.yolov9 import network as yolov9
from face_detect_ros.nn.yolov9.activation import ClassActivation
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights
from face_detect_ros.zoo.yolov9.weights import LoadedYoloV9

_ALIKE = 0.9  # of the best overlap: a tracked box lies a little beside the one that was found


def create(device: str, path: Path, precision: str = "auto", input_size: int = 0) -> AttentiveNetworkDetector:
    """Make a YOLOv9 without attention, computed by PyTorch.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        path: Weights file in any published format.
        precision: "auto", "float32", "bfloat16" or "float16".
        input_size: Longest side of the network's input in pixels, a multiple of 32; 0 is what it was trained with.

    Raises:
        DeviceError: The device or the precision is not available.
        WeightsError: The file is missing, damaged or holds another network.
        ConfigError: The input size does not fit, or the weights were trained with attention.
    """
    network = load(device, path, precision, input_size, attention=False)
    return AttentiveNetworkDetector(looking_twice(network), name=f"yolov9:{path}")


def create_with_attention(
    device: str, path: Path, precision: str = "auto", input_size: int = 0
) -> AttentiveNetworkDetector:
    """As `create`, with attention, which changes nothing until it is trained: its gates are zero then.

    Arguments and errors are those of `create`.
    """
    network = load(device, path, precision, input_size, attention=True)
    return AttentiveNetworkDetector(looking_twice(network), name=f"yolov9-attn:{path}")


def load(
    device: str, path: Path, precision: str = "auto", input_size: int = 0, *, attention: bool
) -> YoloV9Network:
    """The network alone.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        path: Weights file in any published format.
        precision: "auto", "float32", "bfloat16" or "float16".
        input_size: Longest side of the network's input in pixels, a multiple of 32; 0 is what it was trained with.
        attention: With attention.

    Raises:
        PerceptionError: As `create`.
    """
    where = devices.choose(device, precision)  # first: it is quick, and files are large
    return YoloV9Network(yolov9_weights.load(path, attention=attention), *where, input_size, str(path))


class YoloV9Network:
    """An `AttentiveNetwork` around a YOLOv9.

    Args:
        loaded: The weights; their network is fused and moved.
        device: Where it computes.
        dtype: Numbers to compute in.
        input_size: Longest side of the input in pixels, a multiple of 32; 0 is what it was trained with.
        source: Where the weights come from, for errors.

    Raises:
        ConfigError: The input size does not fit.
        WeightsError: The weights are not finite in these numbers, or have another number of classes than labels.
    """

    overlapping = True

    def __init__(
        self, loaded: LoadedYoloV9, device: torch.device, dtype: torch.dtype, input_size: int, source: str
    ) -> None:
        self.labels = loaded.labels
        self.overlap_factor = loaded.overlap_factor
        self.close_up_px = loaded.close_up_size
        self.close_up_classes = loaded.close_up_classes
        self.device = str(device)
        self.longest_px = object_input.input_size(input_size, loaded.input_size, yolov9.STRIDES[-1])
        if len(loaded.labels) != loaded.model.classes:
            raise WeightsError(f"{source}: {loaded.model.classes} classes, but {len(loaded.labels)} labels")
        self._dtype = dtype
        self._model = loaded.model.fuse().to(device, dtype)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._model.requires_grad_(False)  # heat maps need gradients of feature maps, never of weights
        if not all(values.isfinite().all() for values in self._model.parameters()):
            raise WeightsError(
                f"{source}: holds weights that are not finite in {str(dtype).removeprefix('torch.')}; "
                + ("fetch or convert it again" if dtype == torch.float32 else "try precision float32")
            )
        self._prepare = TensorInput(device, dtype)
        self._forward = Recorded(self._model)

    def at(self, longest_px: int) -> YoloV9Network:
        """The same network for another input size."""
        other = copy.copy(self)
        other.longest_px = longest_px
        other._prepare = TensorInput(torch.device(self.device), self._dtype)
        other._forward = Recorded(self._model)
        return other

    def place(self, height: int, width: int) -> Letterbox:
        return Letterbox.within((height, width), self.longest_px, yolov9.STRIDES[-1])

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> torch.Tensor:
        """(B, 3, H, W) in channels_last memory."""
        return self._prepare(images, places)

    def from_pixels(self, pixels: np.ndarray) -> torch.Tensor:
        """The same of (B, H, W, 3) uint8 RGB that is resized and padded already."""
        return self._prepare.from_pixels(pixels)

    @torch.inference_mode()
    def run(self, batch: torch.Tensor) -> yolov9.Predictions:
        with torch_engine.turn(not batch.is_cuda), devices.exact(self._dtype):
            output = yolov9.Predictions(*self._forward(batch))
        if batch.is_cuda:
            torch.cuda.current_stream(batch.device).synchronize()
        return output

    @torch.inference_mode()
    def decode(self, output: yolov9.Predictions, options: DetectOptions) -> list[Candidates]:
        boxes, scores = output
        best = scores.amax(dim=2)  # (B, N), not a number where any of its classes is none
        sound = (best.sum(dim=1) + boxes.sum(dim=(1, 2))).isfinite()
        if options.score_threshold < EVERY_LABEL_BELOW:
            found = _every_label(scores, options)
        else:
            found = _best_label(scores, best, options)
        chosen, cells, class_ids = found  # (B, k)
        near = boxes.gather(1, cells[..., None].expand(-1, -1, 4))
        # one transfer from the device; class ids are exact in float32
        rows = torch.cat([near, chosen[..., None], class_ids[..., None].to(near.dtype)], dim=2).cpu().numpy()
        return [
            _candidates(one, options.score_threshold) if fine else _NONSENSE
            for one, fine in zip(rows, sound.tolist(), strict=True)
        ]

    def export_parts(self) -> ExportParts:
        """See `export`. The input is a square, which holds images of any shape."""
        described = OnnxFormat("boxes_scores", overlapping=True, overlap_factor=self.overlap_factor)
        return ExportParts(self._model, described, (self.longest_px, self.longest_px))

    def attend(
        self, batch: torch.Tensor, box: np.ndarray, place: Letterbox, class_id: int | None = None
    ) -> np.ndarray:
        """(H / 8, W / 8) float32; see `AttentiveNetwork` and `ClassActivation`."""
        with devices.exact(self._dtype):
            activation = ClassActivation(self._model, batch)
            boxes, scores = (values[0].float().cpu().numpy() for values in activation.predictions)
            (top, left), (height, width) = place.offset, place.resized
            image = np.array([left, top, left + width, top + height], np.float32)
            seen = np.clip(boxes, np.tile(image[:2], 2), np.tile(image[2:], 2))
            match = box_geometry.iou(box[None], seen)[0]
            # suppression keeps the best of those that lie alike
            alike = np.flatnonzero(match >= _ALIKE * match.max())
            of_class = scores.max(axis=1) if class_id is None else scores[:, class_id]
            index = int(alike[of_class[alike].argmax()])
            label = int(scores[index].argmax()) if class_id is None else class_id
            return activation.of(index, label).cpu().numpy()


_NONSENSE = Candidates(np.full((1, 4), np.nan, np.float32), np.full(1, np.nan, np.float32), np.zeros(1, int))


def _best_label(
    scores: torch.Tensor, best: torch.Tensor, options: DetectOptions
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores, cells and class ids, (B, k) each, best first: every cell's best class, if it is wanted.

    Args:
        scores: (B, N, C).
        best: (B, N), the greatest of each cell.
    """
    classes = _classes(scores, options)
    if classes is not None:
        wanted = scores[..., classes].amax(dim=2)
        # a car that is rather a truck is not found when only cars are asked for either
        best = torch.where(wanted >= best, wanted, -1.0)
    chosen, cells = best.topk(_count(best, options.score_threshold, MOST_CANDIDATES), dim=1)
    rows = scores.gather(1, cells[..., None].expand(-1, -1, scores.shape[2]))
    if classes is None:
        return chosen, cells, rows.argmax(dim=2)
    return chosen, cells, classes[rows[..., classes].argmax(dim=2)]


def _every_label(
    scores: torch.Tensor, options: DetectOptions
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same of every wanted class of every cell."""
    classes = _classes(scores, options)
    if classes is not None:
        scores = scores[..., classes]
    pairs = scores.flatten(1)
    chosen, index = pairs.topk(_count(pairs, options.score_threshold, MOST_LABELED_CANDIDATES), dim=1)
    cells, which = index // scores.shape[2], index % scores.shape[2]
    return chosen, cells, which if classes is None else classes[which]


def _classes(scores: torch.Tensor, options: DetectOptions) -> torch.Tensor | None:
    """What class ids are wanted, if not all."""
    return torch.tensor(options.class_ids, device=scores.device) if options.class_ids else None


def _count(scores: torch.Tensor, threshold: float, most: int) -> int:
    """How many of each row of `scores` to look at; on a CPU no more than there are, as nothing waits for the count."""
    most = min(most, scores.shape[1])
    return most if scores.is_cuda else min(most, int((scores >= threshold).sum(dim=1).max()))


def _candidates(rows: np.ndarray, threshold: float) -> Candidates:
    """rows: (k, 6) float32 of an image: box, score, class id."""
    rows = rows[rows[:, 4] >= threshold]
    return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))
