# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Exported graphs: made once for each content of the weights, found again, removable."""

import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("onnx")
from face_detect_ros.core.errors import ConfigError, DeviceError, EngineError, WeightsError
from face_detect_ros.engines import graphs
from face_detect_ros.zoo.formats import onnx_graph

BUILDS = "helpers.graph_builds"


@pytest.fixture
def weights(tmp_path, models, monkeypatch):
    """A file, in a process that has PyTorch loaded and so makes graphs itself."""
    monkeypatch.setitem(sys.modules, "torch", sys.modules.get("torch", types.ModuleType("torch")))
    path = tmp_path / "net.safetensors"
    path.write_text("one")
    return path


@pytest.fixture
def elsewhere(weights, monkeypatch):
    """As in a process that has not loaded PyTorch."""
    monkeypatch.delitem(sys.modules, "torch")


def builds(weights):
    return len((weights.parent / "builds").read_text().splitlines())


def text_in(graph):
    return onnx_graph.metadata(graph.read_bytes())["text"]


def test_a_graph_is_made_once(weights):
    graph = graphs.exported(weights, "net", f"{BUILDS}:copies")
    assert graph.parent == graphs.folder()
    assert text_in(graph) == "one"
    assert graphs.exported(weights, "net", f"{BUILDS}:copies") == graph
    assert builds(weights) == 1


def test_other_weights_and_another_kind_get_another_graph(weights):
    graph = graphs.exported(weights, "net", f"{BUILDS}:copies")
    assert graphs.exported(weights, "net-attn", f"{BUILDS}:copies") != graph
    weights.write_text("two")
    other = graphs.exported(weights, "net", f"{BUILDS}:copies")
    assert (text_in(graph), text_in(other)) == ("one", "two")
    assert builds(weights) == 3


def test_one_beside_the_weights_counts_while_it_is_theirs(weights):
    beside = graphs.export_beside(weights, "net", f"{BUILDS}:copies")
    assert beside == weights.with_suffix(".onnx")
    assert graphs.exported(weights, "net", f"{BUILDS}:copies") == beside
    assert graphs.exported(weights, "net-attn", f"{BUILDS}:copies").parent == graphs.folder()
    weights.write_text("two")
    assert text_in(graphs.exported(weights, "net", f"{BUILDS}:copies")) == "two"


def test_several_at_once_make_the_same_whole_file(weights):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: graphs.exported(weights, "net", f"{BUILDS}:copies"), range(8)))
    assert len(set(made)) == 1
    assert [path.name for path in graphs.folder().iterdir()] == [made[0].name]
    assert text_in(made[0]) == "one"


def test_a_folder_whose_path_is_not_utf8_is_refused(weights, monkeypatch, tmp_path):
    monkeypatch.setenv("FACE_DETECT_ROS_MODELS", str(tmp_path / "m\udcff"))
    with pytest.raises(EngineError, match="not valid Unicode; set FACE_DETECT_ROS_MODELS"):
        graphs.exported(weights, "net", f"{BUILDS}:copies")


def test_a_process_of_its_own_makes_it_where_pytorch_is_not_loaded(weights, elsewhere):
    graph = graphs.exported(weights, "net", f"{BUILDS}:tells_whether_pytorch_was_loaded")
    assert onnx_graph.metadata(graph.read_bytes())["torch"] == "False"
    assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        ("refuses", ConfigError, "was trained with attention"),
        ("refuses_by_an_error_of_its_own", DeviceError, "no such device"),
        ("dies", EngineError, r"net\.safetensors.*exit code 9"),
        ("unknown", EngineError, "unknown"),
    ],
)
def test_errors_come_out_of_that_process(weights, elsewhere, build, error, words):
    with pytest.raises(error, match=words):
        graphs.exported(weights, "net", f"{BUILDS}:{build}")
    assert not list(graphs.folder().iterdir())


def test_weights_that_are_missing_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.pt: No such file"):
        graphs.exported(tmp_path / "absent.pt", "net", f"{BUILDS}:copies")


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(weights, models):
    models.write_text("where a folder should be")
    with pytest.raises(EngineError, match="FACE_DETECT_ROS_MODELS"):
        graphs.exported(weights, "net", f"{BUILDS}:copies")


def test_clean_removes_them_and_tells_how_much(weights):
    assert graphs.clean() == 0
    graph = graphs.exported(weights, "net", f"{BUILDS}:copies")
    size = graph.stat().st_size
    assert graphs.clean() == size
    assert not graphs.folder().exists()
    graphs.exported(weights, "net", f"{BUILDS}:copies")
    assert builds(weights) == 2


def test_what_lists_and_chooses_engines_loads_none():
    code = (
        "import sys; from face_detect_ros.engines import catalogue, graphs, openvino, onnxruntime, torch, tensorrt; "
        "catalogue.order('x', 'auto', 'cpu', catalogue.ANY_ENGINE); "
        "print([name for name in ('torch', 'onnxruntime', 'openvino', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
