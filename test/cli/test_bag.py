# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The verbs `bag` and `fleet`: what they print and how they end."""

import json

import pytest
from helpers.bags import CAMERA, DELAY_NS, START_NS, BagMaker, SquareDetector, camera_bag, corner, pipeline_of
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.pipeline.recipe import Recipe


@pytest.fixture
def bag(tmp_path, monkeypatch):
    monkeypatch.setattr(Recipe, "build", lambda self: pipeline_of(SquareDetector()))
    return camera_bag(tmp_path / "drive", 3)


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_json_is_one_object_per_image_and_nothing_else(bag, tmp_path):
    done = invoke("bag", "--json", bag, tmp_path / "out")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["detections"][0]["box"][0] for line in lines] == [corner(number) for number in range(3)]
    first = lines[0]
    assert (first["image"], first["topic"], first["task"]) == (f"{bag}#{CAMERA}", CAMERA, "faces")
    assert (first["stamp_ns"], first["log_ns"]) == (START_NS, START_NS + DELAY_NS)
    again = invoke("bag", bag, tmp_path / "out")
    assert again.exit_code == 0
    assert "is there already" in again.stdout


def test_what_was_found_is_listed(bag, tmp_path):
    assert invoke("bag", "process", bag, tmp_path / "out").exit_code == 0
    done = invoke("bag", "find", tmp_path / "out", "--class", "face")
    assert done.exit_code == 0
    assert f"{bag} {CAMERA}  0.0-0.2 s  #1 face  3 images, score 0.90" in done.stdout
    [found] = [
        json.loads(line) for line in invoke("bag", "find", tmp_path / "out", "--json").stdout.splitlines()
    ]
    assert (found["what"], found["track"], found["images"], found["nearest_m"]) == ("face", 1, 3, None)
    nobody = invoke("bag", "find", tmp_path / "out", "--name", "Ann")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert "nothing was found" in nobody.stderr
    assert invoke("bag", "find", tmp_path / "out", "--near", "soon").exit_code == 2
    assert invoke("bag", "find", tmp_path / "drive").exit_code == 2


def test_times_are_those_since_the_first_image_of_any_result(bag, tmp_path):
    for name, part in (("first", ("--to", "0.05")), ("last", ("--from", "0.15"))):
        done = invoke("bag", "process", bag, tmp_path / "out" / name, *part)
        assert done.exit_code == 0, done.output
    found = invoke("bag", "find", tmp_path / "out").stdout.splitlines()
    assert [line.split()[2] for line in found] == ["0.0-0.0", "0.2-0.2"]


def test_info_says_what_can_be_processed(bag):
    done = invoke("bag", "info", bag)
    assert done.exit_code == 0
    assert "images (rgb8)" in done.stdout
    record = json.loads(invoke("bag", "info", "--json", bag).stdout)
    uses = {topic["topic"]: topic["use"] for topic in record["topics"]}
    assert uses == {CAMERA: "images", "/chatter": None, "/robot_description": None}
    file = bag / "drive.mcap"
    file.write_bytes(file.read_bytes()[:-100])
    broken = invoke("bag", "info", bag)
    assert broken.exit_code == 1
    assert "cut off" in broken.stderr


def test_names_from_a_bag_do_not_command_the_terminal(bag, tmp_path):
    with BagMaker(tmp_path / "odd") as odd:
        odd.image(0, "/cam\x1b[2J\nera/image_raw")
    done = invoke("bag", "info", tmp_path / "odd")
    assert "/cam\\x1b[2J\\nera/image_raw  " in done.stdout
    assert len(done.stdout.splitlines()) == 2
    detected = invoke("detect", tmp_path / "odd")
    assert "/cam\\x1b[2J\\nera/image_raw#0: " in detected.stdout


def test_a_fleet_does_not_write_into_the_result_of_bag(bag, tmp_path):
    assert invoke("bag", bag, tmp_path / "one").exit_code == 0
    there = sorted((tmp_path / "one").iterdir())
    done = invoke("fleet", bag, tmp_path / "one", "--workers", "1")
    assert done.exit_code == 2
    assert "is a bag" in done.stderr
    assert sorted((tmp_path / "one").iterdir()) == there


def test_a_report_about_many_bags_says_which_are_there(bag, tmp_path):
    invoke("fleet", bag, tmp_path / "out", "--workers", "1")
    done = invoke("report", tmp_path / "out")
    assert done.exit_code == 2
    assert f"{tmp_path / 'out'}/bags/NAME" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ["{bag}", "{out}", "--task", "cats"],
            "task 'cats' is unknown; choose from: faces, objects",
            id="task",
        ),
        pytest.param(
            ["{bag}", "{out}", "--task", "faces,objects", "--model", "x"], "belongs to one task", id="model"
        ),
        pytest.param(
            ["{bag}", "{out}", "--anonymize", "--task", "objects"], "needs the task faces", id="anonymize"
        ),
        pytest.param(
            ["{bag}", "{out}", "--anonymize", "--hide", "feet"],
            "choose one of: faces, heads, persons",
            id="hide",
        ),
        pytest.param(["{bag}", "{out}", "--cover", "paint"], "style is 'paint'", id="cover"),
        pytest.param(["{bag}", "{out}", "--score-threshold", "2"], "from 0 to 1", id="threshold"),
        pytest.param(
            ["{bag}", "{out}", "--from", "3", "--to", "2"],
            "the end, 2 s, is not after the start, 3 s; give a later end",
            id="times",
        ),
        pytest.param(["{bag}", "{out}", "--from", "nan"], "from is nan s", id="from, no number"),
        pytest.param(["{bag}", "{out}", "--to", "inf"], "to is inf s", id="to, endless"),
        pytest.param(["{bag}", ""], "is empty", id="no OUT"),
        pytest.param(["{bag}", "."], "name of a new folder", id="OUT without a name"),
        pytest.param(["{bag}", ".."], "name of a new folder", id="OUT above"),
        pytest.param(["{bag}", "{bag}"], "exists already", id="out exists"),
        pytest.param(["{out}", "{out}2"], "no such bag", id="no bag"),
        pytest.param(["{empty}", "{out}"], "not a bag; there are no .mcap", id="empty folder"),
    ],
)
def test_bad_arguments(bag, tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    places = {"bag": bag, "out": tmp_path / "out", "empty": tmp_path / "empty"}
    done = invoke("bag", *(text.format(**places) for text in arguments))
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_fleet_reports_and_sets_aside(bag, tmp_path):
    (tmp_path / "broken.mcap").write_bytes(b"not a bag")
    (tmp_path / "list.txt").write_text("broken.mcap\n")
    done = invoke("fleet", tmp_path / "list.txt", tmp_path / "out", "--workers", "1")
    assert done.exit_code == 1
    assert "set aside" in done.stderr
    assert "0 of 1 bags" in done.stdout
    assert invoke("fleet", tmp_path / "list.txt", tmp_path / "out", "--every", "2").exit_code == 2
    assert invoke("fleet", tmp_path / "missing.txt", tmp_path / "out2").exit_code == 2


@pytest.mark.parametrize("verb", [["bag"], ["bag", "process"], ["bag", "info"], ["bag", "find"], ["fleet"]])
def test_every_verb_has_help(verb):
    done = invoke(*verb, "--help")
    assert done.exit_code == 0
    assert verb == ["bag"] or "Exit code" in done.stdout
