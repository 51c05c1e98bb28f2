# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Layouts of outputs: each by a small file that finds colors, told by shapes and numbers alone; what is refused."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import onnx
from helpers import onnx_models
from helpers.onnx_models import NAMES, picture, save
from onnx import TensorProto, helper

from face_detect_ros.detectors.onnx.layouts import LAYOUTS, grids

OPTIONS = DetectOptions(score_threshold=0.6, iou_threshold=0.5)
BLUE = (0, 0, 255)
_16_PX = (16, 32, 32, 48)
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
PLAIN = {"color": "rgb", "mean": (0, 0, 0), "std": (1, 1, 1)}


def told(**format: Any) -> dict[str, str]:
    return {**NAMES, "face_detect_ros": json.dumps(format)}


def open_(file: Path, **arguments: Any) -> Detector:
    return catalogue.create(f"onnx:{file}", task="objects", **{"device": "cpu", **arguments})


# case: (made as, its layout, fields that the numbers tell, the box that is found)
CASES: dict[str, tuple[str, str, dict[str, Any], tuple[int, ...]]] = {
    "corners in columns": ("yolo corners", "yolo", {"box": "corners"}, _16_PX),
    "corners in rows": ("yolo_rows corners", "yolo_rows", {"box": "corners"}, _16_PX),
    "YOLOv5 with raw maps": ("raw maps", "yolo_objectness", {}, _16_PX),
    "NMS for a batch": ("yolo_batched", "yolo_batched", {"box": "corners"}, _16_PX),
    "Ultralytics RT-DETR": ("rt_detr_rows", "rt_detr_rows", {"fit": "stretch"}, _16_PX),
    "DEIM without sizes": ("rt_detr alone", "rt_detr", {"unit": "fractions"}, _16_PX),
    "RF-DETR": ("rf_detr", "rf_detr", _IMAGENET, _16_PX),
    "MMDeploy": ("mmdeploy", "mmdeploy", _IMAGENET, _16_PX),
    "NanoDet": ("nanodet", "nanodet", {"color": "bgr", "fit": "stretch"}, _16_PX),
    "NanoDet by levels": ("nanodet_levels", "nanodet_levels", {"color": "bgr", "fill": 0}, _16_PX),
    "FastestDet": ("fastestdet", "fastestdet", {"color": "bgr"}, _16_PX),
    "YOLO-FastestV2": ("yolo_fastestv2", "yolo_fastestv2", {"color": "bgr"}, (16, 32, 32, 48)),
    "SSD": ("ssd", "ssd", {"fit": "stretch", "unit": "fractions"}, _16_PX),
}


@pytest.mark.parametrize("case", CASES)
def test_a_layout_is_told_by_its_shapes_and_numbers(tmp_path: Path, case: str) -> None:
    made, layout, fields, box = CASES[case]
    batch = 1 if made == "yolo_fastestv2" else "batch"
    anchors = {"anchors": [8, 8, 16, 16, 30, 30] * 2} if layout == "yolo_fastestv2" else {}
    if anchors:
        file = save(tmp_path / "m.onnx", made, metadata=NAMES, batch=batch)
        with pytest.raises(ConfigError, match=r"anchors are not in the file.*write the 12"):
            open_(file)
    else:
        detector = open_(save(tmp_path / "m.onnx", made, metadata=NAMES, batch=batch))
        assert detector.network.format.layout == layout
        assert {name: getattr(detector.network.format, name) for name in fields} == fields
    # the colors of plain pixels, so that the score is known
    about = {**fields, **anchors, "layout": layout, **PLAIN}
    detector = open_(save(tmp_path / "plain.onnx", made, metadata=told(**about), batch=batch))
    images = [picture(64, 64, BLUE, box), picture(64, 64, (0, 0, 0), box)]
    found, nothing = detector.detect(images, OPTIONS)
    assert {detector.labels[index] for index in found.class_ids} == {"blue"}
    assert box in [tuple(np.round(each).astype(int).tolist()) for each in found.boxes]
    assert found.scores.max() == pytest.approx(1, abs=5e-3)
    assert len(nothing) == 0


