# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Distillation: what another detector sees in an image teaches in addition to the labels.

The teacher sees the images of the batch after augmentation. Its cells must be those of YOLOv9's head, at strides 8,
16 and 32, as YOLOX has them (Ge et al., arXiv:2107.08430). Its scores are soft targets for every cell. The
student's feature maps, each through a convolution of its own, learn to correlate with the maps behind those scores
and boxes, as in PKD (Cao et al., NeurIPS 2022), because the scales of two networks have nothing in common. No
weights of the teacher are taken over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.detectors.onnx import labels as onnx_labels
from face_detect_ros.engines.onnxruntime import OnnxSession
from face_detect_ros.evaluation.class_names import matching
from face_detect_ros.nn.yolov9.heads import STRIDES

_BEFORE_SCORES = 5  # center, size, objectness
_TRIED = (2, 3, 64, 96)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What the teacher sees in a batch.

    Attributes:
        scores: (B, N, T) float32 in [0, 1], for the T classes that the teacher knows.
        maps: (B, W, h, w) float32 at each stride.
    """

    scores: Tensor
    maps: tuple[Tensor, ...]


class Teacher:
    """A YOLOX in an ONNX file, as its authors export it, for images of any size. It runs on the CPU.

    Args:
        file: The ONNX file.
        classes: Those of the student; for classes that the teacher does not know only the labels count.

    Attributes:
        taught: (T,) int64; the student's classes that the teacher knows.
        widths: Channels of its maps.

    Raises:
        ConfigError: The packages onnx and onnxruntime are missing, or the teacher knows none of the classes.
        WeightsError: The file is not such a YOLOX.
    """

    def __init__(self, file: Path, classes: Sequence[str]) -> None:
        self._session = OnnxSession(file, "cpu", threads=1, content=_opened(file))
        try:
            rows, *maps = self._run(np.full(_TRIED, 114, np.float32))
        except RuntimeError as error:
            raise _no_yolox(file, str(error)) from error
        sizes = [(_TRIED[2] // stride, _TRIED[3] // stride) for stride in STRIDES]
        cells = sum(height * width for height, width in sizes)
        if rows.shape[:2] != (2, cells) or rows.shape[2] <= _BEFORE_SCORES:
            raise _no_yolox(file, f"it gives {rows.shape} for two images of {_TRIED[3]}x{_TRIED[2]}")
        self.widths = tuple(value.shape[1] for value in self._by_stride(maps))
        named = onnx_labels.named_in(self._session.metadata, file)
        known = matching(classes, onnx_labels.labels_for(named, rows.shape[2] - _BEFORE_SCORES, file))
        if not known:
            raise ConfigError(f"{file}: knows none of the classes; train without a teacher")
        self._columns = [_BEFORE_SCORES + column for column in known]
        self.taught = torch.tensor(list(known.values()))

    @torch.no_grad()
    def look(self, images: Tensor) -> Lesson:
        """Look at (B, 3, S, S) RGB images in [0, 1]. The lesson is on their device."""
        pixels = images.detach().float().flip(1) * 255  # as YOLOX takes them: BGR
        rows, *maps = self._run(pixels.contiguous().cpu().numpy())
        scores = rows[..., self._columns] * rows[..., _BEFORE_SCORES - 1 : _BEFORE_SCORES]
        there = images.device
        return Lesson(
            torch.from_numpy(scores).to(there),
            tuple(torch.from_numpy(value).to(there) for value in self._by_stride(maps)),
        )

    def _run(self, pixels: np.ndarray) -> list[np.ndarray]:
        return self._session.run({self._session.inputs[0].name: pixels})

    @staticmethod
    def _by_stride(maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Those behind boxes and behind scores, together."""
        return [np.concatenate(maps[2 * level : 2 * level + 2], axis=1) for level in range(len(STRIDES))]


def adapters(channels: Sequence[int], widths: Sequence[int], *, seed: int) -> nn.ModuleList:
    """Convolutions from a student's maps to those of its teacher."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.ModuleList(nn.Conv2d(own, wide, 1) for own, wide in zip(channels, widths, strict=True))


def score_loss(logits: Tensor, taught: Tensor, lesson: Lesson) -> Tensor:
    """Cross entropy of the student's (B, N, C) logits with the teacher's scores, divided by the sum of the scores.
    Scalar.
    """
    own = logits[..., taught.to(logits.device)]
    total = F.binary_cross_entropy_with_logits(own, lesson.scores, reduction="sum")
    return total / lesson.scores.sum().clamp(min=1)


def map_loss(maps: Sequence[Tensor], lesson: Lesson) -> Tensor:
    """1 minus the correlation of each channel with the teacher's, averaged over channels and strides. Scalar in [0,
    2].

    Args:
        maps: (B, W, h, w) at each stride, after the adapters.
        lesson: What the teacher sees.
    """
    losses = [
        (_standard(own.float()) - _standard(theirs)).square().mean() / 2
        for own, theirs in zip(maps, lesson.maps, strict=True)
    ]
    return torch.stack(losses).mean()


def _standard(values: Tensor) -> Tensor:
    """Every channel with mean 0 and deviation 1 over the batch."""
    deviation, mean = torch.std_mean(values, dim=(0, 2, 3), correction=0, keepdim=True)
    return (values - mean) / (deviation + 1e-6)


def _opened(file: Path) -> bytes:
    """The model for any batch and size, and with the maps behind boxes and scores of each stride as outputs.

    YOLOX's exporter fixes the sizes, though only the reshaping of its outputs depends on them.
    """
    try:
        import onnx
    except ImportError as error:
        raise ConfigError("a teacher needs the package onnx; run: pip install onnx") from error
    try:
        model = onnx.load(file)
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf's own
        raise WeightsError(f"{file}: no ONNX file ({error})") from error
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    reshapes = [node for node in graph.node if node.op_type == "Reshape"]
    maps = []
    try:
        for node in reshapes:
            boxes, _, scores = made_by[node.input[0]].input
            maps += [_into(made_by[boxes]), _into(made_by[made_by[scores].input[0]])]
    except (KeyError, ValueError) as error:
        raise _no_yolox(file, "its end is not that of YOLOX") from error
    if len(reshapes) != len(STRIDES) or len(graph.input) != 1 or len(graph.output) != 1:
        raise _no_yolox(file, "its end is not that of YOLOX")
    for port, free in ((graph.input[0], (0, 2, 3)), (graph.output[0], (0, 1))):
        for axis in free:
            port.type.tensor_type.shape.dim[axis].dim_param = f"{port.name}_{axis}"
    shapes = {node.input[1] for node in reshapes}
    for value in graph.initializer:
        if value.name in shapes:
            shape = onnx.numpy_helper.to_array(value).copy()
            shape[0] = 0  # as it is
            value.CopyFrom(onnx.numpy_helper.from_array(shape, value.name))
    del graph.value_info[:]
    for name in maps:
        graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return bytes(model.SerializeToString())


def _into(convolution: Any) -> str:
    """The name of what the last convolution is made from."""
    if convolution.op_type != "Conv":
        raise ValueError(convolution.op_type)
    return str(convolution.input[0])


def _no_yolox(file: Path, reason: str) -> WeightsError:
    return WeightsError(f"{file}: no YOLOX that can teach: {reason}")
