# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a missing path may have meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from face_detect_ros.files.near import near_name, near_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "Holiday.jpg").touch()
    (tmp_path / "photos" / "model.onnx").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("photos/Holidai.jpg", "photos/Holiday.jpg"),
        ("photos/holiday.jpg", "photos/Holiday.jpg"),
        ("photos/Holiday.png", "photos/Holiday.jpg"),
        ("photos/model", "photos/model.onnx"),
        ("photo/Holiday.jpg", "photos"),
    ],
)
def test_what_is_near_is_named(folder: Path, given: str, meant: str) -> None:
    assert near_path(folder / given).endswith(f"; did you mean {folder / meant}?")


def test_the_folder_that_is_missing_is_named(folder: Path) -> None:
    assert near_path(folder / "elsewhere" / "deep" / "a.jpg") == f"; {folder / 'elsewhere'} is missing"


def test_nothing_is_made_up(folder: Path) -> None:
    assert near_path(folder / "photos" / "zebra.bin") == ""


def test_control_characters_of_a_name_are_escaped(folder: Path) -> None:
    (folder / "a\x1b[2Jb.txt").touch()
    assert "\x1b" not in near_path(folder / "a\x1b[2Jc.txt")


def test_names() -> None:
    assert near_name("yolov9-robt", ["yolov9-robot", "dfine-n"]) == "; did you mean yolov9-robot?"
    assert near_name("zebra", ["yolov9-robot"]) == ""
