# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces from the packaged object network: `robot`. One pass over an image finds both, boxes alone.

Its card (weights/yolov9_robot.md) says what it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, Detector, StageTimes
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.detectors.yolov9 import factory
from face_detect_ros.engines.protocol import Compute

LABELS = ("face",)


def create(file: Path, compute: Compute, engine_names: list[str]) -> Detector:
    """The faces that an object network finds.

    Args:
        file: Weights of a YOLOv9 with the class "face".
        compute: Device, precision and threads.
        engine_names: Engines to try, best first.

    Raises:
        PerceptionError: As `detectors.yolov9.factory.create_with_attention`.
    """
    return ObjectFaces(factory.create_with_attention(file, compute, engine_names))


class ObjectFaces:
    """A `Detector` that gives one class of another one, `face`."""

    def __init__(self, objects: Detector) -> None:
        """Raises ConfigError for a detector that has no class of that name."""
        self.labels: tuple[str, ...] = LABELS
        self.device = objects.device
        self.times = StageTimes()
        self._objects = objects
        self._class_ids = class_ids("face", objects.labels)

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        found = self._objects.detect(images, replace(options, class_ids=self._class_ids))
        self.times = self._objects.times
        return [replace(faces, class_ids=np.zeros(len(faces))) for faces in found]

    def warmup(self) -> None:
        self._objects.warmup()

    def close(self) -> None:
        self._objects.close()
