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

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx import labels as onnx_labels
from face_detect_ros.engines import trial
from face_detect_ros.evaluation.class_names import matching
from face_detect_ros.nn.yolov9.heads import STRIDES
from face_detect_ros.training.learners import teacher_file
from face_detect_ros.training.learners.teacher_graph import TeacherGraph
from face_detect_ros.zoo.formats import weights_file

_BEFORE_SCORES = 5  # center, size, objectness


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
    """A YOLOX in an ONNX file, as its authors export it, for images of any size.

    ONNX Runtime computes it on the CPU, PyTorch on a GPU.

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
        weights_file.check(file)
        self._file = file
        trial.run(f"{teacher_file.__name__}:look_once", file, {})
        self._graph: TeacherGraph | None = None  # made on a GPU only
        self._session, (rows, *maps) = teacher_file.load(file)
        height_px, width_px = teacher_file.TRIED[2:]
        sizes = [(height_px // stride, width_px // stride) for stride in STRIDES]
        cells = sum(height * width for height, width in sizes)
        if rows.shape[:2] != (2, cells) or rows.shape[2] <= _BEFORE_SCORES:
            raise teacher_file.no_yolox(
                file, f"it gives {rows.shape} for two images of {width_px}x{height_px}"
            )
        self.widths = tuple(
            value.shape[1] for value in self._by_stride([torch.from_numpy(each) for each in maps])
        )
        named = onnx_labels.named_in(self._session.metadata, file)
        known = matching(classes, onnx_labels.labels_for(named, rows.shape[2] - _BEFORE_SCORES, file))
        if not known:
            raise ConfigError(f"{file}: knows none of the classes; train without a teacher")
        self._columns = [_BEFORE_SCORES + column for column in known]
        self.taught = torch.tensor(list(known.values()))

    @torch.no_grad()
    def look(self, images: Tensor) -> Lesson:
        """Look at (B, 3, S, S) RGB images in [0, 1]. The lesson is on their device."""
        pixels = (images.detach().float().flip(1) * 255).contiguous()  # as YOLOX takes them: BGR
        rows, *maps = self._on_gpu(pixels) if pixels.is_cuda else self._on_cpu(pixels)
        scores = rows[..., self._columns] * rows[..., _BEFORE_SCORES - 1 : _BEFORE_SCORES]
        return Lesson(scores, tuple(self._by_stride(maps)))

    def _on_cpu(self, pixels: Tensor) -> list[Tensor]:
        found = self._session.run({self._session.inputs[0].name: pixels.cpu().numpy()})
        return [torch.from_numpy(value).to(pixels.device) for value in found]

    def _on_gpu(self, pixels: Tensor) -> list[Tensor]:
        if self._graph is None:
            self._graph = TeacherGraph(teacher_file.opened(self._file), pixels.device)
        return self._graph(pixels)

    @staticmethod
    def _by_stride(maps: Sequence[Tensor]) -> list[Tensor]:
        """Those behind boxes and behind scores, together."""
        return [torch.cat(tuple(maps[2 * level : 2 * level + 2]), dim=1) for level in range(len(STRIDES))]


def adapters(channels: Sequence[int], widths: Sequence[int], *, seed: int) -> nn.ModuleList:
    """Convolutions from a student's maps to those of its teacher.

    Args:
        channels: Of the student's maps.
        widths: Channels of the teacher's.
        seed: Of their random weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.ModuleList(nn.Conv2d(own, wide, 1) for own, wide in zip(channels, widths, strict=True))


def score_loss(logits: Tensor, taught: Tensor, lesson: Lesson) -> Tensor:
    """Cross entropy of the student's scores with the teacher's, divided by the sum of the teacher's scores.

    Args:
        logits: (B, N, C) of the student.
        taught: (T,) int64; the student's classes that the teacher knows.
        lesson: The teacher's scores of these, (B, N, T).

    Returns:
        A scalar.
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
