# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every engine that computes on a CPU and is installed here runs the same graph, of any batch and size."""

import importlib.util
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from helpers.onnx_models import NAMES, Graph, in_two_files, save, write  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from face_detect_ros.core.errors import ConfigError, EngineError, WeightsError  # noqa: E402
from face_detect_ros.engines import catalogue  # noqa: E402
from face_detect_ros.engines.protocol import Compute  # noqa: E402

ON_CPU = [name for name, entry in catalogue.ENGINES.items() if entry.on_cpu and entry.module]
HERE = [name for name in ON_CPU if importlib.util.find_spec(catalogue.ENGINES[name].package)]
CPU = Compute("cpu", "float32")
needs_openvino = pytest.mark.skipif("openvino" not in HERE, reason="OpenVINO is not installed")


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """Halves an image, and tells the greatest value of each channel of it."""
    made = Graph()
    halved = made.add("AveragePool", "pixels", kernel_shape=[2, 2], strides=[2, 2])
    outputs = {"halved": halved, "greatest": made.add("ReduceMax", "pixels", axes=[2, 3], keepdims=0)}
    shape = ["batch", 3, "height", "width"]
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)]
    path = tmp_path_factory.mktemp("graphs") / "halves.onnx"
    return write(path, made, inputs, outputs, {"names": "red, grün"})


def pixels(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


def assert_halves(engine, values):
    halved, greatest = engine.run({"pixels": values})
    batch, channels, height, width = values.shape
    expected = values.reshape(batch, channels, height // 2, 2, width // 2, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(halved, expected, atol=1e-6)
    np.testing.assert_array_equal(greatest, values.max(axis=(2, 3)))


@pytest.mark.parametrize("name", HERE)
def test_any_batch_and_size(name, graph):
    engine = catalogue.open_graph(name, graph, CPU)
    for shape in ((1, 3, 32, 64), (1, 3, 64, 32), (3, 3, 2, 2), (1, 3, 32, 64)):
        assert_halves(engine, pixels(*shape))


@pytest.mark.parametrize("name", HERE)
def test_weights_in_a_second_file_are_read_beside_a_file_and_refused_with_bytes(name, tmp_path, monkeypatch):
    file = in_two_files(save(tmp_path / "m.onnx", "yolo", metadata=NAMES, convolution=True))
    image = pixels(1, 3, 64, 64)
    (expected,) = catalogue.open_graph(name, tmp_path / "m.onnx", CPU).run({"images": image})
    (found,) = catalogue.open_graph(name, file, CPU).run({"images": image})
    np.testing.assert_array_equal(found, expected)
    monkeypatch.chdir(file.parent)  # where libraries look for the second file
    with pytest.raises(WeightsError, match=r"m\.onnx: keeps its weights in a second file; save it as one"):
        catalogue.open_graph(name, file, CPU, content=file.read_bytes())


@needs_openvino
def test_a_graph_whose_weights_may_change_without_it_is_not_cached(tmp_path):
    file = in_two_files(save(tmp_path / "m.onnx", "yolo", metadata=NAMES, convolution=True))
    with pytest.raises(WeightsError, match="second file"):
        catalogue.open_graph("openvino", file, CPU, cache=tmp_path / "cache")


@pytest.mark.parametrize("name", HERE)
def test_it_tells_what_it_takes_and_gives(name, graph):
    engine = catalogue.open_graph(name, graph, CPU)
    assert engine.device.startswith("cpu (")
    (port,) = engine.inputs
    assert (port.name, port.dtype, port.fixed(0), port.fixed(1), port.fixed(2)) == (
        "pixels",
        np.float32,
        None,
        3,
        None,
    )
    assert [each.name for each in engine.outputs] == ["halved", "greatest"]
    assert engine.metadata["names"] == "red, grün"


@pytest.mark.parametrize("name", HERE)
def test_results_outlive_the_next_run(name, graph):
    engine = catalogue.open_graph(name, graph, CPU)
    first = engine.run({"pixels": pixels(1, 3, 4, 4)})
    kept = [values.copy() for values in first]
    engine.run({"pixels": pixels(1, 3, 4, 4) + 1})
    for values, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("name", HERE)
def test_the_bytes_may_differ_from_the_file(name, graph, tmp_path):
    engine = catalogue.open_graph(name, tmp_path / "absent.onnx", CPU, content=graph.read_bytes())
    assert_halves(engine, pixels(1, 3, 8, 8))


@pytest.mark.parametrize("name", HERE)
def test_what_does_not_fit_is_an_error_with_the_reason(name, graph):
    engine = catalogue.open_graph(name, graph, CPU)
    with pytest.raises(RuntimeError):
        engine.run({"pixels": pixels(1, 4, 8, 8)})
    assert_halves(engine, pixels(1, 3, 8, 8))


@pytest.mark.parametrize("name", HERE)
def test_an_error_in_the_middle_of_a_graph_spoils_nothing(name, tmp_path):
    made = Graph()
    added = made.add("Add", made.add("Relu", "pixels"), made.constant(np.ones((1, 3, 8, 8))))
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, "height", "width"])]
    engine = catalogue.open_graph(name, write(tmp_path / "m.onnx", made, inputs, {"added": added}), CPU)
    for _ in range(2):
        (found,) = engine.run({"pixels": pixels(1, 3, 8, 8)})
        np.testing.assert_allclose(found, pixels(1, 3, 8, 8) + 1, rtol=1e-6)
        with pytest.raises(RuntimeError):
            engine.run({"pixels": pixels(1, 3, 4, 8)})


