# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`onnx:FILE`: pixels, placing and every layout by small files that find colors; what does not go."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.paths import SHARED
from skimage.data import astronaut, chelsea

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, DeviceError, PerceptionError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.zoo.published import coco

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import onnx
from helpers import onnx_models
from helpers.onnx_models import LABELS, NAMES, picture, save
from onnx import TensorProto, helper

YOLOX = SHARED / "weights" / "yolox_nano.onnx"
needs_yolox = pytest.mark.skipif(not YOLOX.is_file(), reason="needs ../shared/data/weights/yolox_nano.onnx")

OPTIONS = DetectOptions(score_threshold=0.6, iou_threshold=0.5)
RED, GREEN, BLUE = (230, 0, 0), (0, 200, 0), (0, 0, 255)


def said(**format: Any) -> dict[str, str]:
    return {**NAMES, "face_detect_ros": json.dumps(format)}


def open_(file: Path, **arguments: Any) -> Detector:
    return catalogue.create(f"onnx:{file}", task="objects", **{"device": "cpu", **arguments})


def one(detector: Detector, image: np.ndarray, options: DetectOptions = OPTIONS) -> Detections:
    return detector.detect([image], options)[0]


# (layout, how the file is made, its objectness)
LAYOUTS = {
    "yolo": ("yolo", {}, 1.0),
    "yolo_rows": ("yolo_rows", {}, 1.0),
    "yolo_objectness": ("yolo_objectness", {}, 1.0),
    "end to end": ("yolo_end2end", {"metadata": {**NAMES, "end2end": "True"}}, 1.0),
    "end to end by its arguments": ("yolo_end2end", {"metadata": {**NAMES, "args": "{'nms': True}"}}, 1.0),
    "yolox": ("yolox", {"bgr": True, "largest": 255.0}, 0.9),
    "yolox_decoded": ("yolox_decoded", {"bgr": True, "largest": 255.0}, 0.9),
    "ours": ("boxes_scores", {"metadata": said(layout="boxes_scores")}, 1.0),
    "detr": ("detr", {"metadata": said(layout="detr", filter="opencv")}, 1.0),
    "rt_detr": ("rt_detr", {}, 1.0),
}


@pytest.mark.parametrize("case", LAYOUTS)
@pytest.mark.parametrize(("color", "label"), [(RED, "red"), (GREEN, "green"), (BLUE, "blue")])
def test_every_layout(tmp_path: Path, case: str, color: tuple[int, ...], label: str) -> None:
    layout, how, objectness = LAYOUTS[case]
    detector = open_(save(tmp_path / "m.onnx", layout, **{"metadata": NAMES, **how}))
    assert detector.labels == LABELS
    assert detector.network.format.layout == layout
    # a cell of 16 px, and the four of 8 px inside, which overlap with it by a quarter
    found = one(detector, picture(64, 64, color, (16, 32, 32, 48)))
    assert len(found) == 5
    assert {detector.labels[index] for index in found.class_ids} == {label}
    assert found.scores == pytest.approx([objectness * max(color) / 255] * 5, abs=5e-3)
    assert sorted(map(tuple, np.round(found.boxes).tolist()))[0] == (16, 32, 24, 40)
    assert (16, 32, 32, 48) in map(tuple, np.round(found.boxes).tolist())


