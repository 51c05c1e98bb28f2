# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate tracking` as people and scripts run it, on sequences written here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.paths import SHARED
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.evaluation.tracking.sequences import read_sequences
from face_detect_ros.tracking.catalogue import TRACKERS

MOT = SHARED / "mot"
LENGTH = 20


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", "tracking", *map(str, arguments)])


def write_sequence(
    folder: Path, name: str = "WALK", detections: str = "det.txt", score: str = "0.9", classes: bool = True
) -> Path:
    """Two people walk; a third person is a reflection where there are classes."""
    home = folder / name
    for part in ("gt", "det"):
        (home / part).mkdir(parents=True, exist_ok=True)
    (home / "seqinfo.ini").write_text(
        f"[Sequence]\nname={name}\nframeRate=10\nseqLength={LENGTH}\nimWidth=640\nimHeight=480\n"
    )
    found, labeled = [], []
    for frame in range(1, LENGTH + 1):
        for person, left in enumerate((10 + 3 * frame, 300 - 3 * frame, 500), start=1):
            found.append(f"{frame},-1,{left},100,40,90,{score},-1,-1,-1")
            kind = ("1,12,1" if person == 3 else "1,1,1") if classes else "1,-1,-1,-1"
            if classes or person < 3:
                labeled.append(f"{frame},{person},{left},100,40,90,{kind}")
    (home / "det" / detections).write_text("\n".join(found))
    (home / "gt" / "gt.txt").write_text("\n".join(labeled))
    return home


@pytest.mark.parametrize("tracker", TRACKERS)
def test_json(tmp_path: Path, tracker: str) -> None:
    write_sequence(tmp_path, "A")
    write_sequence(tmp_path, "B", classes=False)
    result = run("--sequences", tmp_path, "--tracker", tracker, "--min-hits", 1, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    figures = json.loads(result.stdout)
    assert list(figures) == ["sequences", "combined"]
    assert list(figures["sequences"]) == ["A", "B"]
    for row in (*figures["sequences"].values(), figures["combined"]):
        assert {"HOTA", "MOTA", "IDF1", "IDSW"} <= row.keys()
    perfect = {"HOTA": 100, "MOTA": 100, "IDF1": 100, "FP": 0, "FN": 0, "IDSW": 0}
    assert perfect.items() <= figures["sequences"]["A"].items()
    # without classes the third person is a false detection
    assert figures["sequences"]["B"]["FP"] == LENGTH
    assert figures["combined"]["FP"] == LENGTH


def test_a_table_for_people(tmp_path: Path) -> None:
    write_sequence(tmp_path)
    result = run("--sequences", tmp_path, "--min-hits", 1)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split()[:3] == ["sequence", "HOTA", "DetA"]
    assert result.stdout.splitlines()[1].split()[:2] == ["WALK", "100.00"]


def test_tracks_are_written_in_the_same_format(tmp_path: Path) -> None:
    write_sequence(tmp_path)
    out = tmp_path / "new" / "results"
    assert run("--sequences", tmp_path, "--min-hits", 1, "--every", 4, "--results", out).exit_code == 0
    lines = (out / "WALK.txt").read_text().splitlines()
    assert lines[0] == "1,1,13.000,100.000,40.000,90.000,1,-1,-1,-1"
    assert [line.split(",")[0] for line in lines[::3]] == ["1", "5", "9", "13", "17"]


def test_the_detections_that_every_sequence_has(tmp_path: Path) -> None:
    write_sequence(tmp_path, "A")
    write_sequence(tmp_path, "A", "det-frcnn.txt", score="0.8")
    write_sequence(tmp_path, "B", "det-frcnn.txt", score="0.8")
    assert [sequence.detections[0].scores[0] for sequence in read_sequences(tmp_path)] == pytest.approx(
        [0.8, 0.8]
    )
    (alone,) = read_sequences(tmp_path / "A")
    assert alone.detections[0].scores[0] == pytest.approx(0.9)


def test_sequences_are_chosen_by_name(tmp_path: Path) -> None:
    for name in ("A-1", "A-2", "B-1"):
        write_sequence(tmp_path, name)
    assert [sequence.name for sequence in read_sequences(tmp_path, only="A-*")] == ["A-1", "A-2"]
    with pytest.raises(ConfigError, match="matches 'C'; there are A-1, A-2, B-1"):
        read_sequences(tmp_path, only="C")


def test_margins_become_scores(tmp_path: Path) -> None:
    write_sequence(tmp_path, score="-1.2")
    (sequence,) = read_sequences(tmp_path)
    assert sequence.detections[0].scores[0] == pytest.approx(0.2315, abs=1e-4)
    assert sequence.detections[0].boxes[0].tolist() == [12, 99, 52, 189]
    assert (sequence.stamp_ns(0), sequence.stamp_ns(LENGTH - 1)) == (100_000_000, 2_000_000_000)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("seqinfo.ini", "[Sequence]\nname=A\n", "seqLength"),
        ("seqinfo.ini", "name=A\n", "seqinfo.ini cannot be read"),
        (
            "seqinfo.ini",
            "[Sequence]\nseqLength=9000000000\nframeRate=30\nimWidth=1\nimHeight=1\n",
            "seqLength is",
        ),
        ("det/det.txt", "1,-1,a,b,c,d,e", "cannot be read as MOTChallenge text"),
        ("det/det.txt", "1,-1,3\n", "fewer than 7 numbers"),
        ("det/det.txt", "1,-1,3,4,5,6,nan\n", "not finite"),
        ("gt/gt.txt", "1,1,3,4\n1,2\n", "cannot be read as MOTChallenge text"),
    ],
)
def test_files_that_are_not_in_the_format_are_named(
    tmp_path: Path, file: str, text: str, message: str
) -> None:
    (write_sequence(tmp_path) / file).write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_sequences(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "holds no sequence"),
        (["--tracker", "sort"], "tracker 'sort' is unknown; choose one of"),
        (["--min-hits", "0"], "min_hits is 0"),
    ],
    ids=["no sequence", "no such tracker", "bad option"],
)
def test_bad_arguments_are_explained(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run("--sequences", tmp_path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_sequences_without_detections_and_labels(tmp_path: Path) -> None:
    home = write_sequence(tmp_path)
    for file in ("det/det.txt", "gt/gt.txt"):
        (home / file).write_text("")
    figures = json.loads(run("--sequences", tmp_path, "--json").stdout)
    assert figures["combined"]["HOTA"] == figures["combined"]["IDSW"] == 0


@pytest.mark.skipif(not (MOT / "MOT15").is_dir(), reason="needs ../shared/data/mot")
def test_real_people() -> None:
    """Better than SORT and OC-SORT on the same detections."""
    sequence = ("--sequences", MOT / "MOT15" / "PETS09-S2L1", "--detections", "det-frcnn.txt")
    figures = json.loads(run(*sequence, "--json").stdout)["combined"]
    assert figures["HOTA"] > 34.2
    assert figures["IDF1"] > 45.2
    assert figures["IDSW"] <= 73
