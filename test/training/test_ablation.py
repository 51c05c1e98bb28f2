# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The comparison of networks with and without attention and PGI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.training_data import NARROW, SHALLOW, write_images
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app
from face_detect_ros.nn.yolov9.variants import VARIANTS
from face_detect_ros.training import ablation
from face_detect_ros.training.learners.start import Architecture

pytestmark = pytest.mark.usefixtures("unrecorded", "timed_once")

COMMAND = ["--epochs", "1", "--input-size", "64", "--device", "cpu"]


@pytest.fixture
def timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "_TIMED", 1)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["ablation", *map(str, arguments)])


def test_every_combination_is_trained() -> None:
    named = ablation.architectures("t")
    assert len(named) == len({vars(each).values().__repr__() for each in named.values()}) == 8
    assert named["none"] == Architecture("t", False, False, False)
    assert named["self, PGI"] == Architecture("t", True, False, True)
    assert named["both"] == Architecture("t", True, True, False)


def test_what_is_trained_is_kept_and_the_table_is_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, files=("instances_train.json", "instances_dev.json"))
    monkeypatch.setitem(VARIANTS, "t", NARROW)
    every = ablation.architectures("t")
    two = {name: every[name] for name in ("none", "both, PGI")}
    monkeypatch.setattr(ablation, "architectures", lambda variant: two)
    out = tmp_path / "out"
    first = run(tmp_path, "--output", out, "--seeds", "0", *COMMAND)
    assert first.exit_code == 0, first.output
    made = {path: path.stat().st_mtime_ns for path in out.glob("*/last.safetensors")}
    assert {path.parent.name for path in made} == {"none_0", "both_PGI_0"}
    # figures whose mean and spread are known
    for name, ap in (("none", 0.1), ("none", 0.2)):
        seed = int(ap * 10)
        (out / f"{name}_{seed}").mkdir()
        record = {"name": name, "seed": seed, "AP": ap, **dict.fromkeys(ablation.FIGURES[1:])}
        (out / f"{name}_{seed}/result.json").write_text(json.dumps(record))
    own = out / "none_0/result.json"
    own.write_text(json.dumps(json.loads(own.read_text()) | {"AP": 0.3}))
    second = run(tmp_path, "--output", out, "--seeds", "0", *COMMAND)
    assert "seed 0" not in second.stderr  # nothing was trained
    assert made == {path: path.stat().st_mtime_ns for path in out.glob("*/last.safetensors")}
    lines = second.stdout.splitlines()
    plain, both = (line.split(" | ") for line in lines if line.startswith(("| none", "| both")))
    assert plain[0:2] == ["| none", "no"]
    assert plain[5] == "20.0 (20.0)"
    assert both[0:2] == ["| both", "yes"]
    assert float(both[2]) > float(plain[2]) > 0  # attention has parameters, PGI's branch is gone
    assert float(both[3]) >= float(plain[3]) > 0
    assert "Mean of 3 seeds; in brackets, the largest less the smallest." in lines


def test_what_a_part_adds_is_judged_by_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANTS, "t", SHALLOW)
    for name, built in ablation.architectures("t").items():
        for seed in (0, 1):
            folder = tmp_path / f"{name}_{seed}"
            folder.mkdir()
            # seeds lie far apart; self-attention adds 2 always; PGI adds 2 with seed 0, takes 2 with seed 1
            ap = 0.1 + 0.5 * seed + 0.02 * built.self_attention + 0.02 * (1 - 2 * seed) * built.auxiliary
            record = {"name": name, "seed": seed, "AP": ap, **dict.fromkeys(ablation.FIGURES[1:])}
            if (name, seed) != ("both", 1):  # not trained yet
                (folder / "result.json").write_text(json.dumps(record))
    lines = [line.split(" | ") for line in ablation.table(tmp_path, 2, 64)]
    added = {
        line[0]: line[1:3] for line in lines if line[0] in ("| self-attention", "| cross-attention", "| PGI")
    }
    assert added == {
        "| self-attention": ["7", "+2.0 ± 0.0"],
        "| cross-attention": ["7", "+0.0 ± 0.0"],
        "| PGI": ["7", "+0.3 ± 0.8"],  # four times 2, three times -2
    }


def test_bad_arguments(tmp_path: Path) -> None:
    assert "whole numbers" in run(tmp_path, "--output", tmp_path / "out", "--seeds", "a").stderr
    missing = run(tmp_path, "--output", tmp_path / "out")
    assert missing.exit_code == 2
    assert "instances_train.json" in missing.stderr
