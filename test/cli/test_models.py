# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros models` as people and scripts run it."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.terminals import shown_until_closed
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app
from face_detect_ros.cli.common.model_records import entries
from face_detect_ros.core.errors import WeightsError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import ANY_PRECISION
from face_detect_ros.zoo.published import cache, checkpoints
from face_detect_ros.zoo.published.checkpoints import Checkpoint

pytestmark = pytest.mark.usefixtures("models")
CONTENT = np.random.default_rng(1).bytes(500_000)

# the command with one more detector, whose one file is at an address of the test's
PROGRAM = """
import sys
from face_detect_ros.cli import app
from face_detect_ros.detectors import catalogue
from face_detect_ros.zoo.published.checkpoints import CHECKPOINTS, Checkpoint, RemoteFile
url = sys.argv.pop(1)
CHECKPOINTS["tiny"] = Checkpoint("tiny", (RemoteFile("w.pt", url),), url, "MIT", url, 64, "two classes", None, "")
catalogue.CATALOGUE["tiny"] = catalogue.CatalogueEntry("tiny", "objects", "m:f", "MIT", "for tests", checkpoint="tiny")
app.main()
"""


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


@pytest.fixture
def tiny(server, monkeypatch) -> Checkpoint:
    """A checkpoint of that name, and the detectors tiny and tiny-attn of the catalogue, which both use it."""
    checkpoint = server.checkpoint("tiny", config_json=b"{}", w_pt=CONTENT)
    monkeypatch.setitem(checkpoints.CHECKPOINTS, "tiny", checkpoint)
    for name in ("tiny", "tiny-attn"):
        entry = catalogue.CatalogueEntry(name, "objects", "m:f", "MIT", "for tests", checkpoint="tiny")
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
    return checkpoint


def listed() -> dict[str, dict[str, object]]:
    answer = invoke("list", "--json")
    assert answer.exit_code == 0
    return {row["name"]: row for row in json.loads(answer.stdout)}


def test_list_has_every_detector_of_both_tasks(tiny) -> None:
    rows = listed()
    assert set(rows) == {entry.usage for entry in entries().values()}
    assert rows["mmod"]["here"] == "yes"
    assert rows["onnx:FILE"]["here"] == "yours"
    assert rows["tiny-attn"] == {
        "name": "tiny-attn",
        "task": "objects",
        "description": "for tests",
        "license": "MIT",
        "input_size": 64,
        "ap": 12.3,
        "here": "no",
        "checkpoint": "tiny",
    }
    answer = invoke("list")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0].split() == ["name", "task", "license", "input", "AP", "here"]
    assert ["tiny", "objects", "MIT", "64", "12.3", "no"] in [line.split() for line in lines]


def test_fetch_then_it_is_here(tiny, models) -> None:
    answer = invoke("fetch", "tiny", "tiny-attn")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        f"tiny: {tiny.source}; license: MIT ({tiny.license_stated})",
        f"tiny: {models}/tiny",
    ]
    assert (models / "tiny" / "w.pt").read_bytes() == CONTENT
    assert listed()["tiny"]["here"] == listed()["tiny-attn"]["here"] == "yes"
    (models / "tiny" / "w.pt").unlink()
    assert listed()["tiny"]["here"] == "partly"


def test_one_that_cannot_be_had_does_not_stop_the_others(tiny, server, models, monkeypatch) -> None:
    gone = server.checkpoint("gone", w_pt=CONTENT)
    server.files.clear()
    server.checkpoint("tiny", config_json=b"{}", w_pt=CONTENT)
    monkeypatch.setitem(checkpoints.CHECKPOINTS, "gone", gone)
    entry = catalogue.CatalogueEntry("gone", "objects", "m:f", "MIT", "for tests", checkpoint="gone")
    monkeypatch.setitem(catalogue.CATALOGUE, "gone", entry)
    answer = invoke("fetch", "gone", "tiny")
    assert answer.exit_code == 1
    assert "HTTP 404" in answer.stderr
    assert (models / "tiny" / "w.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "nothing"], "'nothing' is not known; choose one of: centerface, "),
        (["fetch", "mmod"], "comes with its weights; there is nothing to fetch"),
        (["fetch", "onnx"], "works on a file of yours"),
        (["fetch"], "Missing argument"),
        (["verify", "nothing"], "not known"),
        (["info", "nothing"], "not known"),
        (["export", "mmod", "m.onnx"], "'mmod' is for task 'faces'"),
        (["export", "yolov9-t", "m.onnx", "--opset", "3"], "opset 3"),
    ],
)
def test_names_that_cannot_be_are_bad_arguments(arguments, said) -> None:
    answer = invoke(*arguments)
    assert answer.exit_code == 2
    assert said in answer.stderr


def test_info_says_all_that_is_known(tiny, models) -> None:
    invoke("fetch", "tiny")
    (models / "tiny" / "w.pt").write_bytes(b"other")
    record = json.loads(invoke("info", "tiny", "--json").stdout)
    assert record["license"] == "MIT"
    assert record["source"] == tiny.source
    assert record["folder"] == str(models / "tiny")
    assert [file["state"] for file in record["files"]] == ["ok", "altered"]
    text = invoke("info", "tiny").stdout
    for needed in (tiny.source, tiny.files[1].url, tiny.files[1].sha256, "altered", "two classes", "12.3"):
        assert needed in text
    assert "dlib's CNN" in invoke("info", "mmod").stdout
    assert "ONNX file of yours" in invoke("info", "onnx:FILE").stdout


