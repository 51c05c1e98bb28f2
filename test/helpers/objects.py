# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Object detectors whose network a test scripts, and their entries in the catalogue."""

import json

import numpy as np
import pytest

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import ANY_PRECISION
from face_detect_ros.detectors.objects.attentive import AttentiveNetworkDetector
from face_detect_ros.detectors.objects.detector import Candidates, NetworkDetector
from face_detect_ros.nn import devices

LABELS = ("person", "dog", "traffic light")
# what the network sees in every image: class, score, box xyxy as parts of the image
SEEN = ((0, 0.9, (0.1, 0.1, 0.4, 0.9)), (1, 0.8, (0.5, 0.5, 0.9, 0.9)), (0, 0.5, (0.6, 0.1, 0.8, 0.4)))


class ScriptedNetwork:
    """Sees `SEEN` in every image. At most `fits` images fit into its memory; `sizes` are the batches it ran."""

    labels = LABELS
    device = "test"
    overlapping = True

    def __init__(self, fits=1000):
        self.fits = fits
        self.sizes = []
        self.before = lambda: None  # called before the network runs

    def place(self, height, width):
        return Letterbox.fit((height, width), (64, 64), center=False)

    def prepare(self, images, places):
        return places

    def run(self, batch):
        self.before()
        if len(batch) > self.fits:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has 8 GiB")
        self.sizes.append(len(batch))
        return batch

    def decode(self, output, options):
        kept = [
            item
            for item in SEEN
            if item[1] >= options.score_threshold and item[0] in (options.class_ids or range(3))
        ]
        classes, scores, parts = zip(*kept, strict=True) if kept else ((), (), ())
        boxes = np.array(parts, np.float32).reshape(-1, 4)
        return [
            Candidates(
                boxes * np.array(place.resized * 2)[[1, 0, 3, 2]],
                np.array(scores, np.float32),
                np.array(classes, int),
            )
            for place in output
        ]


class AttentiveNetwork(ScriptedNetwork):
    """Its attention is all inside the box that it was asked about; `asked` are these boxes."""

    def __init__(self, fails=False):
        super().__init__()
        self.fails = fails
        self.asked = []

    def attend(self, batch, box, place, class_id=None):
        self.asked.append(box)
        if self.fails:
            raise RuntimeError("CUDA out of memory")
        heat = np.zeros((64, 64), np.float32)
        left, top, right, bottom = np.rint(box).astype(int)
        heat[top:bottom, left:right] = 0.5
        return heat


def without_weights(device, precision, input_size):
    raise WeightsError("model.pt: 3 keys are missing, the first is head.0.weight")


def catalogue_additions(monkeypatch):
    """`add(name, network)` puts a model with that network into the catalogue, and gives it back; "broken" is there."""
    factories = {}
    load = catalogue.load_factory
    monkeypatch.setattr(catalogue, "load_factory", lambda path: factories.get(path) or load(path))

    def add(name, network=None, factory=None):
        network = network or ScriptedNetwork()
        kind = AttentiveNetworkDetector if hasattr(network, "attend") else NetworkDetector

        def create(device, precision, input_size):
            devices.choose(device, precision)
            return kind(network)

        path = f"for_tests:{name}"
        entry = catalogue.CatalogueEntry(name, "objects", path, "none", "for tests", precisions=ANY_PRECISION)
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
        factories[path] = factory or create
        return network

    add("broken", factory=without_weights)
    return add


def write_onnx(path):
    """An ONNX file that sees `SEEN` in every image; its catalogue name."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx import TensorProto, helper, numpy_helper

    rows = [[*(np.array(part) * 64), score, class_id] for class_id, score, part in SEEN]
    constants = {"rows": np.array([rows], np.float32), "nothing": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2], keepdims=0),  # (B, 64)
        helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
        helper.make_node("Slice", ["column", "start", "end", "one"], ["first"]),  # (B, 1, 1)
        helper.make_node("Mul", ["first", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "rows"], ["output"]),
    ]
    indices = {"axis": [2], "start": [0], "end": [1], "one": [1]}
    constants |= {name: np.array(value, np.int64) for name, value in indices.items()}
    graph = helper.make_graph(
        nodes,
        "for_tests",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, 64, 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["b", len(rows), 6])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    told = {
        "face_detect_ros": json.dumps({"layout": "yolo_end2end", "fit": "stretch"}),
        "names": json.dumps(LABELS),
    }
    helper.set_model_props(model, told)
    onnx.save(model, str(path))
    return f"onnx:{path}"
