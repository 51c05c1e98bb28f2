# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which pixels belong to each detection. Kept as the network gave it; pixels are computed only where somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
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
        # pixel centers of the region to those of the map
        cells_per_px = np.array(logits.shape[::-1]) / self.place.target[::-1]
        scale = self.place.scale_xy * cells_per_px
        shift = self.place.to_input(np.array([left, top]) + 0.5) * cells_per_px - 0.5
        matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
        region = cv2.warpAffine(
            np.ascontiguousarray(logits, np.float32),
            matrix,
            (int(right - left), int(bottom - top)),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return (int(left), int(top)), region > 0

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


def polygons(masks: Masks, index: int) -> list[list[list[int]]]:
    """The outlines of one mask: [x, y] of corners in pixels of the image, a list for each separate part."""
    (left, top), mask = masks.of(index)
    found, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
    )
    parts: Sequence[np.ndarray] = sorted(found, key=cv2.contourArea, reverse=True)
    return [part[:, 0].tolist() for part in parts]
