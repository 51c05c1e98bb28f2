# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the parts of the pipeline promise each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError


@dataclass(frozen=True)
class DetectOptions:
    """What to keep of an image; may change from one call to the next.

    Attributes:
        score_threshold: Lowest score kept, in [0, 1].
        iou_threshold: Above this overlap of two boxes of one class the lower score goes, in [0, 1].
        max_detections: Most detections of one image, best first; at least 1.
        min_size_px: Smallest width or height looked for, in pixels of the original image. A detector that scans at
            a scale of its choice chooses it by this. 0: the detector's own default, which may grow with the image.
        class_ids: Classes kept, as indices into the detector's labels; empty: all of them.

    Raises ConfigError for a value outside its range.
    """

    score_threshold: float = 0.5
    iou_threshold: float = 0.5
    max_detections: int = 100
    min_size_px: int = 1
    class_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("score_threshold", "iou_threshold"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number from 0 to 1")
        for name, least in (("max_detections", 1), ("min_size_px", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a whole number of at least {least}")
        if any(class_id < 0 for class_id in self.class_ids):
            raise ConfigError(f"class_ids is {self.class_ids}; give indices of the detector's labels")


@dataclass(frozen=True)
class StageTimes:
    """How long the latest `detect` call took.

    Attributes:
        pre_ms: Before the network.
        network_ms: In the network, and in every other model that runs, such as one that finds landmarks.
        post_ms: After the network.
    """

    pre_ms: float = 0.0
    network_ms: float = 0.0
    post_ms: float = 0.0


class Detector(Protocol):
    """Finds things in images. One thread at a time may use an instance.

    Attributes:
        labels: Class names; `Detections.class_ids` index into them.
        device: Where it computes, for people to read: "cpu", "cuda:0".
        times: Of the latest `detect` call.
    """

    labels: tuple[str, ...]
    device: str
    times: StageTimes

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        """Detect what each image shows.

        Args:
            images: (H, W, 3) uint8 RGB each; one batch, sizes may differ.
            options: What counts as a detection.

        Returns:
            The detections of each image, in order, best score first; boxes in pixels of that image.

        Raises:
            ImageError: An image is another kind of array.
            DetectorError: The detector itself fails.
        """
        ...

    def warmup(self) -> None:
        """Do what the first call would otherwise pay for."""
        ...

    def close(self) -> None:
        """Release memory, devices and processes. Calling it twice is fine."""
        ...


@runtime_checkable
class ResizableBatch(Protocol):
    """A detector that takes several images at once and lowers that number when memory runs out.

    Attributes:
        largest_batch: Most images in one run of the network; more are split.
    """

    largest_batch: int


@runtime_checkable
class AttentionSource(Protocol):
    """A detector that can show where its network looked."""

    def attention(self, image: np.ndarray, box: np.ndarray, class_id: int | None = None) -> np.ndarray:
        """How much each part of an image counted for one detection. Runs the network once more.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (4,) float32 xyxy, pixels of `image`; as `detect` gave it, or as a tracker moved it.
            class_id: Class of the detection; None: the most likely one at `box`.

        Returns:
            (H, W) float32 in [0, 1]; the greatest value is 1.

        Raises:
            ImageError: For another array.
            DetectorError: The detector failed, or nothing it found counts for the box.
        """
        ...
