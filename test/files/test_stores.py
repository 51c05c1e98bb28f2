# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags in object stores: fetched before, delivered when complete, and errors that say what is missing."""

import sqlite3
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers.bags import camera_bag, run
from helpers.memory_store import empty_memory
from typer.testing import CliRunner

from face_detect_ros.bags.stored import outline
from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError, OutputError, SourceError, StoreAccessError, StoreError
from face_detect_ros.files import scratch, stores
from face_detect_ros.files.stores import Store, is_url
from face_detect_ros.files.transfers import delivered, fetched

pytest.importorskip("fsspec")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where copies are made, and no pauses between tries."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(stores, "PAUSES_S", (0.0, 0.0))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@pytest.fixture
def store():
    return empty_memory()


@pytest.mark.parametrize(
    ("place", "expected"),
    [("s3://b/x", True), ("memory://x", True), ("drive/", False), ("/a/b.mcap", False), ("C:\\x", False)],
)
def test_what_is_a_url(place, expected):
    assert is_url(place) is expected


def test_a_path_is_itself(tmp_path):
    with fetched(str(tmp_path)) as found:
        assert found == tmp_path
    with delivered(str(tmp_path / "new"), "last") as folder:
        assert folder == tmp_path / "new"


def test_a_folder_is_fetched_with_what_is_below_it(store):
    store.pipe(
        {"/robots/drive/metadata.yaml": b"a", "/robots/drive/more/b.mcap": b"b", "/robots/drive2/c": b"c"}
    )
    with fetched("memory://robots/drive/") as folder:
        assert folder.name == "drive"
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
        kept = folder
    assert files == {"metadata.yaml": b"a", "more/b.mcap": b"b"}
    assert not kept.exists()


def test_objects_that_stand_for_folders_are_no_files(store, monkeypatch):
    find = {"/robots/": {"size": 0}, "/robots/sub/": {"size": 0}, "/robots/sub/a": {"size": 1}}
    monkeypatch.setattr(type(store), "find", lambda self, path, detail: find)
    assert list(Store("memory://robots").files()) == ["sub/a"]


def test_a_file_is_fetched(store):
    store.pipe("/robots/drive.mcap", b"bag")
    with fetched("memory://robots/drive.mcap") as file:
        assert (file.name, file.read_bytes()) == ("drive.mcap", b"bag")


def test_what_is_not_there_is_said():
    with pytest.raises(SourceError, match=r"memory://nowhere: not there"), fetched("memory://nowhere"):
        pass


def test_a_name_that_leads_out_of_the_folder_is_refused(store, monkeypatch):
    monkeypatch.setattr(type(store), "find", lambda self, path, detail: {f"{path}/../../outside": {}})
    with pytest.raises(SourceError, match="outside of it"), fetched("memory://robots/drive"):
        pass


def test_a_folder_is_delivered_whole_and_its_mark_last(store, monkeypatch):
    order = []
    put = type(store).put_file

    def noted(self, source, target, **more):
        order.append(target)
        return put(self, source, target, **more)

    monkeypatch.setattr(type(store), "put_file", noted)
    with delivered("memory://results/one", "a-mark") as folder:
        (folder / "sub").mkdir(parents=True)
        for name in ("a-mark", "b", "sub/c"):
            (folder / name).write_text(name)
    assert order == ["/results/one/b", "/results/one/sub/c", "/results/one/a-mark"]
    assert sorted(store.find("/results/one")) == sorted(order)
    assert store.cat("/results/one/sub/c") == b"sub/c"
    with pytest.raises(ConfigError, match="exists already"), delivered("memory://results/one", "a-mark"):
        pass


def test_nothing_is_delivered_after_an_error(store):
    def fail(folder):
        folder.mkdir()
        (folder / "half").touch()
        raise OutputError("the disk is full")

    with pytest.raises(OutputError, match="full"), delivered("memory://results/two", "mark") as folder:
        fail(folder)
    assert not store.exists("/results/two")


def test_what_cannot_be_delivered_is_kept_and_delivered_by_the_next_run(store, monkeypatch):
    def fail(self, source, target, **more):
        raise OSError("connection reset")

    with monkeypatch.context() as broken:
        broken.setattr(type(store), "put_file", fail)
        place = delivered("memory://me:secret@results/three", "mark")
        folder = place.__enter__()
        folder.mkdir()
        (folder / "mark").write_text("hours of work")
        with pytest.raises(StoreError, match="connection reset; the result is in") as caught:
            place.__exit__(None, None, None)
    assert "secret" not in str(caught.value)
    assert str(folder) in str(caught.value)
    with delivered("memory://me:secret@results/three", "mark") as again:
        assert (again / "mark").read_text() == "hours of work"
    assert not again.exists()
    with (
        pytest.raises(ConfigError, match="exists already"),
        delivered("memory://me:secret@results/three", "mark"),
    ):
        pass


class RefusedError(Exception):
    """As the libraries of web servers report it."""

    status = 403


