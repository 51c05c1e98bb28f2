# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports about trainings, benchmarks and evaluations."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.reports.figures import figures_report, read_figures, read_images
from face_detect_ros.reports.training import training_report


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_training_has_curves_with_the_best_epoch(tmp_path):
    written(tmp_path / "curve.csv", "epoch,loss_box,AP,rate\n1,3.0,,0.1\n2,1.5,0.4,0.1\n3,2.0,0.3,0.1\n")
    page = training_report(tmp_path).html()
    for text in ("3 epochs", "Loss by epoch", "Average precision by epoch", "Rate by epoch"):
        assert text in page
    assert '<td>AP</td><td class="number">0.3</td><td class="number">0.4</td>' in page
    assert '<td>loss_box</td><td class="number">2</td><td class="number">1.5</td>' in page


def test_a_damaged_curve_is_named(tmp_path):
    written(tmp_path / "curve.csv", "epoch,AP\n1,x\n")
    with pytest.raises(SourceError, match=r"curve\.csv"):
        training_report(tmp_path)


def test_a_benchmark_has_bars_beside_its_peers(tmp_path):
    rows = [
        {
            "name": "a",
            "unit": "ms",
            "ours": 2.0,
            "peer": 4.0,
            "peer_name": "them",
            "limit": None,
            "goal": 3.0,
        },
        {"name": "b", "unit": "MB", "ours": 5.0, "peer": None, "peer_name": "", "limit": 1.0, "goal": None},
    ]
    page = figures_report({"machine": "x86", "rows": rows}, "Speed").html()
    for text in (
        "<h1>Speed</h1>",
        "2 ms (2x)",
        "4 ms them",
        "5 MB",
        "x86",
        "<dt>better than the peer</dt><dd>1</dd>",
    ):
        assert text in page


def test_other_benchmarks_have_bars_by_unit_and_a_table():
    rows = [
        {"model": "m", "engine": "torch", "device": "cpu", "total_ms": 30.0, "peak_mb": 500.0, "problem": ""},
        {
            "model": "m",
            "engine": "other",
            "device": "",
            "total_ms": None,
            "peak_mb": None,
            "problem": "not here",
        },
    ]
    page = figures_report({"machine": "x86", "rows": rows, "fastest": {"m": "torch"}}, "Engines").html()
    for text in ("m, torch", "30 ms", "500 MB", "<td>not here</td>", "<td>fastest.m</td>"):
        assert text in page


def test_an_evaluation_has_figures_confusion_and_images(tmp_path):
    confusion = [
        {"labeled": "cat", "found": "cat", "count": 7},
        {"labeled": "cat", "found": "dog", "count": 2},
        {"labeled": None, "found": "dog", "count": 3},
    ]
    figures = {
        "AP": 0.5, "model": "m", "per_class": {"cat": {"AP": 0.6, "AP50": None, "boxes": 9}}, "confusion": confusion,
        "curve": [{"recall": 0.0, "precision": 1.0}, {"recall": 1.0, "precision": 0.5}],
    }  # fmt: skip
    (tmp_path / "worst").mkdir()
    cv2.imwrite(str(tmp_path / "worst" / "01_3_mistakes.png"), np.zeros((900, 600, 3), np.uint8))
    page = figures_report(figures, "Cats", read_images(tmp_path / "worst")).html()
    for text in (
        "<dt>AP</dt><dd>0.5</dd>",
        '<td>cat</td><td class="number">9</td><td class="number">0.6</td><td>-</td>',
        "Precision by recall",
        '<th scope="row">cat</th><td class="number" style="--share:47%">7</td>'
        '<td class="number" style="--share:13%">2</td><td class="number zero" style="--share:0%">0</td>',
        'alt="01 3 mistakes"',
    ):
        assert text in page


SIZE = {"from_px": 12, "to_px": None, "faces": 3, "recall": 0.5}
RATES = {"people": 10, "false_accept": 0.01, "false_reject": None, "wrong_name": 0.0}
HEAT = {"pointing_game": {"cat": 0.9}, "energy_inside": {"cat": 0.5}, "deletion": {"cat": 0.2}}


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        ({"labeled": {"recall_by_size": [SIZE]}}, "12 px and more"),
        ({"sequences": {"A": {"HOTA": 40.0, "IDF1": 50.0}}, "combined": {"HOTA": 40.0}}, "<td>A</td>"),
        ({"sizes": [RATES], "nearest_only": []}, "10 people"),
        ({**HEAT, "baselines": {"center": HEAT}}, "Pointing game"),
        ({"by_distance_mm": {"1": {"median": 2.0, "p95": 3.0, "max": None}}}, "Error by distance"),
    ],
    ids=["sizes", "sequences", "galleries", "heat maps", "distances"],
)
def test_every_evaluation_has_its_charts(figures, shown):
    page = figures_report(figures, "Figures").html()
    assert shown in page
    assert "<svg" in page


@pytest.mark.parametrize("content", ["[]", "{}", "3", '"text"'])
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(ConfigError, match="--json"):
        read_figures(written(tmp_path / "other.json", content))


@pytest.mark.parametrize(
    "content",
    [{"rows": [{"name": "a", "unit": "ms", "ours": "fast", "peer": 2.0}]}, {"combined": 5}, {"curve": [1]}],
    ids=["rows", "combined", "curve"],
)
def test_json_of_another_program_is_refused(tmp_path, content):
    file = written(tmp_path / "x.json", content)
    done = CliRunner().invoke(app, ["report", str(file)])
    assert (done.exit_code, done.exception.__class__) == (2, SystemExit)
    assert not (tmp_path / "x.report.html").exists()
