# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Video files, written here with OpenCV, and recorded ones where they are."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import FIELD, SHARED
from helpers.sources import cut_off, write_video

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.video import FALLBACK_RATE_HZ

LEVELS = [20, 60, 100, 140, 180]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.avi", LEVELS, rate_hz=12.5)


def levels_of(source, count: int) -> list[int]:
    """Which of LEVELS each of the next images shows; -1 at the end."""
    found = []
    for _ in range(count):
        capture = source.read()
        if capture is None:
            found.append(-1)
            continue
        mean = float(capture.image.mean())
        found.append(min(LEVELS, key=lambda value: abs(value - mean)))
    return found


def test_frames_come_in_order_and_end(clip: Path) -> None:
    source = open_source(SourceOptions(str(clip), loop=False))
    assert levels_of(source, 7) == [*LEVELS, -1, -1]
    assert (source.live, source.rate_hz, source.description) == (False, 12.5, str(clip))
    source.close()
    source.close()


def test_a_loop_starts_again(clip: Path) -> None:
    source = open_source(SourceOptions(str(clip)))
    assert levels_of(source, 12) == [*LEVELS, *LEVELS, *LEVELS[:2]]
    source.close()
    assert source.read() is None


def test_the_asked_rate_wins(clip: Path) -> None:
    assert open_source(SourceOptions(str(clip), rate_hz=50.0)).rate_hz == 50.0


def test_frames_have_the_asked_size(clip: Path) -> None:
    assert open_source(SourceOptions(str(clip), width=128)).read().image.shape == (96, 128, 3)


def test_colors_are_rgb(tmp_path: Path) -> None:
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    writer.write(np.full((48, 64, 3), (0, 0, 255), np.uint8))
    writer.release()
    red, green, blue = open_source(SourceOptions(str(path))).read().image.mean(axis=(0, 1))
    assert red > 200
    assert max(green, blue) < 60


def test_captures_are_stamped_in_order(clip: Path) -> None:
    source = open_source(SourceOptions(str(clip)))
    stamps = [source.read().captured_s for _ in range(8)]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("text.mp4", b"not a video", "neither an image nor a video"),
        ("empty.mkv", b"", "neither an image nor a video"),
        ("text.unknown", b"hello", "neither an image nor a video"),
    ],
    ids=["text", "empty", "unknown suffix"],
)
def test_broken_files_say_so(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=says):
        open_source(SourceOptions(str(tmp_path / name)))


def test_a_video_whose_frames_are_all_damaged_is_an_error(clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    start = data.index(b"00dc")
    data[start + 8 :] = bytes(len(data) - start - 8)
    clip.write_bytes(data)
    with pytest.raises(SourceError, match=r"clip\.avi"):
        open_source(SourceOptions(str(clip)))


def test_a_video_that_disappears_is_an_error_when_it_starts_again(clip: Path) -> None:
    source = open_source(SourceOptions(str(clip)))
    levels_of(source, len(LEVELS))
    clip.unlink()
    with pytest.raises(SourceError, match=r"clip\.avi"):
        source.read()


def test_a_video_that_changes_is_an_error_when_it_starts_again(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(SourceOptions(str(clip)))
    levels_of(source, len(LEVELS))
    monkeypatch.setattr(source, "_grab", lambda: None)
    with pytest.raises(SourceError, match="was it changed"):
        source.read()


def test_no_permission_is_named(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(SourceError, match="no permission"):
        open_source(SourceOptions(str(clip)))


class Capture:
    """A cv2.VideoCapture whose header says nothing useful about its rate."""

    def __init__(self, rate_hz: float, good: bool = True) -> None:
        self.rate_hz = rate_hz
        self.good = good

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, setting: int) -> float:
        return self.rate_hz if setting == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, np.ndarray]:
        return self.good, np.zeros((4, 4, 3), np.uint8)

    def release(self) -> None: ...


@pytest.mark.parametrize("rate_hz", [0.0, float("nan"), -1.0, 90_000.0], ids=str)
def test_a_video_without_a_rate_gets_one(clip: Path, monkeypatch: pytest.MonkeyPatch, rate_hz: float) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Capture(rate_hz))
    assert open_source(SourceOptions(str(clip))).rate_hz == FALLBACK_RATE_HZ


def test_a_video_that_opens_but_gives_no_frame_is_an_error(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Capture(25.0, good=False))
    with pytest.raises(SourceError, match="no frame of this video can be decoded; convert it"):
        open_source(SourceOptions(str(clip)))


@pytest.mark.parametrize("loop", [False, True])
def test_an_end_that_comes_too_early_is_told_once(tmp_path: Path, loop: bool) -> None:
    path = cut_off(write_video(tmp_path / "clip.avi", [100] * 40), 0.5)
    told: list[str] = []
    source = open_source(SourceOptions(str(path), loop=loop), told.append)
    count = sum(source.read() is not None for _ in range(60))
    assert len(told) == 1
    assert count == 60 if loop else 10 < count < 36
    assert "of 40 frames can be read; it is damaged or cut off" in told[0]
    source.close()


def test_a_complete_video_is_not_told_of(clip: Path) -> None:
    told: list[str] = []
    levels_of(open_source(SourceOptions(str(clip), loop=False), told.append), 7)
    assert not told


def test_frames_above_the_limit_are_refused(clip: Path) -> None:
    with pytest.raises(SourceError, match=r"clip\.avi: image claims 64x48 pixels; more than"):
        open_source(SourceOptions(str(clip), max_image_mpx=0.003))


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        "v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    ],
    ids=["playlist", "session description"],
)
def test_a_file_opens_neither_a_connection_nor_a_port(tmp_path: Path, content: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        path = tmp_path / "clip.mp4"
        path.write_text(content.format(port=server.getsockname()[1]))
        with pytest.raises(SourceError, match=r"clip\.mp4"):
            open_source(SourceOptions(str(path)))
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.skipif(not FIELD.is_dir(), reason="no files from the field beside the repository")
def test_a_damaged_video_from_the_field() -> None:
    told: list[str] = []
    source = open_source(SourceOptions(str(FIELD / "corrupted.mp4"), loop=False), told.append)
    while source.read() is not None:
        pass
    assert "only 28 of 50 frames can be read" in told[0]


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recorded clips beside the repository ({SHARED.name})")
@pytest.mark.parametrize(
    ("name", "frames", "rate_hz", "shape"),
    [("asl_yes.mkv", 65, 30.0, (480, 640, 3)), ("asl_thanks.mkv", 51, 30.0, (480, 640, 3))],
)
def test_recorded_clips(name: str, frames: int, rate_hz: float, shape: tuple[int, ...]) -> None:
    source = open_source(SourceOptions(str(SHARED / "video" / name), loop=False))
    assert source.rate_hz == pytest.approx(rate_hz, abs=0.1)
    count = 0
    while (capture := source.read()) is not None:
        assert capture.image.shape == shape
        count += 1
    assert count == frames