def test_what_fails_for_a_moment_is_tried_again(store, monkeypatch):
    failures = [ConnectionResetError("broken pipe"), OSError(121, "SlowDown"), TimeoutError()]
    get = type(store).get_file

    def flaky(self, path, target, **more):
        if failures:
            raise failures.pop()
        return get(self, path, target, **more)

    store.pipe("/robots/drive.mcap", b"bag")
    monkeypatch.setattr(type(store), "get_file", flaky)
    failures.pop()
    with fetched("memory://robots/drive.mcap") as file:
        assert file.read_bytes() == b"bag"
    failures[:] = [ConnectionResetError("https://me:secret@host/x?sig=secret is away")] * 3
    with pytest.raises(StoreError, match=r"drive.mcap: cannot be fetched: https://host/x") as caught:
        Store("memory://robots/drive.mcap").get("", file)
    assert "secret" not in str(caught.value)
    for refusal in (PermissionError("403"), RefusedError("403"), OSError("Forbidden: bucket 403")):
        failures[:] = [refusal] * 2
        with pytest.raises(StoreAccessError, match="403"):
            Store("memory://robots/drive.mcap").get("", file)
        assert len(failures) == 1  # no use in trying again


def test_a_store_that_stays_away_is_named_while_it_is_tried(store, monkeypatch, caplog):
    def away(self, path, **more):
        raise ConnectionResetError("https://me:secret@host/x is away")

    monkeypatch.setattr(stores, "PAUSES_S", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(type(store), "cat_file", away)
    with pytest.raises(StoreError, match="cannot be read"):
        Store("memory://robots").read("fleet.json")
    assert [record.getMessage() for record in caplog.records] == [
        "memory://robots: not read yet: https://host/x is away; trying again"
    ]


def test_a_bag_without_room_is_not_fetched(store, monkeypatch):
    store.pipe("/robots/drive.mcap", b"bag")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 2})())
    with (
        pytest.raises(OutputError, match=r"drive.mcap: needs 0.0 MB, .* has 0.0 MB free.*TMPDIR"),
        fetched("memory://robots/drive.mcap"),
    ):
        pass


def test_copies_of_killed_processes_are_removed_and_those_of_others_are_not(temporary):
    code = (
        "import os, signal, sys, tempfile; from face_detect_ros.files.scratch import scratch; "
        "tempfile.tempdir = sys.argv[1]; held = scratch(); folder = held.__enter__(); (folder / 'copy').touch(); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    with scratch.scratch() as mine:
        subprocess.run([sys.executable, "-c", code, temporary], check=False)
        [root] = temporary.iterdir()
        assert len(list(root.iterdir())) == 2
        with scratch.scratch() as other:
            assert set(root.iterdir()) == {mine, other}


def test_a_folder_that_is_just_made_is_not_removed(temporary, monkeypatch):
    lock = scratch.locked

    def sweep_before(file, mode):
        monkeypatch.setattr(scratch, "locked", lock)
        file.touch()  # what `locked` begins with
        with scratch.scratch():
            pass
        return lock(file, mode)

    monkeypatch.setattr(scratch, "locked", sweep_before)
    with scratch.scratch() as folder:
        assert folder.is_dir()
        [root] = temporary.iterdir()
        assert list(root.iterdir()) == [folder]


def test_a_folder_that_others_could_write_is_refused(temporary):
    with scratch.scratch() as folder:
        folder.parent.chmod(0o777)
    with pytest.raises(OutputError, match="only you can write"), scratch.scratch():
        pass


def test_a_new_file_is_written_once(store):
    place = Store("memory://results")
    assert place.write("lock", b"mine", new=True)
    assert not place.write("lock", b"theirs", new=True)
    assert place.read("lock") == b"mine"
    assert place.read("other") is None
    place.remove("lock")
    place.remove("lock")
    assert not place.exists("lock")


def test_without_fsspec_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with (
        pytest.raises(ConfigError, match=r"s3://b/x: object stores need fsspec: pip install"),
        fetched("s3://me:secret@b/x"),
    ):
        pass


def test_an_unknown_store_is_named():
    with pytest.raises(ConfigError, match="nosuch"), fetched("nosuch://b/x"):
        pass


def test_bag_info_reads_parts_of_mcap_files(store, tmp_path, monkeypatch):
    camera_bag(tmp_path / "whole", 40)
    store.put(str(tmp_path / "whole"), "/robots/whole", recursive=True)
    content = (tmp_path / "whole" / "whole.mcap").read_bytes()
    store.pipe("/robots/cut.mcap", content[:-60_000])
    monkeypatch.setattr(Store, "get", None)  # nothing is copied
    blocks = []
    opened = Store.open
    monkeypatch.setattr(
        Store,
        "open",
        lambda self, name, *, block_bytes: (
            blocks.append(block_bytes) or opened(self, name, block_bytes=block_bytes)
        ),
    )
    store.rm_file("/robots/whole/metadata.yaml")
    assert outline(Store("memory://robots/whole")).topics
    assert 0 < max(blocks) < 100_000  # there may be hundreds of files
    whole = CliRunner().invoke(app, ["bag", "info", "memory://robots/whole"])
    assert whole.exit_code == 0, whole.output
    assert "images (rgb8)" in whole.output
    cut = CliRunner().invoke(app, ["bag", "info", "memory://robots/cut.mcap"])
    assert cut.exit_code == 1
    assert "memory://robots/cut.mcap: is cut off" in cut.output
    assert "images (rgb8)" in cut.output


def test_a_store_that_fails_while_a_bag_is_read_is_an_error_in_one_line(store, tmp_path, monkeypatch):
    camera_bag(tmp_path / "whole", 40)
    store.put(str(tmp_path / "whole"), "/robots/whole", recursive=True)
    memory_file = type(store.open("/robots/whole/whole.mcap"))
    read = memory_file.read
    failures = [RuntimeError("throttled")]

    def flaky(self, size=-1):
        if failures:
            raise failures.pop()
        return read(self, size)

    monkeypatch.setattr(memory_file, "read", flaky)
    assert CliRunner().invoke(app, ["bag", "info", "memory://robots/whole"]).exit_code == 0
    failures[:] = [RuntimeError("throttled")] * 100
    failed = CliRunner().invoke(app, ["bag", "info", "memory://robots/whole"])
    assert failed.exit_code == 1
    assert failed.output == "face_detect_ros: memory://robots/whole: cannot be read: throttled\n"
    assert len(failures) == 97  # the bag is not read from its start instead


def test_bags_of_web_servers_that_give_no_parts_are_fetched(tmp_path):
    pytest.importorskip("aiohttp", reason="needs aiohttp, which fsspec reads http with")
    camera_bag(tmp_path / "a", 2)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "a")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/a.mcap"
        done = CliRunner().invoke(app, ["bag", "info", url])
        server.shutdown()
    assert done.exit_code == 0, done.output
    assert f"{url}: 0.1 s, 5 messages, 3 topics" in done.output


