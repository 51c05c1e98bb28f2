# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Paths that are private, too long or cannot be: an error that says so, no traceback and no false answer."""

import tempfile
from pathlib import Path

import pytest
from helpers.private import looked_at_by_nobody
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app

VERBS = {
    "people remove": ("people", "remove", "X", "--gallery"),
    "people list": ("people", "list", "--gallery"),
    "detect": ("detect",),
    "detect --gallery": ("detect", "sample:astronaut", "--gallery"),
    "enroll": ("enroll",),
    "report": ("report",),
    "bag info": ("bag", "info"),
    "bag find": ("bag", "find", "--name", "X"),
    "view": ("view",),
}


def invoke(verb: str, path: object) -> Result:
    return CliRunner().invoke(app, [*VERBS[verb], str(path)])


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_of_another_user(tmp_path, monkeypatch, verb):
    monkeypatch.setenv("ROS_HOME", "/nonexistent")
    invoke(verb, tmp_path / "missing")  # imports what it needs
    with looked_at_by_nobody(tmp_path / "private"):
        result = invoke(verb, tmp_path / "private" / "name")
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2)
    assert "private/name: Permission denied; " in result.output


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"people list"}))
def test_a_name_that_is_too_long(verb):
    result = invoke(verb, "a" * 300)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2)
    assert f"{'a' * 300}" in result.output


@pytest.mark.parametrize("verb", ["detect", "enroll", "report", "bag info", "bag find"])
def test_the_content_of_a_private_folder(tmp_path, monkeypatch, verb):
    monkeypatch.setenv("ROS_HOME", "/nonexistent")
    invoke(verb, tmp_path)
    with tempfile.TemporaryDirectory() as above:  # unlike tmp_path, others may reach what is in it
        Path(above).chmod(0o711)
        with looked_at_by_nobody(Path(above) / "private"):
            result = invoke(verb, Path(above) / "private")
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Permission denied" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("detect", "{}"),
        ("detect", "sample:astronaut", "--gallery", "{}"),
        ("detect", "sample:astronaut", "--model", "yunet:{}"),
        ("detect", "sample:astronaut", "--task", "objects", "--model", "{}"),
        ("enroll", "{}"),
        ("enroll", "people", "--gallery", "{}"),
        ("view", "{}"),
        ("models", "convert", "{}", "new.safetensors"),
    ],
    ids=" ".join,
)
def test_a_home_of_a_user_who_does_not_exist(tmp_path, monkeypatch, arguments):
    (tmp_path / "people" / "Ann").mkdir(parents=True)
    (tmp_path / "people" / "Ann" / "photo.jpg").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROS_HOME", "/nonexistent")
    result = CliRunner().invoke(app, [argument.format("~nosuchuser/x") for argument in arguments])
    assert isinstance(result.exception, SystemExit), result.exception
    assert "~nosuchuser/x" in result.output
