# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 by every engine gives what PyTorch gives."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from skimage.data import astronaut

torch = pytest.importorskip("torch")
from helpers.networks import narrow  # noqa: E402

from face_detect_ros.benchmarks import photos, random_models  # noqa: E402
from face_detect_ros.core import boxes as box_geometry  # noqa: E402
from face_detect_ros.core.errors import ConfigError, DeviceError, WeightsError  # noqa: E402
from face_detect_ros.core.protocols import AttentionSource, DetectOptions  # noqa: E402
from face_detect_ros.detectors import catalogue  # noqa: E402
from face_detect_ros.detectors.objects.detector import Candidates  # noqa: E402
from face_detect_ros.detectors.yolov9 import detector as in_torch  # noqa: E402
from face_detect_ros.detectors.yolov9.graph_network import META_KEY, STRIDES, YoloV9GraphNetwork  # noqa: E402
from face_detect_ros.engines import graphs, openvino  # noqa: E402
from face_detect_ros.engines.catalogue import ENGINES  # noqa: E402
from face_detect_ros.nn.yolov9.heads import anchor_points, decode_boxes  # noqa: E402
from face_detect_ros.nn.yolov9.network import Predictions  # noqa: E402
from face_detect_ros.nn.yolov9.variants import VARIANTS  # noqa: E402
from face_detect_ros.zoo.published import packaged  # noqa: E402

ROBOT = packaged.locate("yolov9_robot.safetensors")
HERE = [
    name
    for name, entry in ENGINES.items()
    if entry.module and entry.on_cpu and importlib.util.find_spec(entry.package)
]
OPTIONS = catalogue.OBJECT_OPTIONS
SIZE = 320


@pytest.fixture(scope="module")
def pictures():
    photo = np.ascontiguousarray(astronaut())
    return [photo[:384], photo[:, :256], photo[50:150, 180:300]]


@pytest.fixture(scope="module")
def reference():
    """The packaged model by PyTorch in float32."""
    with closing(in_torch.create_with_attention("cpu", ROBOT, "float32", SIZE)) as detector:
        yield detector


@pytest.fixture(scope="module")
def expected(reference, pictures):
    """What it finds in each of `pictures`."""
    return [reference.detect([photo], OPTIONS)[0] for photo in pictures]


def assert_same(found, expected, pixels, score):
    assert len(found) == len(expected) > 0
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=pixels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=score)


@pytest.mark.parametrize("engine", HERE)
def test_the_packaged_model_is_the_same_in_float32(engine, pictures, reference, expected):
    arguments = {"engine": engine, "precision": "float32", "input_size": SIZE}
    with closing(catalogue.create("yolov9-robot", task="objects", device="cpu", **arguments)) as detector:
        assert detector.device.startswith("cpu (")
        assert detector.labels == reference.labels
        together = detector.detect(pictures, OPTIONS)
        for photo, found, wanted in zip(pictures, together, expected, strict=True):
            assert_same(found, wanted, 0.02, 1e-4)
            assert_same(detector.detect([photo], OPTIONS)[0], wanted, 0.02, 1e-4)


@pytest.mark.skipif("openvino" not in HERE, reason="OpenVINO is not installed")
def test_the_fast_precision_finds_the_same_things(pictures, expected):
    if openvino.precisions()[0] == "float32":
        pytest.skip("this CPU computes in float32 alone")
    arguments = {"engine": "openvino", "input_size": SIZE}
    with closing(catalogue.create("yolov9-robot", task="objects", device="cpu", **arguments)) as fast:
        (found,) = fast.detect(pictures[:1], OPTIONS)
    assert_same(found, expected[0], 2.0, 0.02)


def test_the_packaged_graph_is_that_of_the_packaged_weights(models):
    export = "face_detect_ros.detectors.yolov9.export:export_with_attention"
    beside = graphs.exported(ROBOT, "yolov9-attn", export)
    assert beside == ROBOT.with_suffix(".onnx"), (
        f"make it again: python -m {export.partition(':')[0]} {ROBOT}"
    )


def test_a_robot_without_pytorch_runs_the_packaged_model(models):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np; from face_detect_ros.detectors import catalogue\n"
        "detector = catalogue.create('yolov9-robot', task='objects', device='cpu')\n"
        "detector.detect([np.zeros((48, 64, 3), np.uint8)], catalogue.OBJECT_OPTIONS)\n"
    )
    if not HERE:
        pytest.skip("neither OpenVINO nor ONNX Runtime is installed")
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not HERE, reason="neither OpenVINO nor ONNX Runtime is installed")
def test_a_file_of_the_users_is_exported_and_the_same(tmp_path, models, monkeypatch):
    pytest.importorskip("onnx")
    # more of the same takes seconds
    monkeypatch.setitem(VARIANTS, "t", replace(narrow(VARIANTS["t"]), depth=1))
    file = random_models.yolov9_file(tmp_path, "t")
    photo = photos.photo(192, 144)
    options = DetectOptions(0.05, 0.7, max_detections=300)
    arguments = {"task": "objects", "device": "cpu", "precision": "float32", "input_size": 192}
    expected, found = (
        catalogue.create(f"yolov9:{file}", engine=engine, **arguments).detect([photo], options)[0]
        for engine in ("torch", HERE[0])
    )
    # rounding may turn a choice between two that overlap
    same_class = found.class_ids[:, None] == expected.class_ids
    overlap = np.where(same_class, box_geometry.iou(found.boxes, expected.boxes), 0)
    assert (overlap.max(axis=1) > 0.95).mean() > 0.95
    assert len(list(graphs.folder().glob("*.onnx"))) == 1


