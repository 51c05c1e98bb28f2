"""A file is there whole or not at all: after errors, and after a kill at any moment."""

import signal
import subprocess
import sys

import pytest

from face_detect_ros.files.whole_file import whole_file


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
