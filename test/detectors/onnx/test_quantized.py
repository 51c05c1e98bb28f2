# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Quantized networks of others whose scales are nonsense: refused in words, or nothing that is not finite is found."""

import numpy as np
import onnx
import pytest
from helpers import onnx_models
from onnx import helper, numpy_helper

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue


def quantized(path, scale, zero_point):
    """The network at `path` with its output in 8 bits and back."""
    model = onnx.load(path)
    (output, *_) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["whole" if name == output.name else name for name in node.output]
    numbers = {"scale": np.float32(scale), "zero": np.asarray(zero_point)}
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in numbers.items())
    model.graph.node.append(helper.make_node("QuantizeLinear", ["whole", *numbers], ["small"]))
    model.graph.node.append(helper.make_node("DequantizeLinear", ["small", *numbers], [output.name]))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("scale", [0.05, np.nan, np.inf, 0.0, 3e38])
def test_scales_that_are_nonsense(tmp_path, scale):
    path = tmp_path / "model.onnx"
    onnx_models.save(path, "yolo", metadata=onnx_models.NAMES)
    quantized(path, scale, np.uint8(0))
    try:
        detector = catalogue.create(f"onnx:{path}", task="objects", device="cpu")
        (found,) = detector.detect([np.zeros((64, 64, 3), np.uint8)], DetectOptions(score_threshold=0.01))
    except PerceptionError:
        assert not 0 < scale < 1
    else:
        assert np.isfinite(found.boxes).all()
        detector.close()
