# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Grounding models of `transformers`: `grounding:FOLDER` finds what `classes` names. CPU or GPU; slow on a CPU.

Images are prepared as those of the DETR family. A class of several words has the score of the word that fits best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors.detr import checkpoint as detr_checkpoint
from face_detect_ros.detectors.detr import input as detr_input
from face_detect_ros.detectors.detr.families import Family
from face_detect_ros.detectors.grounding import prompts
from face_detect_ros.detectors.objects.detector import Candidates, NetworkDetector
from face_detect_ros.detectors.preprocessor import SETTINGS_FILE, read_settings, sized
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.nn import devices

_OMDET = "OmDetTurboForObjectDetection"
_CLIP_TOKENS = 77
_MULTIPLE = 32

FAMILIES: dict[str, Family] = {  # by the model_type of config.json
    "mm-grounding-dino": Family("MMGroundingDinoForObjectDetection", "GroundingDinoImageProcessor", ()),
    "grounding-dino": Family("GroundingDinoForObjectDetection", "GroundingDinoImageProcessor", ()),
    "omdet-turbo": Family(_OMDET, "DetrImageProcessor", ()),
}


def create(device: str, path: Path, input_size: int = 0, classes: str = "") -> Detector:
    """The detector in the folder `path`, or of the hub name `path` if it lies in the Hugging Face cache.

    Args:
        device: auto, cpu, cuda or cuda:N.
        path: With config.json, preprocessor_config.json, tokenizer.json and model.safetensors.
        input_size: Longest side of the network's input in pixels, a multiple of 32; 0: the model's own.
        classes: What to look for, such as "person, red cup".

    Raises:
        DeviceError: A device that is not here.
        WeightsError: A file is missing or damaged.
        ConfigError: No classes, an input size that does not fit, or an architecture that is not supported.
    """
    names = prompts.class_names(classes)
    where, _ = devices.choose(device, "float32")
    network = GroundingNetwork(detr_checkpoint.load(path, FAMILIES), where, names, input_size)
    return NetworkDetector(network, name=f"grounding:{path}")


@dataclass(frozen=True)
class _Batch:
    """values: (B, 3, H, W) float32. mask: (B, H, W) or None. sizes: (B, 2) float32 (width, height) in the input."""

    values: torch.Tensor
    mask: torch.Tensor | None
    sizes: torch.Tensor


@dataclass(frozen=True)
class _Output:
    """scores: (B, Q, C) float32. boxes: (B, Q, 4) float32 xyxy, pixels of the input."""

    scores: torch.Tensor
    boxes: torch.Tensor


class GroundingNetwork:
    """An `ObjectNetwork` around a grounding model.

    Args:
        checkpoint: The loaded model.
        device: Where it computes.
        names: The classes to find, in words.
        input_size: Longest side of the input in pixels; 0: the model's own.

    Raises:
        ConfigError: The classes or the input size do not fit the model.
    """

    def __init__(
        self,
        checkpoint: detr_checkpoint.DetrCheckpoint,
        device: torch.device,
        names: tuple[str, ...],
        input_size: int = 0,
    ) -> None:
        file = checkpoint.folder / SETTINGS_FILE
        settings = sized(read_settings(file, checkpoint.family.processor), input_size, _MULTIPLE, file)
        tokenizer = prompts.read_tokenizer(checkpoint.folder)
        self.labels = names
        self.device = str(device)
        self._device = device
        self._input = detr_input.DetrInput(settings, device)
        self._model = checkpoint.model.to(device)
        self._separate = checkpoint.family.model_class == _OMDET
        # OmDet-Turbo finds one thing several times
        self.overlapping = self._separate
        if self._separate:
            self._text = prompts.separate(names, tokenizer, _CLIP_TOKENS)
        else:
            phrase = prompts.Phrase.of(names, tokenizer, checkpoint.model.config.max_text_len)
            self._text, self._tokens = phrase.inputs, phrase.tokens.to(device)
        self._text = {name: values.to(device) for name, values in self._text.items()}

    def place(self, height: int, width: int) -> Letterbox:
        return self._input.place(height, width)

    @torch.inference_mode()
    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> _Batch:
        values, mask = self._input(images, places)
        sizes = torch.tensor([place.resized[::-1] for place in places], dtype=torch.float32)
        return _Batch(values, mask, sizes.to(self._device))

    @torch.inference_mode()
    def run(self, batch: _Batch) -> _Output:
        count = len(batch.values)
        text: dict[str, Any] = {
            name: values.repeat(count, *[1] * (values.ndim - 1)) for name, values in self._text.items()
        }
        try:
            with torch_engine.turn(self._device.type == "cpu"), devices.exact(torch.float32):
                if self._separate:
                    output = self._model(pixel_values=batch.values, **text)
                    scores, boxes = output.decoder_class_logits.sigmoid(), output.decoder_coord_logits
                else:
                    output = self._model(pixel_values=batch.values, pixel_mask=batch.mask, **text)
                    scores, boxes = self._of_classes(output.logits), output.pred_boxes
        except ValueError as error:
            raise DetectorError(f"transformers refuses this input: {' '.join(str(error).split())}") from error
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        center, half = boxes[..., :2], boxes[..., 2:] / 2
        corners = torch.cat([center - half, center + half], dim=-1) * batch.sizes.repeat(1, 2)[:, None]
        return _Output(scores, corners)

    @torch.inference_mode()
    def decode(self, output: _Output, options: DetectOptions) -> list[Candidates]:
        return [
            _candidates(scores, boxes, options, each=self._separate)
            for scores, boxes in zip(
                output.scores.float().cpu().numpy(), output.boxes.float().cpu().numpy(), strict=True
            )
        ]

    def _of_classes(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, Q, C) scores from the logits (B, Q, T) of tokens: of each class the greatest of its tokens."""
        logits = logits[..., : self._tokens.shape[1]]
        scores = [logits[..., tokens].max(dim=-1).values for tokens in self._tokens]
        return torch.stack(scores, dim=-1).sigmoid()


def _candidates(scores: np.ndarray, boxes: np.ndarray, options: DetectOptions, *, each: bool) -> Candidates:
    """What counts of one image.

    Args:
        scores: (Q, C).
        boxes: (Q, 4).
        options: What to keep.
        each: A query counts for each of its classes; else for the likeliest one.
    """
    wanted = np.array(options.class_ids, np.int64) if options.class_ids else np.arange(scores.shape[1])
    if each:
        queries, columns = np.nonzero(scores[:, wanted] >= options.score_threshold)
        class_ids = wanted[columns]
    else:
        class_ids = scores.argmax(axis=1)
        best = scores[np.arange(len(scores)), class_ids]
        queries = np.flatnonzero((best >= options.score_threshold) & np.isin(class_ids, wanted))
        class_ids = class_ids[queries]
    return Candidates(boxes[queries], scores[queries, class_ids], class_ids)
