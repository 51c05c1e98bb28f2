"""From the outputs of an ONNX file, laid out as `onnx_format.LAYOUTS` says, to candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.label_choice import (
    EVERY_LABEL_BELOW,
    MOST_CANDIDATES,
    MOST_LABELED_CANDIDATES,
)
from face_detect_ros.detectors.objects.detector import Candidates
from face_detect_ros.detectors.onnx.format import OnnxFormat

YOLOX_STRIDES = (8, 16, 32)

Outputs = Sequence[np.ndarray]
Decode = Callable[[Outputs, tuple[int, int], DetectOptions], "list[Candidates]"]


def decode(
    described: OnnxFormat, outputs: Outputs, size: tuple[int, int], options: DetectOptions
) -> list[Candidates]:
    """What each picture of the batch shows, scored at least options.score_threshold.

    outputs: float or integer arrays in the order that the layout names them. size: (height, width) of the input.
    Raises DetectorError for numbers that are not finite.
    """
    if described.layout == "detr":
        return _detr(outputs, size, options, softmax=described.activation == "softmax")
    if described.layout == "boxes_scores":
        propose = _rows if described.overlapping else _pairs
        return [propose(boxes, scores, options) for boxes, scores in zip(*outputs, strict=True)]
    return _DECODERS[described.layout](outputs, size, options)


def _yolo(outputs: Outputs, size: tuple[int, int], options: DetectOptions) -> list[Candidates]:
    return [_columns(picture[:4], picture[4:], options) for picture in outputs[0]]


def _yolo_rows(outputs: Outputs, size: tuple[int, int], options: DetectOptions) -> list[Candidates]:
    return [_columns(picture[:, :4].T, picture[:, 4:].T, options) for picture in outputs[0]]


def _yolo_objectness(outputs: Outputs, size: tuple[int, int], options: DetectOptions) -> list[Candidates]:
    return [_with_objectness(picture, picture[:, :4], options) for picture in outputs[0]]


def _yolox(outputs: Outputs, size: tuple[int, int], options: DetectOptions) -> list[Candidates]:
    origin, stride = cells(size, YOLOX_STRIDES)
    found = []
    for picture in outputs[0]:
        center = picture[:, :2] * stride[:, None] + origin
        # what is no object may be of any size
        with np.errstate(over="ignore"):
            sides = np.exp(picture[:, 2:4].astype(np.float32)) * stride[:, None]
        found.append(_with_objectness(picture, np.concatenate([center, sides], axis=1), options))
    return found


def _with_objectness(picture: np.ndarray, boxes: np.ndarray, options: DetectOptions) -> Candidates:
    """picture: (N, 5 + C). boxes: (N, 4) cxcywh."""
    _finite(picture[:, 4])
    # no score is above its objectness
    near = np.flatnonzero(picture[:, 4] >= options.score_threshold)
    scores = picture[near, 5:].T * picture[near, 4]
    return _columns(boxes[near].T, scores, options)


def _yolo_end2end(outputs: Outputs, size: tuple[int, int], options: DetectOptions) -> list[Candidates]:
    return [_chosen(picture[:, :4], picture[:, 4], picture[:, 5], options) for picture in outputs[0]]


def _rt_detr(outputs: Outputs, size: tuple[int, int], options: DetectOptions) -> list[Candidates]:
    labels, boxes, scores = outputs
    return [_chosen(*picture, options) for picture in zip(boxes, scores, labels, strict=True)]


def _detr(
    outputs: Outputs, size: tuple[int, int], options: DetectOptions, *, softmax: bool
) -> list[Candidates]:
    height, width = size
    found = []
    for logits, boxes in zip(*outputs, strict=True):
        logits = logits.astype(np.float32)
        if softmax:
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            scores = powers[:, :-1] / powers.sum(axis=1, keepdims=True)
            # one class for each query
            scores = np.where(scores == scores.max(axis=1, keepdims=True), scores, 0)
        else:
            scores = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
        scale = np.array([width, height, width, height], np.float32)
        found.append(_pairs(box_geometry.from_center_size(boxes.astype(np.float32) * scale), scores, options))
    return found


_DECODERS: dict[str, Decode] = {
    "yolo": _yolo,
    "yolo_rows": _yolo_rows,
    "yolo_objectness": _yolo_objectness,
    "yolo_end2end": _yolo_end2end,
    "yolox": _yolox,
    "yolox_decoded": _yolo_objectness,
    "rt_detr": _rt_detr,
}


def _columns(boxes: np.ndarray, scores: np.ndarray, options: DetectOptions) -> Candidates:
    """boxes: (4, N) cxcywh. scores: (C, N). See `label_choice`."""
    best = scores.max(axis=0)
    _finite(best)  # a maximum is not finite where anything in it is not a number
    near = np.flatnonzero(best >= options.score_threshold)
    corners = box_geometry.from_center_size(boxes[:, near].T)
    return _overlapping(corners, scores[:, near], best[near], options)


def _overlapping(
    boxes: np.ndarray, scores: np.ndarray, best: np.ndarray, options: DetectOptions
) -> Candidates:
    """boxes: (K, 4) xyxy, scores: (C, K) with the greatest of each, best: (K,)."""
    if options.score_threshold < EVERY_LABEL_BELOW:
        class_ids, rows = np.nonzero(scores >= options.score_threshold)
        return _candidates(boxes[rows], scores[class_ids, rows], class_ids, options, MOST_LABELED_CANDIDATES)
    return _candidates(boxes, best, scores.argmax(axis=0) if len(best) else best, options, MOST_CANDIDATES)


def _chosen(
    boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, options: DetectOptions
) -> Candidates:
    """boxes: (N, 4) xyxy, scores: (N,), class_ids: (N,), of which some are padding with a score of 0."""
    _finite(scores)
    near = np.flatnonzero((scores >= options.score_threshold) & (scores > 0))
    return _candidates(boxes[near], scores[near], class_ids[near].astype(np.int64), options)


def _rows(boxes: np.ndarray, scores: np.ndarray, options: DetectOptions) -> Candidates:
    """boxes: (N, 4) xyxy, scores: (N, C). See `label_choice`."""
    best = scores.max(axis=1)
    _finite(best)
    near = np.flatnonzero(best >= options.score_threshold)
    return _overlapping(boxes[near], scores[near].T, best[near], options)


def _pairs(boxes: np.ndarray, scores: np.ndarray, options: DetectOptions) -> Candidates:
    """boxes: (N, 4) xyxy, scores: (N, C). A box counts for each of its classes among the N best of all."""
    _finite(scores)
    rows, class_ids = np.nonzero((scores >= options.score_threshold) & (scores > 0))
    return _candidates(boxes[rows], scores[rows, class_ids], class_ids, options, len(boxes))


def _candidates(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    options: DetectOptions,
    most: int | None = None,
) -> Candidates:
    """Those of the classes that are wanted; the best so many."""
    if options.class_ids:
        wanted = np.isin(class_ids, options.class_ids)
        boxes, scores, class_ids = boxes[wanted], scores[wanted], class_ids[wanted]
    if most is not None and len(scores) > most:
        best = np.argsort(-scores, kind="stable")[:most]
        boxes, scores, class_ids = boxes[best], scores[best], class_ids[best]
    _finite(boxes)
    return Candidates(
        boxes.astype(np.float32), np.clip(scores.astype(np.float32), 0, 1), class_ids.astype(np.int32)
    )


def cells(size: tuple[int, int], strides: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Of the cells of an input, level by level and row by row: (N, 2) float32 xy of their upper left corners in
    pixels, and (N,) strides."""
    origins, sides = [], []
    for stride in strides:
        rows, columns = size[0] // stride, size[1] // stride
        y, x = np.mgrid[:rows, :columns]
        origins.append(np.stack([x.ravel(), y.ravel()], axis=1) * stride)
        sides.append(np.full(rows * columns, stride))
    return np.concatenate(origins).astype(np.float32), np.concatenate(sides).astype(np.float32)


def _finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise DetectorError("the ONNX model gave numbers that are not finite; its file may be damaged")
