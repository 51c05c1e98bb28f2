# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What `detect` finds behind the paths of its command line."""

import shutil

import pytest
from helpers.bags import camera_bag

from face_detect_ros.cli.common.media import find_media


def loose_bag(path):
    folder = camera_bag(path.with_name("new"), 1, "sqlite3" if path.suffix == ".db3" else "mcap")
    (recorded,) = folder.glob(f"*{path.suffix}")
    shutil.move(recorded, path)
    shutil.rmtree(folder)


@pytest.fixture
def mix(tmp_path):
    """A folder with two photos, a video and bags of all kinds."""
    folder = tmp_path / "mix"
    (folder / "sub").mkdir(parents=True)
    for name in ("photo.jpg", "clip.mp4", "sub/photo.png", "notes.txt"):
        (folder / name).touch()
    camera_bag(folder / "described", 1)
    (folder / "described" / "preview.jpg").touch()
    loose_bag(folder / "rec.db3")
    (folder / "linked").symlink_to(folder / "described")
    for part in (0, 1):
        (folder / "sub" / "split").mkdir(exist_ok=True)
        loose_bag(folder / "sub" / "split" / f"split_{part}.mcap")
    return folder


def test_nothing_beside_a_bag_is_left_out(mix):
    found = find_media([mix])
    assert [str(item.relative) for item in found] == [
        "described",
        "linked",
        "clip.mp4",
        "photo.jpg",
        "rec.db3",
        "described/preview.jpg",
        "sub/split",
        "sub/photo.png",
    ]
    assert [item.relative.name for item in found if item.is_bag] == [
        "described",
        "linked",
        "rec.db3",
        "split",
    ]


@pytest.mark.parametrize("name", ["described", "sub/split"])
def test_a_folder_that_is_a_bag_is_one_item(mix, name, monkeypatch):
    (mix / "described" / "preview.jpg").unlink()
    (item,) = find_media([mix / name])
    assert (item.path, item.relative.name, item.is_bag) == (mix / name, (mix / name).name, True)
    monkeypatch.chdir(mix / name)
    (here,) = find_media(["."])
    assert here.relative == item.relative
