"""Small ONNX files that find colors: what each cell of the input holds of red, green and blue is its score for them.

So the picture's place, its channels and its range are in the answer. An input has 64x64 pixels: 84 cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("red", "green", "blue")
SIDE = 64
STRIDES = (8, 16, 32)
NAMES = {"names": str(dict(enumerate(LABELS)))}


def cells() -> tuple[np.ndarray, np.ndarray]:
    """(84, 2) xy of the cells' corners and (84,) strides, by level and row."""
    corners, strides = [], []
    for stride in STRIDES:
        for row in range(SIDE // stride):
            for column in range(SIDE // stride):
                corners.append((column * stride, row * stride))
                strides.append(stride)
    return np.array(corners, np.float32), np.array(strides, np.float32)


class Graph:
    """Nodes one after the other; every method gives the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def scores(self, pixels: str, *, bgr: bool, largest: float) -> str:
        """(B, 3, 84) of pixels (B, 3, 64, 64)."""
        scaled = self.add("Div", pixels, self.constant(largest))
        if bgr:
            scaled = self.add("Gather", scaled, self.constant([2, 1, 0], np.int64), axis=1)
        levels = [
            self.add(
                "Reshape",
                self.add("AveragePool", scaled, kernel_shape=[s, s], strides=[s, s]),
                self.constant([0, 3, -1], np.int64),
            )
            for s in STRIDES
        ]
        return self.add("Concat", *levels, axis=2)

    def repeated(self, values: np.ndarray, like: str) -> str:
        """(B, K, N) of the constant (K, N), as many as the pictures of `like` (B, ?, N)."""
        nothing = self.add("ReduceSum", like, self.constant([1], np.int64), keepdims=1)
        nothing = self.add("Mul", nothing, self.constant(0))
        return self.add("Add", self.constant(values[None]), nothing)


def save(
    path: Path,
    layout: str,
    *,
    batch: int | str = "batch",
    dtype: int = TensorProto.FLOAT,
    channels_last: bool = False,
    bgr: bool = False,
    largest: float = 1.0,
    metadata: dict[str, str] | None = None,
    opset: int = 17,
    nan_below: float = -1.0,
) -> Path:
    """A file whose output has that layout of `onnx_format`. nan_below: pixels below it give what is no number."""
    graph = Graph()
    pixels = "images"
    if dtype != TensorProto.FLOAT:
        pixels = graph.add("Cast", pixels, to=TensorProto.FLOAT)
    if channels_last:
        pixels = graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    if nan_below >= 0:
        root = graph.add("Sqrt", graph.add("Sub", pixels, graph.constant(nan_below)))
        pixels = graph.add("Add", pixels, graph.add("Mul", root, graph.constant(0)))
    scores = graph.scores(pixels, bgr=bgr, largest=largest)
    outputs = _outputs(graph, layout, scores)
    shape = [batch, SIDE, SIDE, 3] if channels_last else [batch, 3, SIDE, SIDE]
    inputs = [helper.make_tensor_value_info("images", dtype, shape)]
    if layout == "rt_detr":
        inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [batch, 2]))
    return write(path, graph, inputs, outputs, metadata, opset)


def write(
    path: Path,
    graph: Graph,
    inputs: list[Any],
    outputs: dict[str, str],
    metadata: dict[str, str] | None = None,
    opset: int = 17,
) -> Path:
    """outputs: names of results by the names that they get."""
    for name, result in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [result], [name]))
    kinds = {"labels": TensorProto.INT64}
    made = helper.make_graph(
        graph.nodes,
        "colors",
        inputs,
        [helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None) for name in outputs],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return path


def _outputs(graph: Graph, layout: str, scores: str) -> dict[str, str]:
    corners, strides = cells()
    centers = (corners + strides[:, None] / 2).T
    sides = np.stack([strides, strides])
    cxcywh = np.concatenate([centers, sides])
    xyxy = np.concatenate([corners.T, corners.T + strides])
    ones = np.ones((1, len(strides)), np.float32)

    def rows(columns: str) -> str:
        return graph.add("Transpose", columns, perm=[0, 2, 1])

    def columns(boxes: np.ndarray, *others: str) -> str:
        return graph.add("Concat", graph.repeated(boxes, scores), *others, axis=1)

    def best() -> tuple[str, str]:
        """(B, 84) greatest score and its class."""
        top = graph.add("ReduceMax", scores, axes=[1], keepdims=0)
        return top, graph.add("ArgMax", scores, axis=1, keepdims=0)

    if layout == "yolo":
        return {"output0": columns(cxcywh, scores)}
    if layout == "yolo_rows":
        return {"output0": rows(columns(cxcywh, scores))}
    if layout == "yolo_objectness":
        return {"output": rows(columns(np.concatenate([cxcywh, ones]), scores))}
    if layout == "yolox_decoded":
        return {"output": rows(columns(np.concatenate([cxcywh, 0.9 * ones]), scores))}
    if layout == "yolox":
        raw = np.concatenate([np.full((2, len(strides)), 0.5), np.zeros((2, len(strides))), 0.9 * ones])
        return {"output": rows(columns(raw.astype(np.float32), scores))}
    if layout == "boxes_scores":
        return {"boxes": rows(graph.repeated(xyxy, scores)), "scores": rows(scores)}
    if layout == "detr":
        logits = graph.add("Log", graph.add("Div", scores, graph.add("Sub", graph.constant(1.001), scores)))
        return {"logits": rows(logits), "pred_boxes": rows(graph.repeated(cxcywh / SIDE, scores))}
    top, which = best()
    if layout == "yolo_end2end":
        more = [
            graph.add("Unsqueeze", each, graph.constant([1], np.int64))
            for each in (top, graph.add("Cast", which, to=TensorProto.FLOAT))
        ]
        return {"output0": rows(columns(xyxy, *more))}
    assert layout == "rt_detr"
    # boxes in parts of the size that the second input tells
    size = graph.add("Cast", "orig_target_sizes", to=TensorProto.FLOAT)
    four = graph.add("Unsqueeze", graph.add("Concat", size, size, axis=1), graph.constant([1], np.int64))
    boxes = graph.add("Mul", rows(graph.repeated(xyxy / SIDE, scores)), four)
    return {"labels": which, "boxes": boxes, "scores": top}


def picture(height: int, width: int, color: Sequence[int], box: tuple[int, int, int, int]) -> np.ndarray:
    """(height, width, 3) uint8 black with a rectangle xyxy of that color."""
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = color
    return image
