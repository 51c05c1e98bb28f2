# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`bench engines`: rows for every engine, and the fastest is remembered."""

import json

import pytest
from typer.testing import CliRunner

from face_detect_ros.benchmarks import engines
from face_detect_ros.benchmarks.engines import EngineRow
from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.engines import catalogue, choices


def test_models_and_engines_that_cannot_be_compared_are_refused():
    for model in ("dlib_hog", "unknown"):
        with pytest.raises(ConfigError, match="nothing is to be compared"):
            engines.measure([model])


def test_the_fastest_in_its_own_precision_counts():
    rows = [
        EngineRow("yolov9:a.pt", "openvino", "auto", total_ms=9.0),
        EngineRow("yolov9:a.pt", "openvino", "float32", total_ms=3.0),
        EngineRow("yolov9:a.pt", "torch", "auto", total_ms=8.0),
        EngineRow("yolov9:a.pt", "onnxruntime", "auto", problem="not installed"),
        EngineRow("centerface", "onnxruntime", "auto", total_ms=20.0),
    ]
    assert engines.fastest(rows) == {"yolov9": "torch", "centerface": "onnxruntime"}


@pytest.mark.parametrize(("other_ms", "best"), [(9.5, "openvino"), (8.5, "onnxruntime")])
def test_an_engine_of_lower_rank_must_be_clearly_faster(other_ms, best):
    rows = [
        EngineRow("centerface", "onnxruntime", "auto", total_ms=other_ms),
        EngineRow("centerface", "openvino", "auto", total_ms=10.0),
    ]
    assert engines.fastest(rows) == {"centerface": best}


def test_an_embedder_is_measured_on_one_face(monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setattr(engines, "ROUNDS", 1)
    monkeypatch.setattr(catalogue, "problem", lambda name: "" if name == "onnxruntime" else "not here")
    (row,) = engines.measure(["dlib_resnet"])
    assert (row.engine, row.precision, row.problem) == ("onnxruntime", "auto", "")
    assert 0 < row.network_ms < row.total_ms
    assert row.mixed_s is None


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "table"])
def test_the_command_measures_and_remembers(monkeypatch, tmp_path, arguments):
    """With the one engine that starts fastest, and one round."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setattr(engines, "ROUNDS", 1)
    monkeypatch.setattr(catalogue, "problem", lambda name: "" if name == "onnxruntime" else "not here")
    if not arguments:  # measured once is enough
        row = EngineRow("centerface", "onnxruntime", "auto", "cpu", *[1.0] * 7)
        monkeypatch.setattr(engines, "measure", lambda *_, **__: [row])
    result = CliRunner().invoke(app, ["bench", "engines", "centerface", *arguments])
    assert result.exit_code == 0, result.output
    if arguments:
        answer = json.loads(result.stdout)
        (row,) = answer["rows"]
        assert (row["engine"], row["precision"], row["problem"]) == ("onnxruntime", "auto", "")
        assert 0 < row["network_ms"] < row["total_ms"] < 60_000
        assert row["start_s"] > row["total_ms"] / 1e3
        assert row["peak_mb"] > 20
        assert answer["fastest"] == {"centerface": "onnxruntime"}
    else:
        assert "onnxruntime *" in result.stdout
    assert choices.chosen("centerface", "cpu") == "onnxruntime"
