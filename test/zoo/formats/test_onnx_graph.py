# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ONNX files whose axes are freed and whose weights become constants, without the package onnx."""

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.paths import FIELD
from onnx import TensorProto, helper, numpy_helper

from face_detect_ros.zoo.formats.onnx_graph import (
    free_axes,
    free_outputs,
    in_one_file,
    metadata,
    output_names,
    with_metadata,
)


def convolution(weights_as_inputs: bool) -> bytes:
    """A file that blurs one 1x1x8x8 image and lists what it can: shapes within the graph, metadata."""
    kernel = numpy_helper.from_array(np.full((1, 1, 3, 3), 1 / 9, np.float32), "kernel")
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["hidden"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["hidden"], ["blurred"]),
    ]
    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
    inputs = [tensor("image", [1, 1, 8, 8])]
    if weights_as_inputs:
        inputs.append(tensor("kernel", [1, 1, 3, 3]))
    graph = helper.make_graph(
        nodes,
        "blur",
        inputs,
        [tensor("blurred", [1, 1, 8, 8])],
        [kernel],
        value_info=[tensor("hidden", [1, 1, 8, 8])],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    helper.set_model_props(model, {"note": "kept"})
    return model.SerializeToString()


@pytest.mark.parametrize("weights_as_inputs", [False, True], ids=["weights inside", "weights as inputs"])
def test_any_size_runs(weights_as_inputs: bool) -> None:
    edited = free_axes(convolution(weights_as_inputs))
    onnx.checker.check_model(onnx.load_from_string(edited), full_check=True)
    session = onnxruntime.InferenceSession(edited)
    assert [port.name for port in session.get_inputs()] == ["image"]
    assert session.get_modelmeta().custom_metadata_map == {"note": "kept"}
    image = np.random.default_rng(0).random((2, 1, 5, 9), np.float32)
    (blurred,) = session.run(None, {"image": image})
    assert blurred.shape == image.shape
    assert blurred[1, 0, 2, 3] == pytest.approx(image[1, 0, 1:4, 2:5].mean(), rel=1e-5)


def test_outputs_follow_inputs_that_are_free() -> None:
    fixed = convolution(True)
    assert free_outputs(fixed) == fixed
    model = onnx.load_from_string(fixed)
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = "?"
    edited = onnx.load_from_string(free_outputs(model.SerializeToString()))
    sizes = edited.graph.output[0].type.tensor_type.shape.dim
    assert [size.dim_value for size in sizes] == [0, 0, 0, 8]
    assert edited.graph.input == model.graph.input
    assert edited.graph.node == model.graph.node


def test_other_axes_stay() -> None:
    session = onnxruntime.InferenceSession(free_axes(convolution(True), axes=(0,)))
    assert session.get_inputs()[0].shape[1:] == [1, 8, 8]
    assert isinstance(session.get_inputs()[0].shape[0], str)


@pytest.mark.parametrize(
    "content",
    [b"not a network", b"\x3a\xff\xff\xff\xff\x7f", b"\x08" + b"\xff" * 12, b"\x00\x00"],
    ids=["text", "too long", "endless number", "field zero"],
)
def test_what_is_no_onnx_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not an ONNX file"):
        free_axes(content)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_a_file_cut_short_is_refused(kept: float) -> None:
    content = convolution(True)
    with pytest.raises(ValueError, match="not an ONNX file"):
        free_axes(content[: int(len(content) * kept)])


def test_public_files_still_load() -> None:
    files = [FIELD / name for name in ("version-RFB-320.onnx", "retinaface_mobile025.onnx")]
    if not all(file.is_file() for file in files):
        pytest.skip("needs the files of ../shared/cases/field")
    for file in files:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        before = onnxruntime.InferenceSession(str(file), options)
        after = onnxruntime.InferenceSession(free_axes(file.read_bytes(), axes=()), options)
        assert len(after.get_inputs()) == 1
        pixels = np.random.default_rng(0).random(before.get_inputs()[0].shape, np.float32)
        name = after.get_inputs()[0].name
        for a, b in zip(before.run(None, {name: pixels}), after.run(None, {name: pixels}), strict=True):
            assert np.abs(a - b).max() < 1e-3


def _in_a_constant(tensor: onnx.TensorProto) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Constant", [], ["out"], value=tensor)], "constant", [], [])


def _in_a_branch(tensor: onnx.TensorProto) -> onnx.GraphProto:
    branches = {"then_branch": _in_a_constant(tensor), "else_branch": helper.make_graph([], "none", [], [])}
    return helper.make_graph([helper.make_node("If", ["chosen"], ["out"], **branches)], "branches", [], [])


def _among_sparse(tensor: onnx.TensorProto) -> onnx.GraphProto:
    sparse = onnx.SparseTensorProto(values=tensor, indices=numpy_helper.from_array(np.arange(4)), dims=[9])
    return helper.make_graph([], "sparse", [], [], sparse_initializer=[sparse])


PLACES = {
    "weights": lambda tensor: helper.make_graph([], "weights", [], [], [tensor]),
    "a constant": _in_a_constant,
    "a branch": _in_a_branch,
    "sparse weights": _among_sparse,
}


@pytest.mark.parametrize("place", PLACES)
def test_weights_in_a_second_file_are_noticed(place: str) -> None:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), "w")
    assert in_one_file(helper.make_model(PLACES[place](tensor)).SerializeToString())
    onnx.external_data_helper.set_external_data(tensor, "second.data")
    tensor.ClearField("raw_data")
    assert not in_one_file(helper.make_model(PLACES[place](tensor)).SerializeToString())


def test_texts_and_outputs_are_read_and_texts_added() -> None:
    content = convolution(True)
    assert metadata(content) == {"note": "kept"}
    assert output_names(content) == ["blurred"]
    more = with_metadata(content, {"größe": "320", "empty": ""})
    assert metadata(more) == {"note": "kept", "größe": "320", "empty": ""}
    onnx.checker.check_model(onnx.load_from_string(more), full_check=True)


@pytest.mark.parametrize("content", [b"", b"not a network"], ids=["empty", "text"])
def test_what_is_no_onnx_file_has_no_outputs(content: bytes) -> None:
    with pytest.raises(ValueError, match="not an ONNX file"):
        output_names(content)