def test_every_layout_has_a_name_of_its_own_and_says_what_it_reads() -> None:
    assert all(layout.name == name and layout.outputs for name, layout in LAYOUTS.items())


def test_names_of_outputs_prove_nothing(tmp_path: Path) -> None:
    """Boxes called pred_logits, scores called pred_boxes, with as many columns as boxes have."""
    detector = open_(save(tmp_path / "m.onnx", "swapped", metadata=told(layout="boxes_scores")))
    found = detector.detect([picture(64, 64, BLUE, _16_PX)], OPTIONS)[0]
    assert _16_PX in map(tuple, np.round(found.boxes).astype(int).tolist())
    with pytest.raises(ConfigError, match="boxes and scores alone do not say"):
        open_(save(tmp_path / "n.onnx", "swapped", metadata=NAMES))


@pytest.mark.parametrize("layout", ["yolo", "rt_detr", "yolo_end2end", "yolo_batched", "mmdeploy"])
def test_classes_without_a_name_are_left_out_and_shift_no_other(tmp_path: Path, layout: str) -> None:
    names = str({0: "N/A", 1: "green", 2: "blue"})
    detector = open_(save(tmp_path / "file.onnx", layout, metadata={"names": names}), engine="onnxruntime")
    assert detector.labels == ("green", "blue")
    images = [picture(64, 64, color, _16_PX) for color in ((255, 0, 0), BLUE)]
    red, blue = detector.detect(images, OPTIONS)
    assert len(red) == 0
    assert set(blue.class_ids.tolist()) == {1}
    (green,) = detector.detect(images[1:], replace(OPTIONS, class_ids=(0,)))
    assert len(green) == 0


def test_91_columns_of_rf_detr_are_coco_categories(tmp_path: Path) -> None:
    graph = onnx_models.Graph()
    scores = np.full((1, 50, 91), -9, np.float32)
    scores[0, 0, 90] = 9
    boxes = np.tile(np.array([0.5, 0.5, 0.25, 0.25], np.float32), (1, 50, 1))
    mean = graph.add("ReduceMean", "images", axes=[1, 2, 3], keepdims=1)
    nothing = graph.add("Mul", graph.add("Squeeze", mean, graph.constant([3], np.int64)), graph.constant(0))
    outputs = {
        "dets": graph.add("Add", graph.constant(boxes), nothing),
        "labels": graph.add("Add", graph.constant(scores), nothing),
    }
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, 64, 64])
    detector = open_(onnx_models.write(tmp_path / "m.onnx", graph, [images], outputs, whole=()))
    found = detector.detect([picture(100, 200, BLUE, _16_PX)], OPTIONS)[0]
    assert len(detector.labels) == 80
    assert [detector.labels[index] for index in found.class_ids] == ["toothbrush"]
    assert found.boxes == pytest.approx(np.array([[75, 37.5, 125, 62.5]]), abs=1e-3)


@pytest.mark.parametrize(
    ("boxes", "ways"),
    [
        ("centers", [{"box": "center", "unit": "pixels"}]),
        ("corners", [{"box": "corners", "unit": "pixels"}]),
        ("fractions", [{"box": "center", "unit": "fractions"}]),
        ("corner fractions", [{"box": "corners", "unit": "fractions"}]),
        ("noise", []),
    ],
)
def test_how_boxes_are_written_shows_at_their_cells(boxes: str, ways: list[dict[str, str]]) -> None:
    size = (96, 128)
    of = grids.cells(size)
    random = np.random.default_rng(0)
    center = of.centers + random.normal(0, 0.5, of.centers.shape) * of.strides[:, None]
    sides = of.strides[:, None] * random.uniform(1, 6, of.centers.shape)
    limit = np.array([128, 96, 128, 96])
    corners = np.concatenate([center - sides / 2, center + sides / 2], axis=1)
    written = {
        "centers": np.concatenate([center, sides], axis=1),
        "corners": corners,
        "fractions": np.concatenate([center, sides], axis=1) / limit,
        "corner fractions": corners / limit,
        "noise": random.normal(0, 300, corners.shape),
    }
    assert grids.ways_of_boxes(written[boxes], size, of) == ways


