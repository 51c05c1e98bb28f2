# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Weights on this machine: found, believed as long as nothing has touched them, refused when something has."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.files.home import home
from face_detect_ros.zoo.published import cache, records
from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile

CONTENT = b"weights" * 1000


def checkpoint(*files: str, known: bool = True, name: str = "m") -> Checkpoint:
    digest = hashlib.sha256(CONTENT).hexdigest() if known else ""
    remotes = tuple(RemoteFile(file, f"https://example.org/{file}", digest) for file in files)
    page = "https://example.org/m"
    return Checkpoint(name, remotes, page, "MIT", page, 64, "two classes", None, "")


@pytest.fixture(autouse=True)
def models(models, monkeypatch):
    monkeypatch.setattr(records, "_QUIET_NS", 100_000_000)  # so that tests need not wait
    return models


@pytest.fixture
def reads(monkeypatch):
    """Names of the files whose content was read."""
    names = []
    read = records.sha256_of
    monkeypatch.setattr(records, "sha256_of", lambda path: names.append(path.name) or read(path))
    return names


def put(folder: Path, *files: str, content: bytes = CONTENT, quiet: bool = True) -> None:
    """quiet: written some time ago."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).write_bytes(content)
    if quiet:
        pass_time(folder)


def pass_time(folder: Path) -> None:
    """Until nothing there counts as just written."""
    while any(time.time_ns() - records.stamp_of(path)[2] <= records._QUIET_NS for path in folder.iterdir()):
        time.sleep(0.02)


def test_where_they_lie(monkeypatch, tmp_path) -> None:
    assert cache.root() == tmp_path / "models"
    monkeypatch.setenv("FACE_DETECT_ROS_MODELS", "~/weights")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.root() == Path("/home/somebody/weights")
    monkeypatch.setenv("FACE_DETECT_ROS_MODELS", "")
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "face_detect_ros" / "models"
    monkeypatch.delenv("ROS_HOME")
    assert home() == Path("/home/somebody/.ros/face_detect_ros")
    assert cache.folder(checkpoint("w.pt")) == home() / "models" / "m"


def test_what_is_absent_is_said_with_what_to_do(models) -> None:
    wanted = checkpoint("a.json", "w.pt")
    put(models / "m", "a.json", quiet=False)
    with pytest.raises(WeightsError) as caught:
        cache.locate(wanted)
    said = str(caught.value)
    assert "models fetch m" in said
    assert f"copy w.pt into {models}/m by hand (published at https://example.org/m)" in said
    assert cache.presence(wanted) == "partly"
    assert cache.presence(checkpoint("other")) == "no"


def test_copied_by_hand_is_enough(models) -> None:
    put(models / "m", "w.pt", "a.json", quiet=False)
    assert cache.locate(checkpoint("w.pt")) == models / "m" / "w.pt"
    assert cache.locate(checkpoint("w.pt", "a.json")) == models / "m"
    assert cache.presence(checkpoint("w.pt", "a.json")) == "yes"


def test_what_was_checked_is_not_read_again_until_something_touches_it(models, reads) -> None:
    wanted = checkpoint("w.pt")
    put(models / "m", "w.pt")
    for _ in range(3):
        cache.locate(wanted)
    assert reads == ["w.pt"]
    os.utime(models / "m" / "w.pt")
    cache.locate(wanted)
    assert reads == ["w.pt", "w.pt"]


def test_what_has_just_been_written_is_not_believed_yet(models, reads, monkeypatch) -> None:
    monkeypatch.setattr(records, "_QUIET_NS", 3600 * 10**9)  # just written, however slow the machine
    wanted = checkpoint("w.pt")
    put(models / "m", "w.pt", quiet=False)
    cache.locate(wanted)
    cache.locate(wanted)
    assert reads == ["w.pt", "w.pt"]


@pytest.mark.parametrize("known", [True, False])
def test_an_altered_file_is_refused_even_with_the_old_size_and_time(models, known) -> None:
    wanted = checkpoint("w.pt", known=known)
    put(models / "m", "w.pt")
    path = cache.locate(wanted)
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"W")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    for _ in range(2):  # and stays so
        with pytest.raises(
            WeightsError, match=rf"{path}: sha256 .*fetch it again: face_detect_ros models fetch m"
        ):
            cache.locate(wanted)
    put(models / "m", "w.pt", quiet=False)
    assert cache.locate(wanted) == path


def test_a_file_that_was_replaced_by_another_is_refused(models) -> None:
    wanted = checkpoint("w.pt", known=False)
    put(models / "m", "w.pt", quiet=False)
    cache.locate(wanted)
    put(models / "m", "new", content=b"other weights", quiet=False)
    os.replace(models / "m" / "new", models / "m" / "w.pt")
    with pytest.raises(WeightsError, match=r"was recorded on 20.*on purpose, delete checksums\.json"):
        cache.locate(wanted)
    (models / "m" / "checksums.json").unlink()
    cache.locate(wanted)


def test_decay_that_leaves_no_trace_is_found_by_verify_and_remembered(models, reads) -> None:
    wanted = checkpoint("w.pt")
    put(models / "m", "w.pt")
    path = cache.locate(wanted)
    path.write_bytes(b"x" * len(CONTENT))
    pass_time(models / "m")
    record = models / "m" / "checksums.json"
    content = json.loads(record.read_text())
    content["files"]["w.pt"]["stamp"] = list(records.stamp_of(path))  # as if the file system had not noticed
    record.write_text(json.dumps(content))
    assert cache.locate(wanted) == path
    (state,) = cache.verify(wanted)
    assert state.state == "altered"
    with pytest.raises(WeightsError, match="damaged or another file"):
        cache.locate(wanted)


def test_a_newly_published_digest_counts_more_than_the_recorded_one(models) -> None:
    put(models / "m", "w.pt", content=b"what came first")
    cache.locate(checkpoint("w.pt", known=False))
    with pytest.raises(WeightsError, match="published"):
        cache.locate(checkpoint("w.pt", known=True))


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version": 2, "files": {}}', '{"version": 1, "files": {"w.pt": {"sha256": "x"}}}'],
)
def test_damaged_records_are_not_taken_for_none(models, content) -> None:
    wanted = checkpoint("w.pt", known=False)
    put(models / "m", "w.pt", quiet=False)
    (models / "m" / "checksums.json").write_text(content)
    with pytest.raises(WeightsError, match=r"checksums\.json: .*delete the whole folder"):
        cache.locate(wanted)
    assert [state.state for state in cache.verify(wanted)] == ["unreadable"]


def test_a_folder_that_cannot_be_written_is_still_read(models, monkeypatch, reads) -> None:
    put(models / "m", "w.pt")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(records, "write", refuse)
    for _ in range(2):
        assert cache.locate(checkpoint("w.pt")) == models / "m" / "w.pt"
    assert reads == ["w.pt", "w.pt"]


def test_a_folder_in_place_of_a_file_is_said(models) -> None:
    (models / "m" / "w.pt").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"w\.pt: cannot be read: Is a directory"):
        cache.locate(checkpoint("w.pt"))
