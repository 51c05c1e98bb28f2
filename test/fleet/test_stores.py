# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fleets whose bags and results are in object stores: what they find is what they find on local folders."""

import json
import sqlite3
from pathlib import Path

import pytest
from helpers.bags import SquareDetector, camera_bag, job_of, pipeline_of
from helpers.moto_server import s3
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.files import stores
from face_detect_ros.files.stores import Store
from face_detect_ros.fleet import driver, lease, table
from face_detect_ros.fleet.bag_list import bags_of
from face_detect_ros.fleet.desk import Desk
from face_detect_ros.fleet.driver import Options
from face_detect_ros.fleet.mirror import Mirror
from face_detect_ros.fleet.steps import take

fsspec = pytest.importorskip("fsspec")
COUNTS = {"monday/one": 130, "monday/two": 3, "tuesday/three": 60}


class Here:
    """A pool without processes, with one desk."""

    def __init__(self, before=lambda step: None):
        self.size = self.idle = 1
        self.images = 0
        self.bags_at_hand = (set(), set())
        self.steps = []
        self.detector = SquareDetector()
        self._before = before
        self._found = []
        self._desk = Desk()

    def submit(self, step):
        self.steps.append((step.kind, step.name, step.piece))
        self._before(step)
        self._found.append(take(step, lambda: {"faces": pipeline_of(self.detector)}, desk=self._desk))

    def wait(self, timeout_s):
        found, self._found = self._found, []
        return found

    def close(self):
        self._desk.close()


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where copies are made, also by child processes, and no pauses between tries."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(stores, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(lease, "_POLL_S", 0.01)
    monkeypatch.setattr(lease, "PATIENCE_S", 0.05)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robots")
    for name, count in COUNTS.items():
        camera_bag(folder / name, count)
    return folder


@pytest.fixture(scope="module")
def expected(source, tmp_path_factory):
    """What a fleet makes on local folders: (name -> MCAP, rows without their bag)."""
    out = tmp_path_factory.mktemp("expected")
    driver.run(job_of(""), bags_of(source), out, Here, Options(5.0))
    return results(out)


def results(out):
    [rows] = [sqlite3.connect(out / table.FILE).execute("SELECT * FROM detections").fetchall()]
    return {
        str(path.parent.relative_to(out / "bags")): path.read_bytes() for path in out.glob("bags/**/*.mcap")
    }, sorted((Path(row[0]).name, *row[1:]) for row in rows)


@pytest.fixture(params=["memory", "file", "s3"])
def place(request, tmp_path, monkeypatch):
    """URL of an empty folder in each kind of store."""
    if request.param == "memory":
        memory = fsspec.filesystem("memory")
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]
        yield "memory://bucket"
    elif request.param == "file":
        (tmp_path / "store").mkdir()
        yield f"file://{tmp_path / 'store'}"
    else:
        with s3(monkeypatch, "bucket") as url:
            yield url


def uploaded(folder, url):
    store, path = fsspec.core.url_to_fs(url)
    for file in folder.rglob("*.*"):
        target = f"{path}/{file.relative_to(folder)}"
        store.makedirs(target.rpartition("/")[0], exist_ok=True)
        store.put_file(str(file), target)
    return url


def downloaded(url, folder):
    store = Store(url)
    for name in store.files():
        store.get(name, folder / name)
    return folder


def fleet(source, url, make_pool=Here, **options):
    with Mirror(url) as out:
        return driver.run(
            job_of(""), bags_of(source, url), out.folder, make_pool, Options(5.0, **options), mirror=out
        )


def test_from_a_store_to_a_store(source, expected, place, tmp_path, temporary):
    uploaded(source, f"{place}/robots")
    pool = Here()
    report = fleet(f"{place}/robots/", f"{place}/robots/results", lambda: pool)
    assert [bag.state for bag in report.bags] == ["done"] * 3
    assert [bag.path for bag in report.bags] == [f"{place}/robots/{name}" for name in COUNTS]
    assert pool.detector.calls == sum(COUNTS.values())
    out = downloaded(f"{place}/robots/results", tmp_path / "out")
    assert results(out) == expected
    assert not list((out / "pieces").glob("*"))
    assert {path.name for path in out.iterdir()} >= {"bags", "results.sqlite3", "summary.json"}
    assert not (out / lease.NAME).exists()
    assert not list(temporary.rglob("*.mcap"))
    again = Here()
    assert fleet(f"{place}/robots/", f"{place}/robots/results", lambda: again).images == 0
    assert again.steps == []
    found = CliRunner().invoke(app, ["bag", "find", f"{place}/robots/results", "--json"])
    assert {json.loads(line)["bag"] for line in found.output.splitlines()} == {
        bag.path for bag in report.bags
    }
