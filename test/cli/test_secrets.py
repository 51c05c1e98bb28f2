# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""No verb shows the password of a camera, however its address is mistyped, nor lets a text command the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from face_detect_ros.cli.app import app

MISTYPED = [
    "rtsp:/admin:hunter2@camera/main",
    "rtsp//admin:hunter2@camera/main",
    "rtps://admin:hunter2@camera/main",
    "admin:hunter2@camera/main",
]


def output(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code in (1, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output + result.stderr


@pytest.mark.parametrize("address", MISTYPED)
@pytest.mark.parametrize(
    "arguments",
    [
        ["detect", "{}"],
        ["enroll", "{}"],
        ["people", "import", "{}"],
        ["demo", "--out", "out", "--source", "{}"],
        ["evaluate", "coco", "{}", "--images", "{}"],
        ["train", "{}"],
        ["models", "convert", "{}", "x.safetensors", "--license", "MIT"],
    ],
    ids=lambda value: " ".join(value[:2]),
)
def test_mistyped_addresses_are_not_shown(
    arguments: list[str], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = output(*(each.replace("{}", address) for each in arguments))
    assert said
    assert "hunter2" not in said


def test_names_of_files_cannot_command_the_terminal(tmp_path: Path) -> None:
    said = output("detect", tmp_path / "a\x1b[2Jb\nc.png")
    assert "\x1b" not in said
    assert "a\\x1b[2Jb\\nc.png" in said
