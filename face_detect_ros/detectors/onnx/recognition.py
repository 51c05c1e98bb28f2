"""Telling how the output of an ONNX object detector is laid out, from what can be checked: names, shapes, numbers.

Nothing is guessed: what fits no layout, or more than one, is refused with what is there and what would be understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.decode import YOLOX_STRIDES, cells
from face_detect_ros.detectors.onnx.format import KEY, LAYOUTS, OnnxFormat, label_files

# one, two or three boxes to a cell of these levels: one head of YOLOv8 and later, three anchors before
_LEVELS = (YOLOX_STRIDES, (4, 8, 16, 32), (8, 16, 32, 64))
_ANCHORS = 3
_END2END_COLUMNS = 6
_NEAR_CELLS = 4.0  # boxes in pixels are centerd this near their cell; offsets are smaller than this
_CLEARLY = 3.0  # times as near as by the other reading

# in the order that the decoder takes them; other layouts are one output of any name
NAMES = {
    "rt_detr": ("labels", "boxes", "scores"),
    "detr": ("logits", "pred_boxes"),
    "boxes_scores": ("boxes", "scores"),
}


class Outputs:
    """What a trial run gave.

    names: of the outputs. values: with the batch first. size: (height, width) of the input. file: for errors.
    """

    def __init__(
        self, names: Sequence[str], values: Sequence[np.ndarray], size: tuple[int, int], file: Path
    ) -> None:
        self.names = tuple(names)
        self.values = dict(zip(names, values, strict=True))
        self.size = size
        self.file = file

    def layout(self, label_count: int | None, *, end2end: bool = False) -> str:
        """The layout. label_count: of the classes that have a name, None where nothing names them.

        end2end: the file says that suppression is inside. Raises ConfigError where it cannot be told.
        """
        if set(NAMES["rt_detr"]) <= set(self.names):
            return "rt_detr"
        if set(NAMES["detr"]) <= set(self.names):
            raise self._unknown(
                "whether DETR's scores are sigmoid or softmax and how its pixels are normalized is not in the file; "
                "put the model's config.json and preprocessor_config.json beside it"
            )
        if len(self.names) != 1 or self._only().ndim != 3:
            raise self._unknown("these outputs belong to none of them")
        rows, columns = self._only().shape[1:]
        if end2end and columns == _END2END_COLUMNS:
            return "yolo_end2end"
        if self._boxes_a_cell(columns) == 1 and rows > 4:
            return "yolo"
        if self._boxes_a_cell(rows) is None:
            raise self._unknown("that input has another number of cells")
        if self._has_objectness(columns, label_count):
            return self._kind_of_objectness()
        return "yolo_rows"

    def class_count(self, described: OnnxFormat) -> int | None:
        """Classes that the shapes show; None where they do not. Raises ConfigError where they are not the layout's."""
        layout = described.layout
        values = [self.values[name] for name in self.chosen(layout)]
        first, last = values[0], values[-1]
        columns = first.shape[1 if layout == "yolo" else -1]
        extra = {"yolo": 4, "yolo_rows": 4, "yolo_objectness": 5, "yolox": 5, "yolox_decoded": 5}.get(layout)
        if layout == "rt_detr":
            fits = first.ndim == 2 and values[1].shape == (*last.shape, 4) and first.shape == last.shape
        elif layout == "detr":
            fits = first.ndim == 3 and last.shape == (*first.shape[:2], 4)
        elif layout == "boxes_scores":
            fits = last.ndim == 3 and first.shape == (*last.shape[:2], 4)
        elif layout == "yolo_end2end":
            fits = first.ndim == 3 and columns == _END2END_COLUMNS
        else:
            fits = first.ndim == 3 and columns > (extra or 0)
        if layout == "yolox":
            fits = fits and first.shape[1] == len(cells(self.size, YOLOX_STRIDES)[1])
        if not fits:
            raise self._unknown(f"they are not laid out as '{layout}', which its metadata names")
        if extra is not None:
            return int(columns - extra)
        if layout == "detr":
            return int(columns) - (described.activation == "softmax")
        return int(last.shape[-1]) if layout == "boxes_scores" else None

    def chosen(self, layout: str) -> list[str]:
        """Names of the outputs that the decoder of `layout` takes, in its order. Raises ConfigError for lack of one."""
        names = NAMES.get(layout) or self.names[:1]
        if not set(names) <= set(self.names):
            raise self._unknown(f"layout '{layout}' needs {', '.join(names)}")
        return list(names)

    def _only(self) -> np.ndarray:
        return self.values[self.names[0]]

    def _boxes_a_cell(self, count: int) -> int | None:
        for levels in _LEVELS:
            total = len(cells(self.size, levels)[1])
            for boxes in (1, _ANCHORS):
                if count == boxes * total:
                    return boxes
        return None

    def _has_objectness(self, columns: int, label_count: int | None) -> bool:
        """Where nothing names the classes, 80 is COCO's number of them."""
        classes = 80 if label_count is None else label_count
        if columns == 5 + classes:
            return True
        if columns == 4 + classes:
            return False
        if label_count is not None:
            raise self._unknown(
                f"{columns} columns fit neither 4 nor 5 more than the {label_count} names of classes"
            )
        raise self._unknown(
            f"whether one of the {columns} columns is objectness depends on the number of classes: name them, one a "
            f"line, in {label_files(self.file)[0].name} beside it"
        )

    def _kind_of_objectness(self) -> str:
        values = self._only()[0].astype(np.float32)
        if self._boxes_a_cell(len(values)) == _ANCHORS or (values[:, 4] == 1).all():
            return "yolo_objectness"
        if len(values) != len(cells(self.size, YOLOX_STRIDES)[1]):
            raise self._unknown("YOLOX has the strides 8, 16 and 32")
        origin, stride = cells(self.size, YOLOX_STRIDES)
        offset = float(np.median(np.abs(values[:, :2])))
        distance = float(np.median(np.abs(values[:, :2] - origin) / stride[:, None]))
        nearer, farther = sorted((offset, distance))
        if nearer >= _NEAR_CELLS or farther < _CLEARLY * nearer:
            raise self._unknown("the boxes are neither clearly in pixels nor clearly relative to cells")
        return "yolox" if offset < distance else "yolox_decoded"

    def _unknown(self, why: str) -> ConfigError:
        there = "; ".join(f"{name} {tuple(value.shape)}" for name, value in self.values.items())
        understood = "; ".join(f"'{layout}': {shape}" for layout, shape in LAYOUTS.items())
        return ConfigError(
            f"{self.file}: cannot tell how its outputs are to be read: {there} for an input of {self.size[0]}x"
            f"{self.size[1]}. {why[0].upper()}{why[1:]}. "
            f"Understood: {understood}. If it is one of these, say so in the file's metadata: "
            f'{KEY} = {{"layout": "..."}} (see docs/objects.md)'
        )
