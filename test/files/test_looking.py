# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Paths of others: looked at without an OSError, and refused with the reason where nobody can say what is there."""

from pathlib import Path

import pytest
from helpers.private import looked_at_by_nobody

from face_detect_ros.core.errors import ConfigError, GalleryError
from face_detect_ros.files.looking import check_listing, exists, is_file, is_folder


def test_what_is_there(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("x")
    link.symlink_to("missing")
    assert (exists(file), is_file(file), is_folder(file)) == (True, True, False)
    assert (exists(tmp_path), is_file(tmp_path), is_folder(tmp_path)) == (True, False, True)
    assert (exists(link), exists(link, follow=False)) == (False, True)


@pytest.mark.parametrize("name", ["missing", "x" * 300, "x" * 5000, "a\0b", "file/inside"])
@pytest.mark.parametrize("error", [None, ConfigError])
def test_nothing_is_there(tmp_path: Path, name: str, error: type[ConfigError] | None) -> None:
    (tmp_path / "file").write_text("x")
    path = tmp_path / name
    assert not exists(path, error)
    assert not is_file(path, error)
    assert not is_folder(path, error)


def test_nobody_can_say(tmp_path: Path) -> None:
    path = tmp_path / "private" / "file"
    with looked_at_by_nobody(path.parent):
        assert not exists(path)
        for question in (exists, is_file, is_folder):
            with pytest.raises(GalleryError, match="private/file: Permission denied; make it"):
                question(path, GalleryError)
        with pytest.raises(ConfigError, match="private: Permission denied"):
            check_listing(path.parent, ConfigError)


def test_a_circle_of_links(tmp_path: Path) -> None:
    path = tmp_path / "circle"
    path.symlink_to(path.name)
    with pytest.raises(ConfigError, match="symbolic links"):
        exists(path, ConfigError)
