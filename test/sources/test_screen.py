# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The screen, through FFmpeg: a virtual one where Xvfb is installed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.sources import read_on, wait_until

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.screen import ScreenArea, ffmpeg_command, parse_area


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (SourceOptions("screen"), ScreenArea(":7", None)),
        (SourceOptions("screen::0.0"), ScreenArea(":0.0", None)),
        (SourceOptions("screen:host:1"), ScreenArea("host:1", None)),
        (SourceOptions("screen::0.0+10,20", width=64, height=48), ScreenArea(":0.0", (10, 20))),
        (SourceOptions("screen:+10,20", width=64, height=48), ScreenArea(":7", (10, 20))),
    ],
    ids=lambda value: value.source if isinstance(value, SourceOptions) else "",
)
def test_area(options: SourceOptions, expected: ScreenArea) -> None:
    assert parse_area(options, ":7") == expected


@pytest.mark.parametrize(
    ("options", "display", "says"),
    [
        (SourceOptions("screen"), None, "DISPLAY is not set"),
        (SourceOptions("screen"), "", "DISPLAY is not set"),
        (SourceOptions("screen::0+5"), ":7", "cannot be understood"),
        (SourceOptions(f"screen::0+{'5' * 5000},5", width=9, height=9), ":7", "cannot be understood"),
        (SourceOptions("screen::0+5,5"), ":7", "give width and height too"),
        (SourceOptions("screen::0+5,5", width=9), ":7", "give width and height too"),
    ],
    ids=[
        "no display",
        "empty display",
        "half a corner",
        "5000 digits",
        "corner without size",
        "corner without height",
    ],
)
def test_what_cannot_be_grabbed_says_why(options: SourceOptions, display: str | None, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_area(options, display)


def test_a_part_of_the_screen_is_grabbed_at_its_own_size() -> None:
    options = SourceOptions("screen::0+10,20", width=64, height=48, rate_hz=7.5)
    command = " ".join(ffmpeg_command("ffmpeg", ScreenArea(":0", (10, 20)), options))
    assert "-framerate 7.5 -video_size 64x48 -i :0+10,20" in command
    assert "-video_size" not in ffmpeg_command("ffmpeg", ScreenArea(":0", None), options)


def test_without_a_display_opening_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(ConfigError, match="DISPLAY is not set"):
        open_source(SourceOptions("screen"))


def test_without_ffmpeg_opening_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ConfigError, match="sudo apt install ffmpeg"):
        open_source(SourceOptions("screen::0"))


@pytest.fixture
def fake_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a Python script in FFmpeg's place, for what the real one does only when it breaks."""

    def install(body: str) -> Path:
        program = tmp_path / "ffmpeg"
        pid_file = tmp_path / "pid"
        program.write_text(
            f"#!{sys.executable}\nimport os, sys, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
            f"out = sys.stdout.buffer\n{body}\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        return pid_file

    return install


IMAGE = "P6\\n4 2\\n255\\n"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("body", "timeout_s", "says"),
    [
        ("sys.exit(1)", 30.0, "ffmpeg ended: without a reason"),
        ("sys.exit('first\\nCannot open display :0')", 30.0, "ffmpeg ended: Cannot open display :0"),
        ("out.write(b'x' * 100); out.flush(); time.sleep(60)", 30.0, "not an image"),
        (f"out.write(b'{IMAGE}' + bytes(5)); out.flush()", 30.0, "ffmpeg ended"),
        ("time.sleep(60)", 1.0, r"no image for 1 s"),
    ],
    ids=["ends", "complains", "writes rubbish", "ends amid an image", "hangs"],
)
def test_a_child_that_breaks_is_reported_and_killed(
    fake_ffmpeg, body: str, timeout_s: float, says: str
) -> None:
    pid_file = fake_ffmpeg(body)
    with pytest.raises(SourceError, match=says):
        open_source(SourceOptions("screen::0", timeout_s=timeout_s))
    if pid_file.exists():
        assert wait_until(lambda: gone(int(pid_file.read_text())))


ENDLESS = f"""
n = 0
while True:
    out.write(b'{IMAGE}' + bytes([n % 256] * 24)); out.flush(); n += 1; time.sleep(0.002)
"""


def test_images_come_in_order_however_the_pipe_cuts_them(fake_ffmpeg) -> None:
    pid_file = fake_ffmpeg(ENDLESS)
    source = open_source(SourceOptions("screen::0"))
    levels = []
    for _ in range(20):
        capture = source.read()
        assert capture.image.shape == (2, 4, 3)
        assert capture.image.min() == capture.image.max()
        levels.append(int(capture.image[0, 0, 0]))
        time.sleep(0.005)  # some pile up in the pipe
    assert levels == list(range(20))
    source.close()
    source.close()
    assert gone(int(pid_file.read_text()))
    assert source.read() is None


def test_a_forgotten_source_ends_its_child(fake_ffmpeg) -> None:
    pid_file = fake_ffmpeg(ENDLESS)
    source = open_source(SourceOptions("screen::0"))
    del source
    assert wait_until(lambda: gone(int(pid_file.read_text())))


needs_x = pytest.mark.skipif(
    shutil.which("Xvfb") is None or shutil.which("ffmpeg") is None,
    reason="no Xvfb or no ffmpeg (apt install xvfb ffmpeg)",
)


@pytest.fixture
def display() -> Iterator[tuple[str, subprocess.Popen]]:
    """A virtual X display of 320x240, and its server."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "320x240x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    yield f":{number}", server
    server.kill()
    server.wait()


@needs_x
@pytest.mark.parametrize(
    ("suffix", "width", "height", "shape"),
    [
        ("", 0, 0, (240, 320, 3)),
        ("", 160, 0, (120, 160, 3)),
        ("+10,20", 64, 48, (48, 64, 3)),
        (".0", 0, 0, (240, 320, 3)),
    ],
    ids=["whole", "scaled", "part", "screen number"],
)
def test_a_real_screen(display, suffix: str, width: int, height: int, shape: tuple[int, ...]) -> None:
    name, _ = display
    source = open_source(SourceOptions(f"screen:{name}{suffix}", width=width, height=height, rate_hz=30))
    captures = [source.read() for _ in range(5)]
    assert {capture.image.shape for capture in captures} == {shape}
    # an empty X screen is black, apart from the pointer in its middle
    assert np.median(captures[-1].image) == 0
    assert source.rate_hz == 30
    source.close()


@needs_x
def test_the_display_may_come_from_the_environment(display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display[0])
    source = open_source(SourceOptions("screen"))
    assert source.read().image.shape == (240, 320, 3)
    source.close()


@needs_x
def test_a_screen_that_goes_away_is_lost(display) -> None:
    name, server = display
    source = open_source(SourceOptions(f"screen:{name}", rate_hz=60))
    source.read()
    server.send_signal(signal.SIGKILL)
    with pytest.raises(SourceError, match=r"ffmpeg ended|no image"):
        read_on(source)
    source.close()


@needs_x
def test_a_part_outside_the_screen_is_an_error_with_ffmpegs_reason(display) -> None:
    with pytest.raises(SourceError, match=r"ffmpeg ended: .+"):
        open_source(SourceOptions(f"screen:{display[0]}+300,200", width=640, height=480))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg (apt install ffmpeg)")
def test_a_display_that_does_not_exist_is_an_error_with_ffmpegs_reason() -> None:
    with pytest.raises(SourceError, match=r"screen::987: ffmpeg ended: .+"):
        open_source(SourceOptions("screen::987"))
