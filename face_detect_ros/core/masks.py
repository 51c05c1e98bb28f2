# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which pixels belong to each detection. Kept as the network gave it; pixels are computed only where somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from face_detect_ros.core.letterbox import Letterbox


@dataclass(frozen=True, eq=False)
class Masks:
    """Masks of N detections of one image.

    Attributes:
        maps: (P, h, w) float32 over the whole input of the network. Without `weights` the logits of each detection,
            P = N, else prototypes.
        weights: (N, P) float32: a detection's logits are the sum of the prototypes with these weights; or None.
        boxes: (N, 4) float32 xyxy, pixels of the image. A mask ends at its box.
        place: Of the image in the input.
    """

    maps: np.ndarray
    weights: np.ndarray | None
    boxes: np.ndarray
    place: Letterbox

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, index: np.ndarray | slice) -> Masks:
        """Those at `index`, in that order."""
        if self.weights is None:
            return replace(self, maps=self.maps[index], boxes=self.boxes[index])
        return replace(self, weights=self.weights[index], boxes=self.boxes[index])

    def of(self, index: int) -> tuple[tuple[int, int], np.ndarray]:
        """The mask of one detection.

        Returns:
            (left, top) of a region in pixels of the image, and the region as (h, w) bool. No pixel outside belongs to
            the detection.
        """
        height, width = self.place.original
        left, top = np.clip(np.floor(self.boxes[index, :2]), 0, (width, height)).astype(int)
        right, bottom = np.clip(np.ceil(self.boxes[index, 2:]), (left, top), (width, height)).astype(int)
        if right <= left or bottom <= top:
            return (int(left), int(top)), np.zeros((0, 0), bool)
        logits = self._logits(index)
        # pixel centers of the region to those of the map's cells
        place, cells = self.place, np.array(logits.shape[::-1]) / self.place.target[::-1]
        x = ((np.arange(left, right) + 0.5) * place.scale_xy[0] + place.offset[1]) * cells[0] - 0.5
        y = ((np.arange(top, bottom) + 0.5) * place.scale_xy[1] + place.offset[0]) * cells[1] - 0.5
        return (int(left), int(top)), _sampled(logits, x, y) > 0

    def instances(self) -> np.ndarray:
        """(H, W) uint16 over the image: number of the detection that each pixel belongs to, from 1; 0: none.

        Where masks overlap, the first one, which has the best score, is on top.
        """
        result = np.zeros(self.place.original, np.uint16)
        for index in reversed(range(min(len(self), np.iinfo(np.uint16).max))):
            (left, top), mask = self.of(index)
            height, width = mask.shape
            result[top : top + height, left : left + width][mask] = index + 1
        return result

    def _logits(self, index: int) -> np.ndarray:
        """(h, w) float32."""
        if self.weights is None:
            logits: np.ndarray = self.maps[index]
        else:
            logits = np.tensordot(self.weights[index], self.maps, axes=1)
        return logits


def _sampled(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(len(y), len(x)) of (h, w) values, linearly between cells; those at the border go on beyond it."""
    sampled = values
    for axis, places in enumerate((y, x)):
        places = np.clip(places, 0, values.shape[axis] - 1)
        first = np.floor(places).astype(int)
        second = np.minimum(first + 1, values.shape[axis] - 1)
        share = (places - first).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        sampled = sampled.take(first, axis) * (1 - share) + sampled.take(second, axis) * share
    return sampled
