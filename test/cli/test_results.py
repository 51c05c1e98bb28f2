# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of the files that `detect --save` writes: each result has its own, and no input is replaced."""

from pathlib import Path

import numpy as np
import pytest
from helpers.bags import camera_bag

from face_detect_ros.cli.common.media import find_media
from face_detect_ros.cli.common.results import OutputFolder
from face_detect_ros.core.errors import OutputError

IMAGE = np.zeros((16, 16, 3), np.uint8)


def files(paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [str(path) for path in paths]


def save(output, item, camera=""):
    with output.open_video(item, 10.0, camera) as video:
        video.write(IMAGE)


def test_the_videos_of_several_cameras_replace_no_other_result(tmp_path):
    camera_bag(tmp_path / "drive", 1)
    video = tmp_path / "drive-front.mp4"
    bag, clip = find_media([tmp_path / "drive", *files([video])])
    output = OutputFolder(tmp_path / "out", [bag, clip])
    for camera in ("/front", "/a/b", "/a-b", "/front"):
        save(output, bag, camera)
    save(output, clip)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "drive-a-b-2.mp4",
        "drive-a-b.mp4",
        "drive-front-2.mp4",
        "drive-front.mp4",
    ]


def test_the_video_of_a_camera_replaces_no_input(tmp_path):
    camera_bag(tmp_path / "drive", 1)
    files([tmp_path / "in" / "x" / "drive-front.mp4"])
    media = find_media([tmp_path / "drive", tmp_path / "in"])
    output = OutputFolder(tmp_path / "in" / "x", media)
    with pytest.raises(OutputError, match="would replace the input"):
        save(output, media[0], "/front")


def test_many_inputs_are_compared_once(tmp_path, monkeypatch):
    files([tmp_path / kind / f"{index}.jpg" for kind in ("in", "out") for index in range(50)])
    same = files([tmp_path / str(index) / "same.jpg" for index in range(50)])
    media = find_media([tmp_path / "in", *same])
    assert len(media) == 100
    looks = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **options: looks.append(path) or stat(path, **options))
    OutputFolder(tmp_path / "out", media)
    assert len(looks) < 10 * len(media)