@pytest.mark.parametrize("name", HERE)
def test_outputs_keep_the_names_and_the_order_of_the_file(name, tmp_path):
    """Also where two of them are one value, or nothing but another name stands between."""
    made = Graph()
    first = made.add("Relu", "pixels")
    second = made.add("Neg", "pixels")
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 2])]
    outputs = {"z": second, "a": first, "m": first}
    engine = catalogue.open_graph(name, write(tmp_path / "m.onnx", made, inputs, outputs), CPU)
    assert [port.name for port in engine.outputs] == ["z", "a", "m"]
    values = np.array([[-1, 2]], np.float32)
    assert [found.tolist() for found in engine.run({"pixels": values})] == [[[1, -2]], [[0, 2]], [[0, 2]]]


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("content", [b"", b"no graph"], ids=["empty", "text"])
def test_what_is_not_onnx_is_refused(name, tmp_path, content):
    (tmp_path / "text.onnx").write_bytes(content)
    with pytest.raises((WeightsError, EngineError), match=r"text\.onnx"):
        catalogue.open_graph(name, tmp_path / "text.onnx", CPU)
    with pytest.raises(WeightsError, match=r"absent\.onnx"):
        catalogue.open_graph(name, tmp_path / "absent.onnx", CPU)


@needs_openvino
@pytest.mark.parametrize("compute", [Compute("cuda"), Compute("cpu", "float8")], ids=["device", "precision"])
def test_openvino_refuses_what_it_lacks(graph, compute):
    with pytest.raises(ConfigError, match=r"cuda|float8"):
        catalogue.open_graph("openvino", graph, compute)


@needs_openvino
def test_openvino_compiles_once(graph, tmp_path, caplog):
    catalogue.open_graph("openvino", graph, CPU, cache=tmp_path)
    (blob,) = tmp_path.iterdir()
    written = blob.stat().st_mtime_ns
    assert_halves(catalogue.open_graph("openvino", graph, CPU, cache=tmp_path), pixels(2, 3, 8, 4))
    assert blob.stat().st_mtime_ns == written
    blob.write_bytes(blob.read_bytes()[:-300])  # damaged: made again
    assert_halves(catalogue.open_graph("openvino", graph, CPU, cache=tmp_path), pixels(2, 3, 8, 4))
    assert blob.stat().st_size > 300


@needs_openvino
def test_openvino_does_without_its_folder(graph, tmp_path):
    (tmp_path / "file").write_text("where a folder should be")
    assert_halves(catalogue.open_graph("openvino", graph, CPU, cache=tmp_path / "file"), pixels(1, 3, 4, 4))


@needs_openvino
def test_openvino_compiles_a_size_that_comes_again_for_itself(graph, tmp_path, monkeypatch):
    from face_detect_ros.engines import openvino

    monkeypatch.setattr(openvino, "_COMPILED_AFTER", 3)
    monkeypatch.setattr(openvino, "_UNLOADED_AFTER", 4)
    engine = catalogue.open_graph("openvino", graph, CPU, cache=tmp_path)
    often = (1, 3, 16, 8), (1, 3, 8, 16)  # by turns, as of two cameras
    for _ in range(4):
        for shape in often:
            assert_halves(engine, pixels(*shape))
            if engine._compiling:
                engine._compiling.join()
    assert set(engine._own) == {(shape,) for shape in often}
    for shape in ((2, 3, 16, 8), *often, *often):
        assert_halves(engine, pixels(*shape))
    assert engine._free is None
    assert_halves(engine, pixels(2, 3, 16, 8))
    again = catalogue.open_graph("openvino", graph, CPU, cache=tmp_path)
    assert_halves(again, pixels(*often[0]))
    assert again._free is None


@needs_openvino
def test_openvino_computes_steadily_from_the_first_image_of_a_size(graph, monkeypatch):
    from face_detect_ros.engines import openvino

    monkeypatch.setattr(openvino, "_MOST_SIZES", 2)
    monkeypatch.setattr(openvino, "_COMPILED_AFTER", 1)
    engine = catalogue.open_graph("openvino", graph, replace(CPU, steady=True))
    for sides in ((16, 8), (16, 8), (8, 16), (8, 8), (16, 8)):
        shape = (1, 3, *sides)
        assert_halves(engine, pixels(*shape))
        request = engine._own[(shape,)]
        assert tuple(request.get_input_tensor().shape) == shape
        assert request is not engine._free
    assert len(engine._own) == 2
    assert engine._compiling is None


@needs_openvino
def test_openvino_keeps_what_it_compiled_for_steady_sizes(graph, tmp_path, monkeypatch):
    from face_detect_ros.engines import openvino

    monkeypatch.setattr(openvino, "_MOST_SIZES", 2)
    steady = replace(CPU, steady=True)
    engine = catalogue.open_graph("openvino", graph, steady, cache=tmp_path)
    for sides in ((16, 8), (8, 16), (8, 8)):
        assert_halves(engine, pixels(1, 3, *sides))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(written) == 3  # for every size, and for the first two
    again = catalogue.open_graph("openvino", graph, steady, cache=tmp_path)
    assert (again.inputs, again.outputs) == (engine.inputs, engine.outputs)
    for sides in ((16, 8), (8, 16), (8, 8)):
        assert_halves(again, pixels(1, 3, *sides))
    assert again._free is None
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    for path in written:
        path.write_bytes(path.read_bytes()[:-300])  # damaged: made again
    assert_halves(catalogue.open_graph("openvino", graph, steady, cache=tmp_path), pixels(1, 3, 16, 8))


@needs_openvino
def test_openvino_reports_nothing_to_its_makers(tmp_path):
    """Its import would send an event wherever openvino_telemetry is installed, as pip does with it."""
    (tmp_path / "openvino_telemetry").mkdir()
    (tmp_path / "openvino_telemetry" / "__init__.py").write_text("raise SystemExit('telemetry')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from face_detect_ros.engines import openvino; "
        "print(openvino.precisions(), 'openvino_telemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("False")
