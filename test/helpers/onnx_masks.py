# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small segmentation and pose exports: masks are where the image is blue, keypoints at the cells of `onnx_models`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from helpers.onnx_models import NAMES, SIDE, Graph, cells, write

BOX = (16, 32, 32, 48)
SEGMENT = {**NAMES, "task": "segment"}
POSE = {**NAMES, "task": "pose", "kpt_shape": "[2, 3]"}


def blueness(graph: Graph) -> str:
    """(B, 3, 16, 16): prototypes, of which the last is positive where it is blue."""
    pooled = graph.add("AveragePool", "images", kernel_shape=[4, 4], strides=[4, 4])
    return graph.add("Sub", pooled, graph.constant(0.5))


def columns(graph: Graph, *others: np.ndarray) -> str:
    """(B, 4 + 3 + ..., 84): a box for each cell, its color, and constants of each cell."""
    corners, strides = cells()
    boxes = np.concatenate([(corners + strides[:, None] / 2).T, np.stack([strides, strides])])
    scores = graph.scores("images", bgr=False, largest=1.0)
    parts = [graph.repeated(values.astype(np.float32), scores) for values in (boxes, *others)]
    return graph.add("Concat", parts[0], scores, *parts[1:], axis=1)


def rows(graph: Graph, *others: float) -> str:
    """(B, 2, 6 + ...): a blue box and padding."""
    found = np.zeros((1, 2, 6 + len(others)), np.float32)
    found[0, 0] = (*BOX, 0.9, 2, *others)
    mean = graph.add("ReduceMean", "images", axes=[1, 2, 3], keepdims=1)
    nothing = graph.add("Mul", graph.add("Squeeze", mean, graph.constant([3], np.int64)), graph.constant(0))
    return graph.add("Add", graph.constant(found), nothing)


def queries(graph: Graph) -> dict[str, str]:
    """RF-DETR's outputs with two queries, both blue."""
    mean = graph.add("ReduceMean", "images", axes=[1, 2, 3], keepdims=1)
    nothing = graph.add("Mul", graph.add("Squeeze", mean, graph.constant([3], np.int64)), graph.constant(0))
    boxes = np.array([[[24, 40, 16, 16], [8, 8, 8, 8]]], np.float32) / SIDE
    logits = np.array([[[-9, -9, 9, -9], [-9, -9, -9, -9]]], np.float32)
    maps = graph.add("Gather", blueness(graph), graph.constant([2, 0], np.int64), axis=1)
    return {
        "dets": graph.add("Add", graph.constant(boxes), nothing),
        "labels": graph.add("Add", graph.constant(logits), nothing),
        "masks": maps,
    }


def made(case: str, path: Path) -> Path:
    graph, ones = Graph(), np.ones((1, 84), np.float32)
    corners, strides = cells()
    outputs: dict[str, str]
    metadata = SEGMENT
    if case == "yolo_masks":
        outputs = {"output0": columns(graph, 0 * ones, 0 * ones, ones), "output1": blueness(graph)}
    elif case == "yolo_end2end_masks":
        outputs = {"output0": rows(graph, 0, 0, 1), "output1": blueness(graph)}
    elif case == "yolo_keypoints":
        points = [*(corners + strides[:, None] / 2).T, 0.8 * ones[0], *corners.T, 0.1 * ones[0]]
        outputs, metadata = {"output0": columns(graph, np.stack(points))}, POSE
    elif case == "yolo_end2end_keypoints":
        outputs, metadata = {"output0": rows(graph, 24, 40, 0.8, 16, 32, 0.1)}, POSE
    else:
        outputs = queries(graph)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, SIDE, SIDE])
    return write(path, graph, [images], outputs, metadata, whole=())
