# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a detector found in one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.landmarks import LandmarkSet
from face_detect_ros.core.masks import Masks


@dataclass(frozen=True, eq=False)
class Detections:
    """N detections in one image; N = 0 is ordinary.

    Attributes:
        boxes: (N, 4) float32 xyxy, pixels of the original image.
        scores: (N,) float32 in [0, 1].
        class_ids: (N,) int32, index into the detector's `labels`.
        track_ids: (N,) int64, or None where nothing tracks. Positive: a track. Negative: a track that is not
            confirmed yet, whose id will be the opposite. 0: none.
        landmarks: (N, 5, 2) float32 xy, pixels of the original image, or None.
        landmark_set: Which five points those are, and in which order: see `core.landmarks`.
        embeddings: (N, 128) float32, or None.
        keypoints: (N, K, 3) float32, x and y in pixels of the original image and a score in [0, 1], or None.
        masks: Which pixels belong to each, or None.

    Input is converted to these dtypes. Raises ValueError for another shape, a score outside [0, 1] or a value
    that is not finite.
    """

    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    track_ids: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    embeddings: np.ndarray | None = None
    landmark_set: LandmarkSet = "eye_corners"
    keypoints: np.ndarray | None = None
    masks: Masks | None = None

    def __post_init__(self) -> None:
        boxes = box_geometry.as_boxes(self.boxes)
        count = len(boxes)
        scores = _column("scores", self.scores, np.float32, (count,))
        if count and not (np.isfinite(boxes).all() and scores.min() >= 0 and scores.max() <= 1):
            raise ValueError("boxes must be finite and scores lie in [0, 1]")
        values = {
            "boxes": boxes,
            "scores": scores,
            "class_ids": _column("class_ids", self.class_ids, np.int32, (count,)),
            "track_ids": _optional("track_ids", self.track_ids, np.int64, (count,)),
            "landmarks": _optional("landmarks", self.landmarks, np.float32, (count, 5, 2)),
            "embeddings": _optional("embeddings", self.embeddings, np.float32, (count, 128)),
            "keypoints": _optional(
                "keypoints", self.keypoints, np.float32, (count, _points(self.keypoints), 3)
            ),
        }
        if self.masks is not None and len(self.masks) != count:
            raise ValueError(f"{len(self.masks)} masks for {count} boxes")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0))

    def select(self, index: np.ndarray | slice | Sequence[int] | Sequence[bool]) -> Detections:
        """The detections at `index`: a slice, a boolean mask (N,) or integer indices, in that order."""
        if not isinstance(index, slice):
            index = np.asarray(index)
            # an empty list becomes float64, which cannot be an index
            if index.size == 0 and index.dtype.kind == "f":
                index = index.astype(np.int64)
        values = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("landmark_set", "masks")
        }
        chosen: dict[str, Any] = {k: None if v is None else v[index] for k, v in values.items()}
        masks = None if self.masks is None else self.masks.select(index)
        return replace(self, **chosen, masks=masks)


def _points(keypoints: np.ndarray | None) -> int:
    """How many points each detection has."""
    shape = () if keypoints is None else np.asarray(keypoints).shape
    return shape[1] if len(shape) == 3 else 0


def _column(name: str, value: object, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    array: np.ndarray = np.asarray(value, dtype=dtype)
    if array.size == 0 and shape[0] == 0:
        return array.reshape(shape)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} holds a value that is not finite")
    return array


def _optional(name: str, value: object, dtype: type, shape: tuple[int, ...]) -> np.ndarray | None:
    return None if value is None else _column(name, value, dtype, shape)