def test_a_digest_that_nobody_published_is_recorded_on_first_fetch(server, monkeypatch) -> None:
    entry = catalogue.CatalogueEntry("other", "objects", "m:f", "MIT", "for tests", checkpoint="other")
    monkeypatch.setitem(catalogue.CATALOGUE, "other", entry)
    monkeypatch.setitem(checkpoints.CHECKPOINTS, "other", server.checkpoint("other", known=False, w_pt=b"x"))
    assert "recorded on first fetch" in invoke("info", "other").stdout


def test_verify_reads_everything_and_says_what_is_wrong(tiny, models, monkeypatch) -> None:
    # what the setup brought does not count here
    monkeypatch.setattr(cache, "installed_root", lambda: models / "none")
    assert invoke("verify").stdout == f"no models in {models}\n"
    assert invoke("verify", "tiny").exit_code == 1
    invoke("fetch", "tiny")
    answer = invoke("verify")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        f"{models}/tiny/config.json: ok",
        f"{models}/tiny/w.pt: ok",
        "1 model, 0 files wrong",
    ]
    (models / "tiny" / "w.pt").write_bytes(b"x" + CONTENT[1:])
    answer = invoke("verify", "tiny")
    assert answer.exit_code == 1
    assert "damaged or another file" in answer.stdout


def start(url: str, *arguments: str, **options: object) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, url, "models", *arguments], **options)


def wait_for_part(part: Path) -> None:
    deadline = time.monotonic() + 30
    while not part.exists() or part.stat().st_size < 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_leaves_what_the_next_run_continues(server, models) -> None:
    url = server.checkpoint("tiny", w_pt=CONTENT).files[0].url
    server.files["/tiny/w.pt"].slow_s = 0.2
    process = start(url, "fetch", "tiny", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = models / "tiny" / "w.pt.part"
    wait_for_part(part)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=100)
    assert process.returncode == 130
    assert error == "face_detect_ros: tiny: interrupted; the same command continues where it stopped\n"
    size = part.stat().st_size
    server.files["/tiny/w.pt"].slow_s = 0.0
    assert start(url, "fetch", "tiny", stdout=subprocess.DEVNULL).wait(30) == 0
    assert server.ranges_asked()[-1] == f"bytes={size}-"
    assert (models / "tiny" / "w.pt").read_bytes() == CONTENT


def test_a_terminal_shows_how_far_it_is_and_a_pipe_does_not(server) -> None:
    url = server.checkpoint("tiny", w_pt=CONTENT).files[0].url
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = start(url, "fetch", "tiny", stdout=subprocess.PIPE, stderr=follower, env=environment, text=True)
    os.close(follower)
    shown = shown_until_closed(leader)
    output = process.communicate(timeout=100)[0]
    assert process.returncode == 0
    assert "w.pt" in shown
    assert "500.0" in shown
    assert len(output.splitlines()) == 2


def test_convert_writes_numbers_only_and_replaces_nothing_unasked(tmp_path) -> None:
    from face_detect_ros.nn.yolov9.network import YoloV9
    from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

    source, target, labels = tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "labels.txt"
    yolov9_weights.save(source, YoloV9("t", 2), ("nut", "bolt"), input_size=64)
    labels.write_text("Mutter\n\nSchraube\n")
    assert invoke("convert", source, target, "--license", "MIT", "--labels", labels).exit_code == 0
    loaded = yolov9_weights.load(target)
    assert (loaded.variant, loaded.labels, loaded.license) == ("t", ("Mutter", "Schraube"), "MIT")
    again = invoke("convert", source, target)
    assert again.exit_code == 1
    assert str(target) in again.stderr
    missing = invoke("convert", tmp_path / "none.pt", target, "--overwrite")
    assert missing.exit_code == 1
    assert "none.pt" in missing.stderr
    assert invoke("convert", source, target, "--labels", tmp_path / "none.txt").exit_code == 2


def test_a_fetched_model_detects_and_an_altered_one_is_not_loaded(
    server, models, tmp_path, monkeypatch
) -> None:
    detr_models = pytest.importorskip("helpers.detr_models", reason="needs transformers")
    saved = detr_models.save(tmp_path / "saved", "rt_detr_v2")
    files = {path.name: path.read_bytes() for path in saved.iterdir()}
    monkeypatch.setitem(checkpoints.CHECKPOINTS, "tiny", server.publish("tiny", files))
    entry = catalogue.CatalogueEntry(
        "tiny",
        "objects",
        "face_detect_ros.detectors.detr.detector:create",
        "MIT",
        "for tests",
        checkpoint="tiny",
    )
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", replace(entry, precisions=ANY_PRECISION))
    with pytest.raises(WeightsError, match="models fetch tiny"):
        catalogue.create("tiny", task="objects", device="cpu")
    assert invoke("fetch", "tiny").exit_code == 0
    with contextlib.closing(catalogue.create("tiny", task="objects", device="cpu")) as detector:
        (found,) = detector.detect([detr_models.picture(48, 64)], DetectOptions(score_threshold=0.0))
        assert len(found) > 0
        assert set(detector.labels) == set(detr_models.LABELS.values())
    exported = tmp_path / "tiny.onnx"
    answer = invoke("export", "tiny", exported)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.startswith(f"{exported}: 5 classes, any number of ")
    with contextlib.closing(catalogue.create(f"onnx:{exported}", task="objects", device="cpu")) as detector:
        assert set(detector.labels) == set(detr_models.LABELS.values())
    assert invoke("export", "tiny", exported).exit_code == 1  # it exists
    weights = models / "tiny" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="damaged or another file"):
        catalogue.create("tiny", task="objects", device="cpu")
