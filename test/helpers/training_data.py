# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images and networks that are trained in a moment."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.nn.yolov9 import variants as yolov9_variants
from face_detect_ros.nn.yolov9.variants import Elan

SIDE = 64
NARROW = replace(
    yolov9_variants.VARIANTS["t"], stem=(8, 8), elans=(Elan(8, 8),) * 4, downs=(8, 8, 8), depth=1, pooled=16,
    top_down=(Elan(16, 16),) * 2, bottom_up=(Elan(16, 16),) * 2, bottom_up_downs=(8, 8), head_width=8,
)  # fmt: skip
"""YOLOv9 as it is, but a few channels wide: all its parts at a fraction of the time."""
SHALLOW = replace(NARROW, depth=0)
"""NARROW without its bottlenecks, for tests in which the layers do not matter."""


def write_images(
    folder: Path,
    count: int = 4,
    *,
    names: tuple[str, ...] = ("red", "blue"),
    files: tuple[str, ...] = ("labels.json",),
) -> Path:
    """Labels of images with a red rectangle above a blue one each, of the first two classes; the first of `files`."""
    random = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(count):
        picture = np.full((SIDE, SIDE, 3), 60, np.uint8)
        for category, color in ((1, (230, 40, 40)), (2, (40, 40, 230))):
            x, width = int(random.integers(0, 32)), int(random.integers(20, 32))
            y, height = int(random.integers(0, 8)) + (category - 1) * SIDE // 2, int(random.integers(18, 24))
            picture[y : y + height, x : x + width] = color
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, "category_id": category, "bbox": [x, y, width, height]})  # fmt: skip  # noqa: E501
        images.append({"id": number + 1, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
        (folder / "images").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"images/{number}.png"), picture[..., ::-1])
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    content = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    for name in files:
        (folder / name).write_text(content)
    return folder / files[0]


def write_teacher(
    path: Path, names: tuple[str, ...] = ("blue", "cake", "red"), *, convolutions: bool = True
) -> Path:
    """A network that ends as YOLOX does, for one image of SIDE pixels, with random weights.

    convolutions: off, its end is another one.
    """
    import onnx  # here: processes that only train need not load it
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    nodes, constants, levels = [], [], []

    def add(kind: str, *inputs: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"n{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def constant(values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(values, f"c{len(constants)}"))
        return constants[-1].name

    def conv(x: str, wide: int, channels: int) -> str:
        return add("Conv", x, constant(random.normal(0, 0.5, (channels, wide, 1, 1)).astype(np.float32)))

    pixels = add("Mul", "images", constant(np.float32(4 / 255)))
    for stride in (8, 16, 32):
        cells = add("AveragePool", pixels, kernel_shape=[stride] * 2, strides=[stride] * 2)
        for_boxes, for_scores = conv(cells, 3, 6), conv(cells, 3, 5)
        objectness = add("Sigmoid", conv(for_boxes, 6, 1))
        scores = add("Sigmoid", conv(for_scores, 5, len(names)))
        boxes = conv(for_boxes, 6, 4) if convolutions else add("Identity", add("Identity", cells))
        end = add("Concat", boxes, objectness, scores, axis=1)
        levels.append(add("Reshape", end, constant(np.array([1, 5 + len(names), -1]))))
    add("Transpose", add("Concat", *levels, axis=2), perm=[0, 2, 1])
    size = [1, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes, "teacher", [helper.make_tensor_value_info("images", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [1, 84, 5 + len(names)])], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"names": json.dumps(names)})
    onnx.save(model, str(path))
    return path
