# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of the object benchmark that need no measuring, and its rows for one small case."""

from __future__ import annotations

import json
import sys

import pytest

torch = pytest.importorskip("torch")
from typer.testing import CliRunner  # noqa: E402

from face_detect_ros.benchmarks import limits, objects, photos, random_models  # noqa: E402
from face_detect_ros.cli.app import app  # noqa: E402
from face_detect_ros.core.errors import ConfigError  # noqa: E402
from face_detect_ros.core.protocols import DetectOptions  # noqa: E402
from face_detect_ros.detectors import catalogue  # noqa: E402
from face_detect_ros.nn import recorded  # noqa: E402


class Names:
    """Says what files would be called."""

    def yolov9(self, variant, *, attention=False):
        return f"yolov9{'-attn' if attention else ''}:{variant}"


@pytest.mark.parametrize("calm", [False, True], ids=["lively", "calm"])
def test_random_networks_give_suppression_something_to_do(tmp_path, calm):
    path = random_models.yolov9_file(tmp_path, "t", calm=calm)
    detector = catalogue.create(f"yolov9:{path}", task="objects", device="cpu", precision="float32")
    image = photos.photo(640, 480)
    network = detector.network
    output = network.run(network.prepare([image], [network.place(480, 640)]))
    (found,) = network.decode(output, DetectOptions(random_models.THRESHOLD))
    assert 0.5 * random_models.CANDIDATES < len(found.scores) < 2 * random_models.CANDIDATES


def test_a_random_detr_has_candidates(tmp_path):
    pytest.importorskip("transformers")
    folder = random_models.detr_folder(tmp_path)
    detector = catalogue.create(f"detr:{folder}", task="objects", device="cpu", input_size=160)
    (found,) = detector.detect([photos.photo(160, 120)], catalogue.OBJECT_OPTIONS)
    assert len(found) == catalogue.OBJECT_OPTIONS.max_detections


@pytest.mark.parametrize(
    ("variant", "attention", "size", "billions"),
    [("t", False, 640, 7.7 / 2 * 0.75), ("t", False, 320, 7.7 / 2 * 0.2), ("t", True, 640, 3.26)],
    ids=["t", "padded to 320x256", "with attention"],
)
def test_multiplications_are_counted(variant, attention, size, billions):
    assert objects._yolov9_products(variant, attention, size) == pytest.approx(billions * 1e9, rel=0.02)


def test_every_size_is_measured_beside_its_peer(monkeypatch):
    monkeypatch.setattr(objects, "_yolov9_products", lambda variant, attention, size: 1e9)
    cases = objects._yolov9_cases(Names(), {"t:320": 50.0, "t:640": 171.0}, "cpu")
    plain = {(case.size, case.precision): case.peer_ms for case in cases if case.model == "yolov9-t"}
    for precision in limits.precisions("cpu"):
        assert [plain[size, precision] for size in objects.SIZES] == [50.0, None, 171.0]
    assert {case.model for case in cases} == {"yolov9-t", "yolov9-t-attn", "yolov9-s", "yolov9-c"}
    assert all(case.peer_ms is None for case in cases if case.model == "yolov9-t-attn")


def test_rows_of_a_case(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "_SECONDS_A_FIGURE", 0.0)
    monkeypatch.setattr(recorded, "MOST_SHAPES", 0)  # takes a second
    monkeypatch.setattr(limits, "products_per_ms", lambda precision, device: 1e8)
    file = f"yolov9:{random_models.yolov9_file(tmp_path, 't')}"
    rows = objects._cpu_rows(objects._Case("yolov9-t", file, 64, "float32", 2e8, 100.0, objects.ULTRALYTICS))
    total, before, network, after, beside, several = rows
    assert total.name == "yolov9-t float32, input 64: total"
    assert (total.peer, total.limit, total.goal) == (100.0, 2.0, pytest.approx(35.0))
    assert min(row.ours for row in rows) > 0
    assert before.ours + network.ours + after.ours == pytest.approx(total.ours, rel=0.05, abs=0.5)
    assert beside.ours < total.ours
    assert several.unit == "ms/image"


@pytest.fixture
def interpreter(tmp_path):
    """What stands in for an interpreter with the peer: `interpreter("print(1)")` runs that instead."""

    def make(code):
        path = tmp_path / "python"
        path.write_text(f"#!{sys.executable}\n{code}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_the_peer_is_measured_by_its_own_interpreter(interpreter):
    code = "import sys, json; print('noise'); print(json.dumps({name: 12.5 for name in sys.argv[3:]}))"
    assert objects.ultralytics_ms(interpreter(code), ["t:320", "s:640"]) == {"t:320": 12.5, "s:640": 12.5}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ImportError('No module named ultralytics')", "No module named ultralytics"),
        ("pass", "no answer"),
    ],
    ids=["not installed", "silent"],
)
def test_an_interpreter_without_the_peer_is_named(interpreter, code, reason):
    with pytest.raises(
        ConfigError, match=rf"peer_python .*python: cannot measure Ultralytics there \(.*{reason}"
    ):
        objects.ultralytics_ms(interpreter(code), ["t:320"])


def test_the_command_refuses_an_interpreter_that_is_not_there(tmp_path):
    result = CliRunner().invoke(app, ["bench", "objects", "--peer-python", str(tmp_path / "none")])
    assert result.exit_code != 0
    assert "cannot measure Ultralytics there" in result.output + str(result.stderr)


def test_the_command_gives_one_json_object(monkeypatch):
    rows = [objects.Row("yolov9-t float32, input 640: total", "ms", 60.0, 171.0, "peer")]
    monkeypatch.setattr(objects, "run", lambda peer_python, yolox: rows)
    result = CliRunner().invoke(app, ["bench", "objects", "--json"])
    assert json.loads(result.stdout)["rows"][0]["ratio"] == pytest.approx(2.85)
