# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros detect` on live sources and samples, and what `--show` draws."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.sources import MjpegCamera
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.cli.common.show import as_blocks

COMMAND = [sys.executable, "-m", "face_detect_ros.cli.app", "detect"]


def test_a_sample() -> None:
    result = CliRunner().invoke(app, ["detect", "sample:astronaut", "--json"])
    assert result.exit_code == 0, result.output
    (record,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert Path(record["image"]).name.startswith("astronaut")
    assert [face["class"] for face in record["detections"]] == ["face"]


def test_a_missing_file_names_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    result = CliRunner().invoke(app, ["detect", str(tmp_path / "holidai.jpg")])
    assert result.exit_code == 2
    assert f"did you mean {tmp_path / 'holiday.jpg'}?" in result.stderr


def test_a_network_camera_goes_on_until_ctrl_c_and_its_video_is_complete(tmp_path: Path) -> None:
    with MjpegCamera() as camera:
        command = [*COMMAND, camera.url, "--json", "--save", str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            records = [json.loads(process.stdout.readline()) for _ in range(4)]
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert [record["image"] for record in records] == [f"{camera.url}#{number}" for number in range(4)]
    assert (tmp_path / "stream.mp4").stat().st_size > 0


def test_a_camera_that_is_not_there_ends_with_its_reason() -> None:
    result = CliRunner().invoke(app, ["detect", "/dev/video97"])
    assert result.exit_code == 1
    assert "/dev/video97" in result.stderr


def test_show_draws_in_the_terminal() -> None:
    leader, follower = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        [*COMMAND, "sample:astronaut", "--show"], stdout=subprocess.DEVNULL, stderr=follower, env=environment
    )
    os.close(follower)
    drawn = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        drawn += part
    os.close(leader)
    assert process.wait(60) == 0
    assert "\N{UPPER HALF BLOCK}".encode() in drawn


def test_show_without_display_and_terminal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["detect", "sample:astronaut", "--show"])
    assert result.exit_code == 2
    assert "--save" in result.stderr


@pytest.mark.parametrize(
    ("height", "width", "columns", "lines"), [(480, 640, 80, 24), (1000, 10, 80, 24), (10, 900, 40, 5)]
)
def test_blocks_fit_the_terminal_and_keep_the_shape(
    height: int, width: int, columns: int, lines: int
) -> None:
    text = as_blocks(np.full((height, width, 3), (10, 200, 30), np.uint8), columns, lines)
    rows = text.splitlines()
    assert 1 <= len(rows) <= lines
    assert rows[0].count("\N{UPPER HALF BLOCK}") <= columns
    assert "38;2;10;200;30" in rows[0]
