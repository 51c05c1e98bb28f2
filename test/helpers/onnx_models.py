# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small ONNX files that find colors: what each cell of the input holds of red, green and blue is its score for them.

So the image's place, its channels and its range are in the answer. An input has 64x64 pixels: 84 cells.
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
        """(B, K, N) of the constant (K, N), as many as the images of `like` (B, ?, N)."""
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
    convolution: bool = False,
) -> Path:
    """A file whose output has that layout of `onnx_format`.

    nan_below: pixels below it give what is not a number. convolution: one that changes nothing comes first.
    """
    graph = Graph()
    pixels = "images"
    if dtype != TensorProto.FLOAT:
        pixels = graph.add("Cast", pixels, to=TensorProto.FLOAT)
    if channels_last:
        pixels = graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    if nan_below >= 0:
        root = graph.add("Sqrt", graph.add("Sub", pixels, graph.constant(nan_below)))
        pixels = graph.add("Add", pixels, graph.add("Mul", root, graph.constant(0)))
    if convolution:
        pixels = graph.add("Conv", pixels, graph.constant(np.eye(3).reshape(3, 3, 1, 1)))
    scores = graph.scores(pixels, bgr=bgr, largest=largest)
    outputs = _outputs(graph, layout, scores)
    shape = [batch, SIDE, SIDE, 3] if channels_last else [batch, 3, SIDE, SIDE]
    inputs = [helper.make_tensor_value_info("images", dtype, shape)]
    if layout == "rt_detr":
        inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [batch, 2]))
    whole = () if layout == "rf_detr" else ("labels",)
    return write(path, graph, inputs, outputs, metadata, opset, whole)


def write(
    path: Path,
    graph: Graph,
    inputs: list[Any],
    outputs: dict[str, str],
    metadata: dict[str, str] | None = None,
    opset: int = 17,
    whole: Sequence[str] = ("labels",),
) -> Path:
    """outputs: names of results by the names that they get. whole: those that are int64."""
    for name, result in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [result], [name]))
    kinds = dict.fromkeys(whole, TensorProto.INT64)
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


