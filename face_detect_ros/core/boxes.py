# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Geometry of axis-aligned boxes.

Boxes are (N, 4) xyxy: left, top, right, bottom in pixels, x to the right and y down, with (0, 0) the outer
corner of the first pixel; width is right - left. Any float or integer dtype is accepted, float32 is returned.
"""

from __future__ import annotations

import numpy as np


def as_boxes(boxes: object) -> np.ndarray:
    """Any (N, 4)-like input (an empty list too) as (N, 4) float32. Raises ValueError for another shape."""
    array = np.asarray(boxes, dtype=np.float32)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes have shape {array.shape}; expected (N, 4) xyxy")
    return array


def area(boxes: np.ndarray) -> np.ndarray:
    """(N,) float32 areas in square pixels; 0 where right < left or bottom < top."""
    boxes = as_boxes(boxes)
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with each other one.

    Args:
        a: (N, 4) xyxy.
        b: (M, 4) xyxy.

    Returns:
        (N, M) float32; 0 where both areas are 0.
    """
    a, b = as_boxes(a), as_boxes(b)
    shared = _intersection(a, b)
    union = area(a)[:, None] + area(b)
    union -= shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def share_of_smaller(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over the smaller area of each box with each other one.

    Args:
        a: (N, 4) xyxy.
        b: (M, 4) xyxy.

    Returns:
        (N, M) float32; 0 where the smaller area is 0.
    """
    a, b = as_boxes(a), as_boxes(b)
    shared = _intersection(a, b)
    smaller = np.minimum(area(a)[:, None], area(b))
    return np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0)


def _intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) float32 areas in square pixels that (N, 4) and (M, 4) float32 boxes share."""
    # coordinate by coordinate: arithmetic over a last axis of two is several times slower
    left, top, right, bottom = (a[:, axis, None] for axis in range(4))
    shared = np.minimum(right, b[:, 2])
    shared -= np.maximum(left, b[:, 0])
    heights = np.minimum(bottom, b[:, 3])
    heights -= np.maximum(top, b[:, 1])
    shared.clip(0, None, out=shared)
    shared *= heights.clip(0, None, out=heights)
    return shared


def clip(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Cut boxes at the borders of an image.

    Args:
        boxes: (N, 4) xyxy, in pixels of the image.
        width: Of the image, in pixels.
        height: Likewise.

    Returns:
        (N, 4) boxes of the same type.
    """
    limit = np.array([width, height, width, height], np.float32)
    return np.clip(as_boxes(boxes), 0, limit)


def resized(boxes: np.ndarray, size: tuple[int, int], other: tuple[int, int]) -> np.ndarray:
    """The same parts of an image of another size.

    Args:
        boxes: (N, 4) xyxy.
        size: Width and height of the image that they belong to, in pixels.
        other: Width and height of the other one.

    Returns:
        (N, 4) float32 xyxy, pixels of the other one.
    """
    scale = np.array([other[0] / size[0], other[1] / size[1]] * 2, np.float32)
    return as_boxes(boxes) * scale


def to_center_size(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy to (N, 4) center x, center y, width, height."""
    boxes = as_boxes(boxes)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def from_center_size(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) center x, center y, width, height to (N, 4) xyxy."""
    boxes = as_boxes(boxes)
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def nms(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    iou_threshold: float,
    most: int | None = None,
) -> np.ndarray:
    """Greedy non-maximum suppression, per class.

    A box is removed if its IoU with a better one of its class is above `iou_threshold`. Of equal scores the earlier
    box is better.

    Args:
        boxes: (N, 4) xyxy, in pixels.
        scores: (N,).
        class_ids: (N,).
        iou_threshold: From 0 to 1.
        most: Keep only this many boxes, the best ones; None: all.

    Returns:
        (K,) int64 indices of the kept boxes, best score first.
    """
    boxes, scores, class_ids = as_boxes(boxes), np.asarray(scores), np.asarray(class_ids)
    order = np.argsort(-scores, kind="stable")
    kept: list[np.ndarray] = []
    count = 0
    while order.size and (most is None or count < most):
        # the best few are settled among themselves, then they clear what is left
        head, rest = order[:_NMS_BLOCK], order[_NMS_BLOCK:]
        duplicates = _duplicates(boxes, class_ids, head, head, iou_threshold)
        alive = np.ones(len(head), bool)
        for i in np.flatnonzero(duplicates.any(axis=1)):
            if alive[i]:
                alive[i + 1 :] &= ~duplicates[i, i + 1 :]
        head = head[alive]
        kept.append(head)
        count += len(head)
        if rest.size:
            rest = rest[~_duplicates(boxes, class_ids, head, rest, iou_threshold).any(axis=0)]
        order = rest
    return np.concatenate(kept)[:most] if kept else np.empty(0, np.int64)


def weaken_overlapping(
    boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, factor: float
) -> np.ndarray:
    """Lowers the scores of boxes that may show a thing once more, or a part of it.

    Suppression by IoU keeps a face's upper half beside the face, and a person's legs beside the person.

    Args:
        boxes: (N, 4) xyxy, best score first.
        scores: (N,).
        class_ids: (N,) int.
        factor: That the score of a box is multiplied by if it and a better one of its class share at least half of the
            smaller one.

    Returns:
        (N,) scores.
    """
    alike = np.asarray(class_ids)[:, None] == class_ids
    overlaps = (share_of_smaller(boxes, boxes) >= _MUCH) & alike
    return np.where(np.tril(overlaps, -1).any(axis=1), scores * np.float32(factor), scores)


_MUCH = 0.5

_NMS_BLOCK = 64  # measured: of 32 to 256 the fastest for 50 to 1000 boxes


def _duplicates(
    boxes: np.ndarray, class_ids: np.ndarray, a: np.ndarray, b: np.ndarray, iou_threshold: float
) -> np.ndarray:
    """(len(a), len(b)) bool: whether boxes[a] and boxes[b] overlap too much to be two things of one class."""
    # per class: a face inside a person's box is not a duplicate
    return (iou(boxes[a], boxes[b]) > iou_threshold) & (class_ids[a][:, None] == class_ids[b])
