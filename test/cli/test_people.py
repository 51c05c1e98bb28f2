# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros enroll` and `people` as people and scripts run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.galleries import MODEL, faces
from skimage.data import astronaut
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app
from face_detect_ros.faces.gallery.gallery import Gallery


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])
    return path


@pytest.fixture
def gallery(tmp_path):
    return tmp_path / "g" / "gallery.sqlite3"


@pytest.fixture
def filled(gallery):
    with Gallery(gallery, MODEL) as opened:
        for name, look in zip(("Anna", "Ben", "Zoë 王"), faces(3), strict=True):
            opened.enroll(name, look, f"{name}.jpg")
    return gallery


def names(gallery: Path) -> list[str]:
    with Gallery(gallery) as opened:
        return [person.name for person in opened.people()]


def test_enroll_a_folder_of_people(tmp_path, gallery):
    face = astronaut()[:300, 80:380]
    people = tmp_path / "people"
    write(people / "Eileen" / "1.png", face)
    write(people / "Eileen" / "2.png", np.ascontiguousarray(face[:, ::-1]))
    write(people / "Eileen" / "blurred.png", cv2.GaussianBlur(face, (0, 0), 3))
    write(people / "Eileen" / "empty.png", np.zeros((200, 200, 3), np.uint8))
    write(people / "Eileen" / "two.png", np.hstack([face, face]))
    write(people / "Eileen" / "small.png", cv2.resize(face, (120, 120), interpolation=cv2.INTER_AREA))
    (people / "Eileen" / "notes.txt").write_text("no image")
    write(people / "Other" / "same.png", face)
    write(people / "unknown" / "1.png", face)
    (people / "Other" / "bad.jpg").write_bytes(b"rubbish")
    (people / "Other" / "camera.CR2").write_bytes(b"II*\0")
    (people / "Other" / "letter.docx").write_bytes(b"PK")
    write(people / ".hidden" / "1.png", face)

    result = invoke("enroll", people, "--gallery", gallery, "--json")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    outcome = {
        (record["person"], Path(record["image"]).name): record.get("reason", "enrolled") for record in records
    }
    assert outcome == {
        ("Eileen", "1.png"): "enrolled",
        ("Eileen", "2.png"): "enrolled",
        ("Eileen", "blurred.png"): "blurred",
        ("Eileen", "empty.png"): "no_face",
        ("Eileen", "two.png"): "several_faces",
        ("Eileen", "small.png"): "too_small",
        ("Other", "bad.jpg"): "unreadable",
        ("Other", "camera.CR2"): "unreadable",
        ("Other", "letter.docx"): "unreadable",
        ("Other", "same.png"): "somebody_else",
        ("unknown", "1.png"): "name",
    }
    assert all(record["message"] for record in records if not record["enrolled"])
    assert result.exit_code == 1
    assert "bad.jpg" in result.stderr
    assert "camera.CR2: camera raw files are not read" in result.stderr

    # again adds nothing, and the report for people says what was refused
    result = invoke("enroll", people, "--gallery", gallery)
    assert "2 known already, 4 refused" in result.stdout
    assert "already 'Eileen'" in result.stdout
    with Gallery(gallery) as opened:
        (person,) = opened.people()
        assert (person.name, person.looks) == ("Eileen", 2)
        assert person.sources == (str(people / "Eileen" / "1.png"), str(people / "Eileen" / "2.png"))
        assert opened.chips("Eileen") == []


def test_enroll_without_refusals_and_with_chips(tmp_path, gallery):
    write(tmp_path / "people" / "Zoë 王" / "1.png", astronaut()[:300, 80:380])
    result = invoke("enroll", tmp_path / "people", "--gallery", gallery, "--keep-chips")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Zoë 王  1 enrolled\n"
    with Gallery(gallery) as opened:
        (chip,) = opened.chips("Zoë 王")
        assert cv2.imdecode(np.frombuffer(chip, np.uint8), cv2.IMREAD_COLOR).shape == (150, 150, 3)