def test_a_report_is_about_one_bag(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(camera_bag(tmp_path / "drive", 2), tmp_path / "a")
    store.put(str(tmp_path / "a"), "/results/bags/a", recursive=True)
    store.put(str(tmp_path / "drive"), "/robots/drive", recursive=True)
    store.pipe("/results/summary.json", b"{}")
    refused = CliRunner().invoke(app, ["report", "memory://results"])
    assert refused.exit_code == 2
    assert "memory://results/bags/NAME" in refused.output
    without = CliRunner().invoke(app, ["report", "memory://robots/drive"])
    assert "memory://robots/drive: holds no detections" in without.output
    done = CliRunner().invoke(app, ["report", "memory://results/bags/a", "--no-images"])
    assert done.output == "a.report.html\n"
    assert (tmp_path / "a.report.html").is_file()


def test_bag_reads_from_a_store_and_writes_to_it(store, tmp_path, monkeypatch):
    camera_bag(tmp_path / "drive", 3)
    store.put(str(tmp_path / "drive"), "/robots/drive", recursive=True)
    words = ["--model", "dlib_hog", "--engine", "auto"]
    with monkeypatch.context() as broken:
        broken.setattr(type(store), "put_file", lambda *_, **__: (_ for _ in ()).throw(OSError("reset")))
        failed = CliRunner().invoke(app, ["bag", "memory://robots/drive", "memory://results/drive", *words])
    assert failed.exit_code == 1
    assert "the same command tries again" in failed.output
    monkeypatch.setattr("face_detect_ros.fleet.one_bag.processing._Run", None)  # nothing is computed again
    done = CliRunner().invoke(app, ["bag", "memory://robots/drive", "memory://results/drive", *words])
    assert done.exit_code == 0, done.output
    there = sorted(name.rpartition("/")[2] for name in store.find("/results/drive"))
    assert there == ["drive.mcap", "metadata.yaml", "results.sqlite3", "work.json"]
    store.get_file("/results/drive/results.sqlite3", str(tmp_path / "results.sqlite3"))
    bags = sqlite3.connect(tmp_path / "results.sqlite3").execute("SELECT DISTINCT bag FROM images").fetchall()
    assert bags == [("memory://robots/drive",)]
    assert "/camera/image_raw" in CliRunner().invoke(app, ["bag", "info", "memory://robots/drive"]).output
    store.put(str(tmp_path / "drive"), "/me:secret@robots/drive", recursive=True)
    about = CliRunner().invoke(app, ["bag", "info", "memory://me:secret@robots/drive", "--json"]).output
    assert '"bag": "memory://robots/drive"' in about
    again = CliRunner().invoke(app, ["bag", "memory://robots/drive", "memory://results/drive", *words])
    assert again.exit_code == 0
    assert again.output == "memory://results/drive: is there already, from the same work\n"
    other = CliRunner().invoke(
        app, ["bag", "memory://robots/drive", "memory://results/drive", *words, "--every", "2"]
    )
    assert other.exit_code == 2
    assert "memory://results/drive: exists already" in other.output
