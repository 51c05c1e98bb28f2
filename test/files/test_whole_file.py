# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A file is there whole or not at all: after errors, and after a kill at any moment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from face_detect_ros.files.whole_file import whole_file, whole_folder


def test_takes_the_place_of_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with whole_file(path) as beside:
        assert (beside.parent, beside.suffix) == (tmp_path, ".json")
        beside.write_text("new")
        assert path.read_text() == "old"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "new")]


def _fail(path, error):
    with whole_file(path) as beside:
        beside.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(error):
        _fail(path, error)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "old")]


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_alone(tmp_path, no_larger_files):
    path = tmp_path / "a"
    path.write_text("old")
    with no_larger_files(1000), pytest.raises(OSError, match="large"), whole_file(path) as beside:
        beside.write_bytes(bytes(5000))
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "old")]


@pytest.mark.parametrize("only_writer", [True, False])
def test_a_kill_leaves_the_old_file_and_an_only_writer_one_more_at_most(tmp_path, only_writer):
    path = tmp_path / "a"
    path.write_text("old")
    program = (
        "import os, pathlib, sys\n"
        "from face_detect_ros.files.whole_file import whole_file\n"
        f"with whole_file(pathlib.Path(sys.argv[1]), only_writer={only_writer}) as beside:\n"
        "    beside.write_text('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
        assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == (2 if only_writer else 3)


def test_an_only_writer_removes_what_kills_left_and_nothing_else(tmp_path):
    left, other = tmp_path / ".a.0123456789abcdef.pt", tmp_path / ".a.state.pt"
    for file in (left, other):
        file.write_text("left")
    with whole_file(tmp_path / "a.pt", only_writer=True) as beside:
        beside.write_text("new")
    assert {file.name for file in tmp_path.iterdir()} == {"a.pt", other.name}


def test_names_cannot_be_predicted_and_links_are_replaced_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "a.json"
    victim.write_text("precious")
    path.symlink_to(victim)
    seen = set()
    for _ in range(2):
        with whole_file(path) as beside:
            assert not beside.is_symlink()
            seen.add(beside.name)
            beside.write_text("new")
    assert len(seen) == 2
    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("precious", "new", False)


def test_a_link_planted_at_the_temporary_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".a.guessed").symlink_to(victim)
    with pytest.raises(FileExistsError):
        whole_file(tmp_path / "a").__enter__()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o666)])
def test_private_files_are_so_whatever_the_umask(tmp_path, private, mode):
    before = os.umask(0)
    try:
        with whole_file(tmp_path / "a", private=private) as beside:
            beside.write_text("new")
            assert beside.stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_a_folder_takes_the_place_of_the_old_one_or_leaves_it_alone(tmp_path):
    path = tmp_path / "model"

    def write(content, source=__file__):
        with whole_folder(path) as beside:
            (beside / "config.json").write_text(content)
            (beside / "weights").write_bytes(Path(source).read_bytes())

    write("old")
    write("new")
    (path / "weights").unlink()
    with pytest.raises(FileNotFoundError):
        write("half", "missing")
    assert [file.read_text() for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]
