# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Videos that are written, read again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import OutputError
from face_detect_ros.viz.video import VideoFile


def gray(level: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def levels(path: Path) -> list[float]:
    video = cv2.VideoCapture(str(path))
    found = []
    while True:
        read, image = video.read()
        if not read:
            return found
        found.append(float(image.mean()))


def test_images_come_back_in_order(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "video.mp4", 10.0) as video:
        for level in (20, 90, 160, 230):
            video.write(gray(level))
    assert levels(tmp_path / "video.mp4") == pytest.approx([20, 90, 160, 230], abs=6)


def test_missing_images_are_filled_with_the_one_before(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "video.mp4", 10.0) as video:
        for level, time_s in ((20, 5.0), (90, 5.1), (160, 5.4), (230, 5.51)):
            video.write(gray(level), time_s)
    assert levels(tmp_path / "video.mp4") == pytest.approx([20, 90, 90, 90, 160, 230], abs=6)


@pytest.mark.parametrize("then_s", [1.0, 1e9], ids=["back", "years ahead"])
def test_a_clock_that_jumps_adds_no_hours(tmp_path: Path, then_s: float) -> None:
    with VideoFile(tmp_path / "video.mp4", 10.0) as video:
        for number, time_s in enumerate((100.0, 100.1, then_s, then_s + 0.1)):
            video.write(gray(20 + 60 * number), time_s)
    assert levels(tmp_path / "video.mp4") == pytest.approx([20, 80, 140, 200], abs=6)


def test_another_size_is_scaled_to_that_of_the_first(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "video.mp4", 10.0) as video:
        video.write(gray(20))
        video.write(gray(200, 128, 96))
    assert levels(tmp_path / "video.mp4") == pytest.approx([20, 200], abs=6)


def test_without_an_image_there_is_no_file(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "video.mp4", 10.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="missing"),
        VideoFile(tmp_path / "missing" / "video.mp4", 10.0) as video,
    ):
        video.write(gray(20))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg (apt install ffmpeg)")
def test_odd_sizes_are_h264_that_players_take(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "video.mp4", 10.0) as video:
        for level in (20, 200):
            video.write(gray(level, 63, 47))
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt", "-of", "csv=p=0"]
    shown = subprocess.run(
        [*command, str(tmp_path / "video.mp4")], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "h264,yuv420p"
    assert levels(tmp_path / "video.mp4") == pytest.approx([20, 200], abs=6)