def test_enroll_into_a_gallery_of_another_model(tmp_path, filled):
    write(tmp_path / "people" / "A" / "1.png", np.zeros((100, 100, 3), np.uint8))
    result = invoke("enroll", tmp_path / "people", "--gallery", filled)
    assert result.exit_code == 1  # no face in it
    assert "Anna, Ben, Zoë 王: enrolled with another embedder" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "no such folder"),
        (["{empty}"], "one per person"),
        (["{flat}"], "one per person"),
        (["{file}"], "is a file"),
        (["{flat}", "--min-face-px", "0"], "min_face_px"),
        (["{flat}", "--min-sharpness", "nan"], "min_sharpness"),
        (["{flat}", "--model", "nonsense"], "nonsense"),
        (["{good}", "--embedder", "nonsense"], "nonsense"),
        (["{good}", "--device", "abacus"], "abacus"),
        ([], "FOLDER"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_enroll_with_bad_arguments(tmp_path, gallery, arguments, said):
    (tmp_path / "empty").mkdir()
    file = write(tmp_path / "flat" / "1.png", np.zeros((9, 9, 3), np.uint8))
    write(tmp_path / "good" / "A" / "1.png", np.zeros((9, 9, 3), np.uint8))
    places = {"empty": tmp_path / "empty", "flat": file.parent, "file": file, "good": tmp_path / "good"}
    result = invoke("enroll", "--gallery", gallery, *(item.format(**places) for item in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert not gallery.exists()


def test_list(filled):
    result = invoke("people", "list", "--gallery", filled)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["Anna", "Ben", "Zoë 王"]
    assert "1 look " in lines[0]
    assert "Anna.jpg" in lines[0]
    listed = json.loads(invoke("people", "list", "--json", "--gallery", filled).stdout)
    assert listed["model"] == {"id": MODEL, "version": "1"}
    assert listed["gallery"] == str(filled)
    assert [person["name"] for person in listed["people"]] == ["Anna", "Ben", "Zoë 王"]
    assert set(listed["people"][0]) == {"name", "looks", "since", "models", "sources"}


def test_list_nobody_makes_no_file(gallery, monkeypatch, tmp_path):
    result = invoke("people", "list", "--gallery", gallery)
    assert result.exit_code == 0
    assert "nobody" in result.stdout
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "home"))
    listed = json.loads(invoke("people", "list", "--json").stdout)
    assert listed["people"] == []
    assert listed["gallery"] == str(tmp_path / "home" / "face_detect_ros" / "gallery.sqlite3")
    assert list(tmp_path.iterdir()) == []


def test_remove(filled):
    result = invoke("people", "remove", "Anna", "Nobody", "Zoë 王", "--gallery", filled)
    assert result.exit_code == 1
    assert "'Nobody'" in result.stderr
    assert "erased 'Anna'" in result.stdout
    assert names(filled) == ["Ben"]
    assert invoke("people", "remove", "Ben", "--gallery", filled).exit_code == 0
    assert names(filled) == []


def test_rename(filled):
    assert invoke("people", "rename", "Anna", "Annabel", "--gallery", filled).exit_code == 0
    assert names(filled) == ["Annabel", "Ben", "Zoë 王"]
    result = invoke("people", "rename", "Annabel", "Ben", "--gallery", filled)
    assert result.exit_code == 1
    assert "'Ben' already" in result.stderr


def test_export_and_import(filled, tmp_path):
    file = tmp_path / "people.jsonl"
    result = invoke("people", "export", file, "--gallery", filled)
    assert result.exit_code == 0
    assert "3 people, 3 looks" in result.stdout
    assert invoke("people", "export", file, "--gallery", filled).exit_code == 1
    other = tmp_path / "other.sqlite3"
    result = invoke("people", "import", file, "--gallery", other)
    assert result.exit_code == 0
    assert "3 of 3 looks are new" in result.stdout
    assert "0 of 3 looks are new" in invoke("people", "import", file, "--gallery", other).stdout
    assert names(other) == ["Anna", "Ben", "Zoë 王"]
    file.write_text("rubbish")
    result = invoke("people", "import", file, "--gallery", other)
    assert result.exit_code == 1
    assert "line 1" in result.stderr


@pytest.mark.parametrize("arguments", [["remove", "A"], ["rename", "A", "B"], ["export", "{file}"]])
def test_verbs_that_need_a_gallery(gallery, tmp_path, arguments):
    arguments = [argument.format(file=tmp_path / "out") for argument in arguments]
    result = invoke("people", *arguments, "--gallery", gallery)
    assert result.exit_code == 1
    assert "enroll somebody first" in result.stderr
    assert list(tmp_path.iterdir()) == []


def damage(path):
    with Gallery(path, MODEL) as opened:
        opened.enroll("Ann", faces(1), "x")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"x" * 12000)
    return path.read_bytes()


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["export", "{file}"]])
def test_verbs_that_read_report_a_damaged_gallery_and_leave_it(tmp_path, arguments):
    path = tmp_path / "gallery.sqlite3"
    damaged = damage(path)
    arguments = [argument.format(file=tmp_path / "out") for argument in arguments]
    result = invoke("people", *arguments, "--gallery", path)
    assert result.exit_code == 1
    assert "is damaged; nothing was changed" in result.stderr
    assert path.read_bytes() == damaged
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_a_verb_that_writes_sets_a_damaged_gallery_aside(tmp_path):
    path = tmp_path / "gallery.sqlite3"
    damaged = damage(path)
    result = invoke("people", "remove", "A", "--gallery", path)
    assert result.exit_code == 1
    assert "was damaged" in result.stderr
    (aside,) = tmp_path.glob("*.damaged-*")
    assert str(aside) in result.stderr
    assert aside.read_bytes() == damaged


@pytest.mark.parametrize("arguments", [["list"], ["remove", "A"]])
def test_a_file_that_is_not_a_gallery_is_refused_and_left_alone(tmp_path, arguments):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ann")
    path.chmod(0o644)
    result = invoke("people", *arguments, "--gallery", path)
    assert result.exit_code == 1
    assert "is not a gallery" in result.stderr
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("Dear Ann", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_help():
    overview = invoke("--help").stdout
    assert "enroll" in overview
    assert "people" in overview
    for verb in (
        ["enroll"],
        *(["people", verb] for verb in ("list", "remove", "rename", "export", "import")),
    ):
        result = invoke(*verb, "--help")
        assert result.exit_code == 0
        assert "Exit code" in result.stdout
        assert "--gallery" in result.stdout
    assert invoke("people").exit_code == 2


def test_a_reader_that_leaves_is_no_error(filled):
    command = [sys.executable, "-m", "face_detect_ros.cli.app", "people", "list", "--gallery", str(filled)]
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=100, check=False)
    os.close(writing)
    assert process.returncode == 141
    assert process.stderr == b""


def test_detect_says_who_was_enrolled_with_another_embedder(tmp_path, filled):
    image = write(tmp_path / "empty.png", np.zeros((100, 100, 3), np.uint8))
    result = invoke("detect", "--task", "faces", "--gallery", filled, image)
    assert result.exit_code == 0, result.output
    assert "Anna, Ben, Zoë 王: enrolled with another embedder" in result.stderr
    assert f"by {MODEL} (version 1)" in invoke("people", "list", "--gallery", filled).stdout
