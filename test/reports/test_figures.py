# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports about trainings, benchmarks and evaluations."""

import json

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.reports.figures import figures_report, training_report


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_training_has_curves_with_the_best_epoch(tmp_path):
    written(tmp_path / "curve.csv", "epoch,loss_box,AP,rate\n1,3.0,,0.1\n2,1.5,0.4,0.1\n3,2.0,0.3,0.1\n")
    page = training_report(tmp_path).html()
    for text in ("3 epochs", "Loss by epoch", "Average precision by epoch", "rate by epoch"):
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
    page = figures_report(written(tmp_path / "bench.json", {"machine": "x86", "rows": rows})).html()
    for text in ("a (beside them)", "4 ms", "5 MB", "x86"):
        assert text in page


def test_an_evaluation_has_figures_confusion_and_images(tmp_path):
    confusion = [
        {"labeled": "cat", "found": "cat", "count": 7},
        {"labeled": "cat", "found": "dog", "count": 2},
        {"labeled": None, "found": "dog", "count": 3},
    ]
    path = written(
        tmp_path / "coco.json", {"AP": 0.5, "model": "m", "per_class": {"cat": 0.6}, "confusion": confusion}
    )
    (tmp_path / "worst").mkdir()
    cv2.imwrite(str(tmp_path / "worst" / "01_3_mistakes.png"), np.zeros((900, 600, 3), np.uint8))
    page = figures_report(path, tmp_path / "worst").html()
    assert "<td>per_class.cat</td>" in page
    assert '<td>cat</td><td class="number">7</td><td class="number">2</td><td class="number">0</td>' in page
    assert 'alt="01 3 mistakes"' in page


@pytest.mark.parametrize("content", ["[]", "{}", "3", '"text"'])
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(ConfigError, match="--json"):
        figures_report(written(tmp_path / "other.json", content))