@pytest.mark.parametrize("case", ["yolo", "yolox", "rt_detr"])
def test_images_lie_in_the_input_as_the_network_learned_it(tmp_path: Path, case: str) -> None:
    layout, how, _ = LAYOUTS[case]
    detector = open_(save(tmp_path / "m.onnx", layout, **{"metadata": NAMES, **how}))
    # of 64 x 128 px: halved to 32 x 64, so that 16 px here are a cell of 8 px
    image = picture(64, 128, GREEN, (96, 16, 128, 48))
    # what is around it is gray in the input, (114 / 255) of every color
    gray = one(detector, image, DetectOptions(score_threshold=0.35, iou_threshold=0.1, class_ids=(0,)))
    found = one(detector, image)
    assert {detector.labels[index] for index in found.class_ids} == {"green"}
    largest = found.boxes[(found.boxes[:, 2] - found.boxes[:, 0]).argmax()]
    if case == "rt_detr":  # stretched: 32 x 32 px are 16 x 32 px of the input
        assert np.ptp(found.boxes[:, [0, 2]]) == 32
        assert found.boxes[:, [1, 3]].min() == 16
        assert found.boxes[:, [1, 3]].max() == 48
        assert len(gray) == 0
        return
    assert found.boxes.min(axis=0)[:2].tolist() == [96, 16]
    assert found.boxes.max(axis=0)[2:].tolist() == [128, 48]
    assert largest[2] - largest[0] in (16, 32)
    # all of it outside of the image
    assert len(gray) == 0


def test_padding_is_gray_and_centered_or_at_the_lower_right(tmp_path: Path) -> None:
    """The numbers of the input itself."""
    image = picture(32, 64, RED, (0, 0, 64, 32))
    centered = open_(save(tmp_path / "a.onnx", "yolo", metadata=NAMES)).network
    pixels = centered.prepare([image], [centered.place(32, 64)])["images"]
    assert pixels.shape == (1, 3, 64, 64)
    assert pixels[0, :, 0, 0] == pytest.approx([114 / 255] * 3)
    assert pixels[0, :, 16, 0] == pytest.approx([230 / 255, 0, 0])
    assert pixels[0, :, 48, 63] == pytest.approx([114 / 255] * 3)
    top = open_(save(tmp_path / "b.onnx", "yolox", metadata=NAMES)).network
    pixels = top.prepare([image], [top.place(32, 64)])["images"]
    assert pixels[0, :, 0, 0].tolist() == [0, 0, 230]
    assert pixels[0, :, 32, 0].tolist() == [114] * 3


@pytest.mark.parametrize(
    "how",
    [
        {"dtype": TensorProto.FLOAT16},
        {"dtype": TensorProto.UINT8, "largest": 255.0},
        {"dtype": TensorProto.UINT8, "largest": 255.0, "channels_last": True},
        {"channels_last": True},
        {"batch": 1},
        {"batch": 4},
    ],
    ids=["float16", "uint8", "uint8 NHWC", "NHWC", "one by one", "batch of 4"],
)
def test_inputs(tmp_path: Path, how: dict[str, Any]) -> None:
    reference = open_(save(tmp_path / "a.onnx", "yolo", metadata=NAMES))
    detector = open_(save(tmp_path / "b.onnx", "yolo", metadata=NAMES, **how))
    images = [picture(64, 64, c, (8, 8, 40, 40)) for c in (RED, GREEN, BLUE)] + [
        np.zeros((30, 70, 3), np.uint8),
        picture(90, 50, GREEN, (8, 8, 40, 40)),
        astronaut(),
    ]
    for ours, theirs in zip(detector.detect(images, OPTIONS), reference.detect(images, OPTIONS), strict=True):
        # by place: rounding changes the order of equal scores
        rows = [
            np.array(sorted(np.column_stack([each.boxes, each.class_ids, each.scores]).tolist()))
            for each in (ours, theirs)
        ]
        np.testing.assert_allclose(*rows, atol=2e-3)
    assert detector.detect([], OPTIONS) == []


def free_size(path: Path, metadata: dict[str, str]) -> Path:
    """Finds one box of 32 px in the upper left corner, scored by the mean of all pixels; any size of input."""
    graph = onnx_models.Graph()
    mean = graph.add("ReduceMean", "images", axes=[2, 3], keepdims=0)  # (B, 3)
    scores = graph.add("Unsqueeze", mean, graph.constant([1], np.int64))
    boxes = graph.repeated(
        np.array([[0, 0, 32, 32]], np.float32).T, graph.add("Transpose", scores, perm=[0, 2, 1])
    )
    return onnx_models.write(
        path,
        graph,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        {"boxes": graph.add("Transpose", boxes, perm=[0, 2, 1]), "scores": scores},
        metadata,
    )