def test_where_corners_and_centers_both_fit_the_file_must_say(tmp_path: Path) -> None:
    """One huge box for every cell: a center with a size as well as two corners."""

    def made(name: str, **about: Any) -> Path:
        graph = onnx_models.Graph()
        scores = graph.scores("images", bgr=False, largest=1.0)
        strides = onnx_models.cells()[1]
        box = np.tile([[30], [30], [50], [50]], (1, len(strides))).astype(np.float32)
        outputs = {"out": graph.add("Concat", graph.repeated(box, scores), scores, axis=1)}
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, 64, 64])
        return onnx_models.write(tmp_path / name, graph, [images], outputs, told(**about) if about else NAMES)

    with pytest.raises(ConfigError, match="does not show whether its boxes are corners or centers"):
        open_(made("m.onnx"))
    for box, expected in (("corners", [30, 30, 50, 50]), ("center", [5, 5, 55, 55])):
        detector = open_(made(f"{box}.onnx", layout="yolo", box=box))
        found = detector.detect([picture(64, 64, BLUE, (0, 0, 64, 64))], OPTIONS)[0]
        assert found.boxes[0].tolist() == expected


@pytest.mark.parametrize(
    ("made", "about", "reason"),
    [
        ("detr", {"layout": "boxes_scores"}, "scores go from .* not from 0 to 1"),
        ("fractions", {"layout": "boxes_scores"}, "within 2 px of the upper left corner.*fractions"),
        ("boxes_scores", {"layout": "boxes_scores", "unit": "fractions"}, "in pixels already"),
        ("yolo", {"layout": "yolo_batched"}, "names the layout 'yolo_batched', which needs"),
    ],
    ids=["logits", "fractions as pixels", "pixels as fractions", "another layout"],
)
def test_metadata_that_the_trial_shows_to_be_wrong(
    tmp_path: Path, made: str, about: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        open_(save(tmp_path / "m.onnx", made, metadata=told(**about)))


def test_scores_that_are_all_zero_warn_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        detector = open_(
            save(tmp_path / "m.onnx", "yolo", metadata=NAMES, largest=1e9, dtype=TensorProto.FLOAT)
        )
        assert not caplog.records
        detector = open_(_without_scores(save(tmp_path / "z.onnx", "yolo", metadata=NAMES)))
        detector.detect([picture(64, 64, BLUE, _16_PX)] * 2, OPTIONS)
    assert [record.getMessage().count("every score is exactly 0") for record in caplog.records] == [1]


def _without_scores(file: Path) -> Path:
    model = onnx.load(str(file))
    (divide,) = [node for node in model.graph.node if node.op_type == "Div"]
    divide.op_type = "Mul"
    (largest,) = [each for each in model.graph.initializer if each.name == divide.input[1]]
    largest.CopyFrom(onnx.numpy_helper.from_array(np.array(0, np.float32), largest.name))
    onnx.save(model, str(file))
    return file


def test_axes_that_are_free_by_name_only(tmp_path: Path) -> None:
    """The grid of a square is written into the file: another shape fails, or would be read wrongly."""
    file = save(tmp_path / "m.onnx", "yolo", metadata={**NAMES, "imgsz": "64"})
    model = onnx.load(str(file))
    for axis, name in ((2, "height"), (3, "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    onnx.save(model, str(file))
    detector = open_(file)
    image = picture(32, 64, BLUE, (16, 16, 32, 32))
    assert detector.network.place(32, 64).target == (64, 64)
    assert (16, 16, 32, 32) in map(tuple, np.round(detector.detect([image], OPTIONS)[0].boxes).tolist())


def test_yunet_is_sent_to_the_face_detector(tmp_path: Path) -> None:
    graph = onnx_models.Graph()
    pool = {
        stride: graph.add("AveragePool", "images", kernel_shape=[stride] * 2, strides=[stride] * 2)
        for stride in (8, 16, 32)
    }
    outputs = {
        f"{part}_{stride}": name for part in ("cls", "obj", "bbox", "kps") for stride, name in pool.items()
    }
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])
    file = onnx_models.write(tmp_path / "m.onnx", graph, [images], outputs)
    with pytest.raises(ConfigError, match=f"the face detector YuNet.*yunet:{file}"):
        open_(file)
