# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Paths that this user may not look at, or that are too long: an error that says so, no traceback, no false answer."""

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