@pytest.mark.parametrize(
    ("format", "size", "target", "box"),
    [
        ({}, 0, (320, 640), (0, 0, 16, 16)),
        ({"size": 64}, 0, (32, 64), (0, 0, 160, 160)),
        ({}, 160, (96, 160), (0, -16, 64, 48)),
        ({"fit": "stretch", "size": 64}, 0, (64, 64), (0, 0, 160, 80)),
        ({"fit": "top_left", "size": 64}, 0, (64, 64), (0, 0, 160, 160)),
        ({"fit": "top_left", "size": 160, "shortest": 40, "multiple": 1}, 0, (40, 80), (0, 0, 128, 128)),
    ],
    ids=["its own", "of its metadata", "asked for", "stretched", "top left", "by the shorter side"],
)
def test_a_free_size(
    tmp_path: Path, format: dict[str, Any], size: int, target: tuple[int, int], box: tuple[int, ...]
) -> None:
    detector = open_(free_size(tmp_path / "m.onnx", said(layout="boxes_scores", **format)), input_size=size)
    place = detector.network.place(160, 320)
    assert place.target == target
    expected = np.clip(box, 0, (320, 160, 320, 160))
    found = one(detector, np.full((160, 320, 3), 255, np.uint8), DetectOptions(score_threshold=0.3))
    assert found.boxes[0].tolist() == pytest.approx(expected, abs=0.01)


def test_sizes_that_do_not_go(tmp_path: Path) -> None:
    free = free_size(tmp_path / "free.onnx", said(layout="boxes_scores"))
    with pytest.raises(ConfigError, match="input_size 100: give a multiple of 32"):
        open_(free, input_size=100)
    fixed = save(tmp_path / "fixed.onnx", "yolo", metadata=NAMES)
    assert open_(fixed, input_size=64).labels == LABELS
    with pytest.raises(
        ConfigError, match=r"input_size 320: .*fixed\.onnx was exported for 64x64 pixels alone"
    ):
        open_(fixed, input_size=320)
    # boxes and scores alone do not say what they are; the trial is of the size that Ultralytics' metadata names
    file = free_size(tmp_path / "sized.onnx", {**NAMES, "imgsz": "[96, 128]"})
    with pytest.raises(
        ConfigError, match=r"cannot tell how its outputs.*boxes \(1, 1, 4\).*input of 128x128"
    ):
        open_(file)
    with pytest.raises(ConfigError, match="'imgsz' is 'large', not a size in pixels"):
        open_(free_size(tmp_path / "odd.onnx", {**NAMES, "imgsz": "large"}))


def test_options_are_honoured(tmp_path: Path) -> None:
    detector = open_(save(tmp_path / "m.onnx", "yolo", metadata=NAMES))
    image = picture(64, 64, (255, 170, 0), (0, 0, 32, 32))
    assert set(one(detector, image).class_ids) == {0}
    # green is a second guess: of no use on a robot, but precision at high recall lives of it
    assert len(one(detector, image, DetectOptions(score_threshold=0.6, class_ids=(1,)))) == 0
    every = one(detector, image, DetectOptions(score_threshold=0.05, iou_threshold=0.5))
    assert set(every.class_ids) == {0, 1}
    assert (np.diff(every.scores) <= 0).all()
    assert len(one(detector, image, DetectOptions(score_threshold=0.6, max_detections=2))) == 2
    large = one(detector, image, DetectOptions(score_threshold=0.6, min_size_px=30))
    assert large.boxes.tolist() == [[0, 0, 32, 32]]
    alone = one(detector, image, DetectOptions(score_threshold=0.6, iou_threshold=0.01))
    assert len(alone) < len(one(detector, image))
    with pytest.raises(ConfigError, match="has 3 classes"):
        one(detector, image, DetectOptions(class_ids=(3,)))


