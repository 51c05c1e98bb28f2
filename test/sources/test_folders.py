# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Folders of images, and the samples of scikit-image."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import SHARED
from helpers.sources import level, read_all, write

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.images.reading import sample_file
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions


def numbered_folder(folder: Path, levels: list[int]) -> Path:
    folder.mkdir()
    for i, value in enumerate(levels):
        write(folder / f"{i:03}.png", level(value))
    return folder


def test_a_folder_gives_its_images_by_name(tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "folder", [10, 20, 30])
    write(folder / "000b.BMP.png", level(15))
    (folder / "notes.txt").write_text("no image")
    (folder / "inner.png").mkdir()
    images = read_all(SourceOptions(str(folder), loop=False))
    assert [int(image[0, 0, 0]) for image in images] == [10, 15, 20, 30]


def test_a_folder_starts_again(tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "folder", [10, 20])
    images = read_all(SourceOptions(str(folder), hold_frames=2), limit=10)
    assert [int(image[0, 0, 0]) for image in images] == [10, 10, 20, 20] * 2 + [10, 10]


@pytest.mark.parametrize("broken", [["000"], ["001"], ["002"], ["000", "001"]], ids=str)
def test_unreadable_files_are_skipped_and_reported_once(tmp_path: Path, broken: list[str]) -> None:
    folder = numbered_folder(tmp_path / "folder", [10, 20, 30])
    for name in broken:
        (folder / f"{name}.png").write_bytes(b"broken")
    warnings: list[str] = []
    source = open_source(SourceOptions(str(folder)), warnings.append)
    good = [10 * (i + 1) for i in range(3) if f"{i:03}" not in broken]
    found = [int(source.read().image[0, 0, 0]) for _ in range(2 * len(good))]
    assert found == good * 2
    assert len(warnings) == len(broken) == source.skipped
    assert all(
        f"{name}.png" in text and "skipped" in text for name, text in zip(broken, warnings, strict=True)
    )
    once = open_source(SourceOptions(str(folder), loop=False))
    assert [once.read() is not None for _ in range(len(good) + 1)] == [True] * len(good) + [False]


@pytest.mark.parametrize(
    ("files", "says"),
    [([], "holds no images"), (["a.png"], "a.png: not an image"), (["a.png", "b.jpg"], "none of its 2")],
    ids=["empty", "one broken", "all broken"],
)
def test_a_folder_without_a_readable_image_is_an_error(tmp_path: Path, files: list[str], says: str) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(SourceError, match=says):
        open_source(SourceOptions(str(tmp_path)))


def test_a_folder_that_loses_its_images_is_an_error(tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "folder", [10, 20])
    source = open_source(SourceOptions(str(folder)))
    source.read()
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="none of its 2"):
        source.read()


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SourceError, match="Permission denied"):
        open_source(SourceOptions(str(tmp_path)))


def test_a_missing_path_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder; give an image, a folder"):
        open_source(SourceOptions(str(tmp_path / "missing.jpg")))


needs_skimage = pytest.mark.skipif(
    importlib.util.find_spec("skimage") is None, reason="scikit-image is absent"
)


@needs_skimage
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "motorcycle_left"])
def test_samples_are_the_images_of_scikit_image(name: str) -> None:
    import skimage.io

    capture = open_source(SourceOptions(f"sample:{name}")).read()
    assert capture is not None
    expected = skimage.io.imread(sample_file(name))
    # JPEG decoders differ by a little
    np.testing.assert_allclose(capture.image.astype(int), expected[..., :3], atol=4)


@needs_skimage
def test_an_unknown_sample_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"sample:mona_lisa does not exist; there are .*astronaut.*coffee"):
        open_source(SourceOptions("sample:mona_lisa"))


def test_samples_without_scikit_image_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "skimage", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install scikit-image"):
        open_source(SourceOptions("sample:astronaut"))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recorded images beside the repository ({SHARED.name})")
def test_a_folder_of_photos() -> None:
    source = open_source(SourceOptions(str(SHARED / "dlib_faces" / "faces"), width=320, height=240))
    captures = [source.read() for _ in range(15)]
    assert {capture.image.shape for capture in captures} == {(240, 320, 3)}
    assert source.skipped == 0