def in_two_files(path: Path, least: int = 64) -> Path:
    """The model again, in a folder of its own, with its weights of at least `least` bytes in a second file."""
    folder = path.parent / f"{path.stem}_in_two"
    folder.mkdir()
    apart = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": least}
    onnx.save_model(onnx.load(str(path)), str(folder / path.name), **apart)
    assert (folder / f"{path.name}.data").stat().st_size > 0
    return folder / path.name


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
    if layout == "fractions":
        return {"boxes": rows(graph.repeated(xyxy / SIDE, scores)), "scores": rows(scores)}
    if layout == "detr":
        logits = graph.add("Log", graph.add("Div", scores, graph.add("Sub", graph.constant(1.001), scores)))
        return {"logits": rows(logits), "pred_boxes": rows(graph.repeated(cxcywh / SIDE, scores))}
    if layout == "yolo corners":
        return {"output0": columns(xyxy, scores)}
    if layout == "yolo_rows corners":
        return {"output0": rows(columns(xyxy, scores))}
    if layout == "raw maps":  # YOLOv5: three boxes to a cell, and what they come from
        boxes = {"output": rows(columns(np.concatenate([cxcywh, ones]), scores))}
        boxes["output"] = graph.add("Concat", *[boxes["output"]] * 3, axis=1)
        for index, stride in enumerate(STRIDES):
            side = SIDE // stride
            level = np.zeros((1, 3, side, side, 5 + len(LABELS)), np.float32)
            boxes[f"map{index}"] = graph.add("Identity", graph.constant(level))
        return boxes
    if layout == "swapped":  # YOLO-NAS of LibreYOLO
        return {"pred_logits": rows(graph.repeated(xyxy, scores)), "pred_boxes": rows(scores)}
    if layout == "ssd":
        background = graph.add("Sub", graph.constant(1), graph.add("ReduceMax", scores, axes=[1], keepdims=1))
        best_only = graph.add(
            "Mul",
            scores,
            graph.add(
                "Cast",
                graph.add("Equal", scores, graph.add("ReduceMax", scores, axes=[1], keepdims=1)),
                to=TensorProto.FLOAT,
            ),
        )
        found = rows(graph.add("Concat", background, best_only, axis=1))
        # a box less than cells, as SSD has them
        return {
            "scores": graph.add("Slice", found, *(graph.constant([each], np.int64) for each in (1, 84, 1))),
            "boxes": graph.add(
                "Slice",
                rows(graph.repeated(xyxy / SIDE, scores)),
                *(graph.constant([each], np.int64) for each in (1, 84, 1)),
            ),
        }
    if layout in ("rf_detr", "rt_detr_rows"):
        boxes_ = rows(graph.repeated(cxcywh / SIDE, scores))
        if layout == "rt_detr_rows":
            both = graph.add("Concat", boxes_, rows(scores), axis=2)
            return {
                "output0": graph.add(
                    "Slice", both, *(graph.constant([each], np.int64) for each in (1, 84, 1))
                )
            }
        logits = graph.add("Log", graph.add("Div", scores, graph.add("Sub", graph.constant(1.001), scores)))
        return {"dets": boxes_, "labels": rows(logits)}
    if layout in ("nanodet", "nanodet_levels"):
        # half a stride to each side of the center: between bins 0 and 1
        logits = np.tile([4.0, 4.0] + 6 * [-20.0], 4)[:, None].repeat(len(strides), axis=1).astype(np.float32)
        distances = rows(graph.repeated(logits, scores))
        if layout == "nanodet":
            return {"output": graph.add("Concat", rows(scores), distances, axis=2)}
        outputs, start = {}, 0
        for what, values in (("scores", rows(scores)), ("distances", distances)):
            start = 0
            for stride in STRIDES:
                end = start + (SIDE // stride) ** 2
                outputs[f"{what}{stride}"] = graph.add(
                    "Slice", values, *(graph.constant([each], np.int64) for each in (start, end, 1))
                )
                start = end
        return outputs
    if layout in ("fastestdet", "yolo_fastestv2"):
        return _of_dog_qiuqiu(graph, layout, scores)
    top, which = best()
    if layout == "mmdeploy":
        one = graph.add("Unsqueeze", top, graph.constant([1], np.int64))
        return {"dets": rows(columns(xyxy, one)), "labels": which}
    if layout == "yolo_batched":
        kept = graph.add("NonZero", graph.add("Greater", top, graph.constant(0.5)))  # (2, K): image, row
        place = graph.add("Transpose", kept, perm=[1, 0])
        wide = rows(
            columns(
                np.concatenate([xyxy]),
                *(
                    graph.add("Unsqueeze", each, graph.constant([1], np.int64))
                    for each in (graph.add("Cast", which, to=TensorProto.FLOAT), top)
                ),
            )
        )
        image = graph.add(
            "Cast",
            graph.add("Slice", place, *(graph.constant([each], np.int64) for each in (0, 1, 1))),
            to=TensorProto.FLOAT,
        )
        return {"output": graph.add("Concat", image, graph.add("GatherND", wide, place), axis=1)}
    if layout == "yolo_end2end":
        more = [
            graph.add("Unsqueeze", each, graph.constant([1], np.int64))
            for each in (top, graph.add("Cast", which, to=TensorProto.FLOAT))
        ]
        return {"output0": rows(columns(xyxy, *more))}
    assert layout.startswith("rt_detr")
    if layout == "rt_detr alone":
        return {"labels": which, "boxes": rows(graph.repeated(xyxy / SIDE, scores)), "scores": top}
    # boxes in parts of the size that the second input tells
    size = graph.add("Cast", "orig_target_sizes", to=TensorProto.FLOAT)
    four = graph.add("Unsqueeze", graph.add("Concat", size, size, axis=1), graph.constant([1], np.int64))
    boxes = graph.add("Mul", rows(graph.repeated(xyxy / SIDE, scores)), four)
    return {"labels": which, "boxes": boxes, "scores": top}


def _of_dog_qiuqiu(graph: Graph, layout: str, scores: str) -> dict[str, str]:
    """FastestDet: the cells of stride 16. YOLO-FastestV2: those of 16 and 32, whose second anchor counts."""
    only = graph.add(
        "Slice", scores, *(graph.constant([each], np.int64) for each in (64, 84, 2))
    )  # (B, 3, 20)
    most = graph.add("ReduceMax", only, axes=[1], keepdims=1)
    same = graph.add("Cast", graph.add("Equal", only, most), to=TensorProto.FLOAT)
    classes = graph.add("Div", same, graph.add("ReduceSum", same, graph.constant([1], np.int64), keepdims=1))
    if layout == "fastestdet":
        # in the middle of the cell, a quarter of the input wide
        raw = np.repeat([[np.arctanh(0.5)], [np.arctanh(0.5)], [-np.log(3)], [-np.log(3)]], 20, axis=1)
        all_ = graph.add("Concat", most, graph.repeated(raw.astype(np.float32), only), classes, axis=1)
        first = graph.add("Slice", all_, *(graph.constant([each], np.int64) for each in (0, 16, 2)))
        return {"758": graph.add("Reshape", first, graph.constant([0, 8, 4, 4], np.int64))}
    # 0.5 of its anchor to the power of two, times 4: as large as the anchor
    raw = np.full((12, 20), 0.5, np.float32)
    nothing = graph.repeated(np.zeros((1, 20), np.float32), only)
    all_ = graph.add("Concat", graph.repeated(raw, only), nothing, most, nothing, classes, axis=1)
    table = graph.add("Transpose", all_, perm=[0, 2, 1])
    return {"845": graph.add("Squeeze", table, graph.constant([0], np.int64))}


def picture(height: int, width: int, color: Sequence[int], box: tuple[int, int, int, int]) -> np.ndarray:
    """(height, width, 3) uint8 black with a rectangle xyxy of that color."""
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = color
    return image