def test_numbers_that_are_none(tmp_path: Path) -> None:
    detector = open_(save(tmp_path / "m.onnx", "yolo", metadata=NAMES, nan_below=0.1))
    assert len(one(detector, picture(64, 64, (200, 100, 100), (0, 0, 64, 64)))) > 0
    with pytest.raises(DetectorError, match="not finite"):
        one(detector, picture(64, 64, RED, (0, 0, 8, 8)))
    with pytest.raises(WeightsError, match="gives values that are not numbers"):
        open_(save(tmp_path / "n.onnx", "yolo", metadata=NAMES, nan_below=0.9))


def test_a_batch_equals_single_images_and_a_closed_detector_says_so(tmp_path: Path) -> None:
    detector = open_(save(tmp_path / "m.onnx", "yolox", metadata=NAMES, bgr=True, largest=255.0))
    images = [picture(60, 90, c, (8, 8, 40, 40)) for c in (RED, GREEN, BLUE)]
    for image, found in zip(images, detector.detect(images, OPTIONS), strict=True):
        np.testing.assert_array_equal(found.boxes, one(detector, image).boxes)
    detector.close()
    detector.close()
    with pytest.raises(DetectorError, match="closed"):
        one(detector, images[0])


@pytest.mark.parametrize(
    ("metadata", "said_"),
    [
        ({"face_detect_ros": '{"layout": "yolox"}'}, None),
        ({"face_detect_ros": '{"layout": "yolo", "fit": "stretch", "color": "bgr", "largest": 255}'}, None),
        ({"face_detect_ros": '{"layout": "rows"}'}, "layout is 'rows'; give one of: yolo, yolo_rows"),
        ({"face_detect_ros": '{"layout": "yolo", "colour": "bgr"}'}, "unknown: colour"),
        ({"face_detect_ros": '{"fit": "stretch"}'}, "not a JSON object with 'layout'"),
        ({"face_detect_ros": "yolo"}, "not a JSON object with 'layout'"),
        ({"face_detect_ros": '{"layout": "yolo", "std": [1, 0, 1]}'}, "numbers above 0"),
        ({"face_detect_ros": '{"layout": "yolo", "mean": [1, 0]}'}, "give three numbers"),
        ({"face_detect_ros": '{"layout": "yolo", "fill": 300}'}, "out of range"),
        ({"face_detect_ros": '{"layout": "detr"}'}, "names the layout 'detr', which needs logits"),
        ({"task": "obb"}, "its task is 'obb'"),
        ({"task": "pose"}, "'kpt_shape' is None; a pose model needs"),
        ({"task": "pose", "kpt_shape": "[17, 4]"}, "2 or 3 numbers for each"),
        ({"face_detect_ros": '{"layout": "yolo", "points": [17]}'}, "points is"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_metadata_says(tmp_path: Path, metadata: dict[str, str], said_: str | None) -> None:
    layout = "yolox" if "yolox" in str(metadata) else "yolo"
    file = save(tmp_path / "m.onnx", layout, metadata={**NAMES, **metadata})
    if said_ is None:
        expected = json.loads(metadata["face_detect_ros"])
        format = open_(file).network.format
        assert {name: getattr(format, name) for name in expected} == expected
    else:
        with pytest.raises(PerceptionError, match=said_):
            open_(file)


def test_a_layout_that_is_named_but_not_there(tmp_path: Path) -> None:
    for made, named in (("yolo", "yolo_end2end"), ("rt_detr", "boxes_scores"), ("boxes_scores", "rt_detr")):
        file = save(tmp_path / f"{made}.onnx", made, metadata=said(layout=named))
        with pytest.raises(ConfigError, match=f"'{named}'"):
            open_(file)


def test_outputs_of_no_layout_are_listed(tmp_path: Path) -> None:
    graph = onnx_models.Graph()
    outputs = {"features": graph.add("AveragePool", "images", kernel_shape=[8, 8], strides=[8, 8])}
    image_input = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])
    file = onnx_models.write(tmp_path / "m.onnx", graph, [image_input], outputs)
    with pytest.raises(
        ConfigError, match=r"cannot tell.*features \(1, 3, 8, 8\).*understood: yolo, .*rt_detr"
    ):
        open_(file)


@pytest.mark.parametrize("case", ["yolo_rows", "yolo_objectness", "yolox"])
def test_with_or_without_objectness_is_never_guessed(tmp_path: Path, case: str) -> None:
    layout, how, _ = LAYOUTS[case]
    file = save(tmp_path / "m.onnx", layout, **how)
    with pytest.raises(
        ConfigError, match=r"objectness depends on the number of classes.*m\.onnx\.labels\.txt"
    ):
        open_(file)
    (tmp_path / "m.onnx.labels.txt").write_text("a\nb\nc\n")
    assert open_(file).labels == ("a", "b", "c")
    (tmp_path / "m.onnx.labels.txt").write_text("a\nb\nc\nd\ne\n")
    with pytest.raises(ConfigError, match="fit neither 4 nor 5 more than the 5 names"):
        open_(file)


def test_boxes_that_are_neither_in_pixels_nor_in_cells(tmp_path: Path) -> None:
    file = save(tmp_path / "m.onnx", "yolox_decoded", metadata=NAMES)
    model = onnx.load(str(file))
    (boxes,) = [c for c in model.graph.initializer if list(c.dims) == [1, 5, 84]]
    values = onnx.numpy_helper.to_array(boxes) * np.float32(30)
    boxes.CopyFrom(onnx.numpy_helper.from_array(values, boxes.name))
    onnx.save(model, str(file))
    with pytest.raises(ConfigError, match="shapes of 'yolox', but not its numbers"):
        open_(file)


def test_detr_needs_to_be_told_and_its_folder_tells(tmp_path: Path) -> None:
    file = save(tmp_path / "model.onnx", "detr")
    with pytest.raises(ConfigError, match=r"sigmoid or softmax.*preprocessor_config\.json beside it"):
        open_(file)
    config = {"model_type": "rt_detr", "id2label": dict(enumerate(LABELS))}
    processor = {"size": {"height": 64, "width": 64}, "do_normalize": False, "resample": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    detector = open_(file)
    assert detector.labels == LABELS
    assert detector.network.format.filter == "bicubic"
    found = one(detector, picture(64, 64, RED, (16, 32, 32, 48)))
    assert {detector.labels[index] for index in found.class_ids} == {"red"}
    assert found.boxes[:, :2].min(axis=0).tolist() == pytest.approx([16, 32], abs=0.01)
    # DETR itself: the last column is nothing, and images keep their shape
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "detr", "id2label": {"0": "red", "1": "green"}})
    )
    processor = {"size": 800, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    format = open_(file).network.format
    assert (format.activation, format.shortest, format.size) == ("softmax", 800, 1333)
    assert (format.mean, format.std) == ((0.5,) * 3, (0.25,) * 3)
    assert open_(file).labels == ("red", "green")
    for broken in ("[]", "{", '{"size": {"height": "tall"}}'):
        (tmp_path / "preprocessor_config.json").write_text(broken)
        with pytest.raises(ConfigError, match=r"preprocessor_config\.json"):
            open_(file)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("{0: 'red', 1: 'a \"b\"', 2: 'blue'}", ("red", 'a "b"', "blue")),
        ('["red", "grün", "blue"]', ("red", "grün", "blue")),
        ('{"0": "red", "2": "blue", "1": "g"}', ("red", "g", "blue")),
        ("['red', 'green', 'blue']", LABELS),
        ("{0: 'red', 2: 'blue', 3: 'x'}", "does not name every class from 0 on"),
        ("['red', 'green']", "3 classes but 2 names"),
        ("['red', '', 'blue']", "not text, or is empty"),
        ("[1, 2, 3]", "not text, or is empty"),
        ("[]", "not a list of names"),
        ("__import__('os').system('true')", "neither JSON nor a literal"),
        ("{0: 'red'", "neither JSON nor a literal"),
    ],
)
def test_names_in_the_metadata(tmp_path: Path, names: str, labels: tuple[str, ...] | str) -> None:
    file = save(tmp_path / "m.onnx", "yolo", metadata={"names": names})
    if isinstance(labels, tuple):
        assert open_(file).labels == labels
    else:
        with pytest.raises(ConfigError, match=labels):
            open_(file)