class Engine:
    """Gives prepared outputs."""

    device, inputs, outputs = "cpu (prepared)", (), ()

    def __init__(self, classes, results=()):
        described = f'{{"labels": {[str(i) for i in range(classes)]}, "input_size": 64}}'
        self.metadata = {META_KEY: described.replace("'", '"')}
        self.results = results

    def run(self, feeds):
        return self.results


def in_order(found):
    order = np.lexsort((found.boxes[:, 0].round(2), found.boxes[:, 1].round(2), found.class_ids))
    return Candidates(found.boxes[order], found.scores[order], found.class_ids[order])


@pytest.mark.parametrize("class_ids", [(), (0, 7, 33), (5,)], ids=["all", "three", "one"])
@pytest.mark.parametrize("threshold", [0.0, 0.001, 0.05, 0.1, 0.25, 0.9, 1.0])
def test_candidates_are_those_that_pytorch_decodes(threshold, class_ids):
    size, options = (64, 96), DetectOptions(threshold, class_ids=class_ids)
    levels = [(size[0] // stride, size[1] // stride) for stride in STRIDES]
    cells = sum(rows * columns for rows, columns in levels)
    generator = torch.Generator().manual_seed(0)
    sides = torch.randn(2, 64, cells, generator=generator) * 3
    logits = torch.randn(2, 40, cells, generator=generator) * 3
    boxes = decode_boxes(sides.transpose(1, 2), anchor_points(levels))
    expected = in_torch.YoloV9Network.decode(
        SimpleNamespace(), Predictions(boxes, logits.transpose(1, 2).sigmoid()), options
    )
    network = YoloV9GraphNetwork(Engine(40), "graph.onnx", 0, lambda: None)
    found = network.decode((sides.numpy(), logits.numpy(), size), options)
    for ours, theirs in zip(map(in_order, found), map(in_order, expected), strict=True):
        np.testing.assert_array_equal(ours.class_ids, theirs.class_ids)
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)


@pytest.mark.parametrize("which", ["sides", "logits"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_do_not_pass_as_detections(which, value):
    network = YoloV9GraphNetwork(Engine(3), "graph.onnx", 0, lambda: None)
    output = {"sides": np.zeros((1, 64, 84), np.float32), "logits": np.full((1, 3, 84), -9, np.float32)}
    output[which][0, 1, 5] = value
    (found,) = network.decode((*output.values(), (64, 64)), OPTIONS)
    assert not np.isfinite(found.scores).all()


@pytest.mark.parametrize(
    "metadata", [{}, {META_KEY: "{}"}, {META_KEY: "no JSON"}], ids=["none", "empty", "text"]
)
def test_a_graph_of_something_else_is_refused(metadata):
    engine = Engine(3)
    engine.metadata = metadata
    with pytest.raises(WeightsError, match=r"graph\.onnx: not an exported YOLOv9"):
        YoloV9GraphNetwork(engine, "graph.onnx", 0, lambda: None)


@pytest.mark.skipif(not HERE, reason="neither OpenVINO nor ONNX Runtime is installed")
def test_where_it_looked_is_shown_by_pytorch(pictures):
    with (
        closing(in_torch.create_with_attention("cpu", ROBOT, input_size=SIZE)) as reference,
        closing(
            catalogue.create("yolov9-robot", task="objects", device="cpu", engine=HERE[0], input_size=SIZE)
        ) as detector,
    ):
        assert isinstance(detector, AttentionSource)
        (found,) = detector.detect(pictures[:1], OPTIONS)
        np.testing.assert_allclose(
            detector.attention(pictures[0], found.boxes[0]),
            reference.attention(pictures[0], found.boxes[0]),
            atol=0.02,
        )


@pytest.mark.parametrize("engine", HERE)
def test_an_input_size_that_does_not_fit_is_refused(engine):
    with pytest.raises(ConfigError, match="multiple of 32"):
        catalogue.create("yolov9-robot", task="objects", device="cpu", engine=engine, input_size=100)


@pytest.mark.skipif("onnxruntime" not in HERE, reason="ONNX Runtime is not installed")
def test_a_precision_that_only_another_engine_has_is_refused_if_that_one_was_asked_for():
    with pytest.raises(DeviceError, match="onnxruntime computes in the numbers of its file"):
        catalogue.create(
            "yolov9-robot", task="objects", device="cpu", engine="onnxruntime", precision="float16"
        )