@pytest.mark.parametrize("beside", ["m.onnx.labels.txt", "m.labels.txt", "m.txt", "m.names"])
def test_names_beside_the_file(tmp_path: Path, beside: str) -> None:
    file = save(tmp_path / "m.onnx", "yolo")
    with pytest.raises(ConfigError, match=r"nothing names its 3 classes; .*m\.onnx\.labels\.txt"):
        open_(file)
    (tmp_path / beside).write_text("\ufeffred\r\n green \r\nblue\r\n\r\n", encoding="utf-8")
    assert open_(file).labels == LABELS
    (tmp_path / beside).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        open_(file)


def test_rt_detr_does_not_show_its_classes(tmp_path: Path) -> None:
    file = save(tmp_path / "m.onnx", "rt_detr")
    with pytest.raises(ConfigError, match="nothing names its classes"):
        open_(file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"not a network", "is a text"),
        (b"\x08\x07" * 5000, "not an ONNX file|ONNX Runtime"),
    ],
    ids=["empty", "text", "noise"],
)
def test_files_that_are_no_onnx(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "bad file.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"bad file\.onnx: {reason}") as raised:
        open_(tmp_path / "bad file.onnx")
    assert ".c" not in str(raised.value)


def test_files_that_are_spoilt(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.onnx: no such file"):
        open_(tmp_path / "gone.onnx")
    with pytest.raises(WeightsError, match="no such file"):
        open_(tmp_path)
    whole = save(tmp_path / "m.onnx", "yolo", metadata=NAMES).read_bytes()
    (tmp_path / "short.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"short\.onnx"):
        open_(tmp_path / "short.onnx")
    model = onnx.load(str(tmp_path / "m.onnx"))
    model.opset_import[0].version = 99
    onnx.save(model, str(tmp_path / "new.onnx"))
    with pytest.raises(WeightsError, match=r"new\.onnx: ONNX Runtime .*older opset or install a newer"):
        open_(tmp_path / "new.onnx", engine="onnxruntime")
    model = onnx.load(str(tmp_path / "m.onnx"))
    onnx.save(
        model, str(tmp_path / "two.onnx"), save_as_external_data=True, location="two.data", size_threshold=100
    )
    assert open_(tmp_path / "two.onnx").labels == LABELS
    (tmp_path / "two.data").unlink()
    with pytest.raises(WeightsError, match=r"two\.onnx.*must lie beside it"):
        open_(tmp_path / "two.onnx")


@pytest.mark.parametrize(
    ("name", "shape"), [("tokens", [1, 64]), ("images", [1, 1, 64, 64]), ("images", [1, 3, 64, 64, 2])]
)
def test_networks_that_take_no_images(tmp_path: Path, name: str, shape: list[int]) -> None:
    graph = onnx_models.Graph()
    file = onnx_models.write(
        tmp_path / "m.onnx",
        graph,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        {"out": graph.add("Relu", name)},
    )
    with pytest.raises(WeightsError, match=f"not an object detector: expected one input.*{name}"):
        open_(file)


@pytest.mark.skipif(not (SHARED / "weights").is_dir(), reason="needs ../shared/data/weights")
def test_another_real_network_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"yunet_n_320_320\.onnx: cannot tell.*cls_8"):
        open_(SHARED / "weights" / "yunet_n_320_320.onnx")


def test_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    import onnxruntime

    file = save(tmp_path / "m.onnx", "yolo", metadata=NAMES)
    for device in ("auto", "cpu"):
        assert open_(file, device=device, engine="onnxruntime").device.endswith("ExecutionProvider)")
        assert open_(file, device=device).device.startswith("cpu (")
    with pytest.raises(DeviceError, match="device 'gpu' is not known"):
        open_(file, device="gpu")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("the rest is for an ONNX Runtime without CUDA")
    with pytest.raises(
        DeviceError, match=r"device 'cuda:1': this ONNX Runtime has only .*CPUExecutionProvider"
    ):
        open_(file, device="cuda:1", engine="onnxruntime")
    # as onnxruntime-gpu is where CUDA's libraries are missing: listed, but it does not start
    listed = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    with caplog.at_level(logging.WARNING), pytest.warns(UserWarning, match="not in available"):
        found = open_(file, device="auto", engine="onnxruntime")
    assert found.device == "cpu (CPUExecutionProvider)"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "left out CUDAExecutionProvider: its libraries" in caplog.text
    with (
        pytest.raises(DeviceError, match="device 'cuda': no provider of ONNX Runtime starts there; CUDA"),
        pytest.warns(UserWarning, match="not in available"),
    ):
        open_(file, device="cuda", engine="onnxruntime")
    (tmp_path / "bad.onnx").write_bytes(b"\x08\x07" * 50)
    with pytest.raises(WeightsError), pytest.warns(UserWarning, match="not in available"):
        open_(tmp_path / "bad.onnx", device="cuda")


@needs_yolox
@pytest.mark.parametrize(
    ("image", "label", "box", "least"),
    [
        (astronaut(), "person", (10, 12, 370, 510), 0.85),
        (chelsea(), "cat", (0, 0, 451, 300), 0.55),
    ],
    ids=["astronaut", "chelsea"],
)
def test_a_real_model_on_real_images(
    image: np.ndarray, label: str, box: tuple[int, ...], least: float
) -> None:
    detector = open_(YOLOX)
    assert detector.labels == coco.CLASSES
    found = one(detector, image, catalogue.OBJECT_OPTIONS)
    assert [detector.labels[index] for index in found.class_ids] == [label]
    assert found.scores[0] > least
    assert box_geometry.iou(found.boxes, [box])[0, 0] > 0.9
    larger = one(detector, image.repeat(2, axis=0).repeat(2, axis=1), catalogue.OBJECT_OPTIONS)
    assert [detector.labels[index] for index in larger.class_ids] == [label]
    assert box_geometry.iou(larger.boxes / 2, [box])[0, 0] > 0.9
    # the wrong order of colors costs something, or it would go unseen
    assert one(detector, image[..., ::-1], catalogue.OBJECT_OPTIONS).scores[:1].sum() < found.scores[0]


@needs_yolox
def test_a_real_model_in_a_batch() -> None:
    detector = open_(YOLOX)
    options = catalogue.OBJECT_OPTIONS
    for image, found in zip(
        (astronaut(), chelsea()), detector.detect([astronaut(), chelsea()], options), strict=True
    ):
        np.testing.assert_allclose(found.boxes, one(detector, image, options).boxes, atol=1e-3)
    assert detector.times.network_ms > 0


def test_a_class_without_a_name_is_found(tmp_path: Path) -> None:
    detector = open_(save(tmp_path / "m.onnx", "rt_detr", metadata={"names": "['red', 'green']"}))
    assert len(one(detector, picture(64, 64, RED, (16, 32, 32, 48)))) == 5
    with pytest.raises(DetectorError, match="found class 2, but only 2 classes have a name"):
        one(detector, picture(64, 64, BLUE, (16, 32, 32, 48)))
