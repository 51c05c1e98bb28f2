# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fleets whose bags and results are in object stores: what they find is what they find on local folders."""

import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import namedtuple
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from helpers.bags import FLEET, camera_bag, job_of
from helpers.memory_store import empty_memory
from helpers.moto_server import s3
from helpers.paths import TEST
from helpers.pools import Here
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError, StoreError
from face_detect_ros.files import stores
from face_detect_ros.files.stores import Store
from face_detect_ros.files.transfers import UNDERWAY
from face_detect_ros.fleet import driver, lease, mirror, steps
from face_detect_ros.fleet.bag_list import bags_of
from face_detect_ros.fleet.desk import Desk
from face_detect_ros.fleet.driver import Options
from face_detect_ros.fleet.local_pool import LocalPool
from face_detect_ros.fleet.mirror import Mirror
from face_detect_ros.fleet.one_bag import table
from face_detect_ros.fleet.one_bag.output_folder import DONE
from face_detect_ros.fleet.steps import Outcome, Step, take

fsspec = pytest.importorskip("fsspec")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where copies are made, also by child processes; no pauses between tries, and nothing in the store in memory."""
    empty_memory()
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(stores, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(lease, "_POLL_S", 0.01)
    monkeypatch.setattr(lease, "PATIENCE_S", 0.05)
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
        yield "memory://bucket"
    elif request.param == "file":
        (tmp_path / "store").mkdir()
        yield f"file://{tmp_path / 'store'}"
    else:
        with s3(monkeypatch) as url:
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
    assert [bag.path for bag in report.bags] == [f"{place}/robots/{name}" for name in FLEET]
    assert pool.detector.calls == sum(FLEET.values())
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


@pytest.mark.parametrize("place", ["file", "s3"], indirect=True)
def test_a_driver_that_is_killed_at_random_loses_and_doubles_nothing(
    source, expected, place, tmp_path, temporary
):
    uploaded(source, f"{place}/robots")
    url = f"{place}/results"
    chance = random.Random(2)
    paths = os.pathsep.join((str(TEST), str(TEST.parent), os.environ.get("PYTHONPATH", "")))
    for attempt in range(12):
        running = subprocess.Popen(
            [sys.executable, __file__, f"{place}/robots", url, "0.01"],
            env={**os.environ, "PYTHONPATH": paths},
        )
        if attempt < 3:
            time.sleep(chance.uniform(1.0, 2.5))
            running.kill()
        if running.wait() == 0:
            break
        # the next driver may be on another machine; a worker may be about to end
        left = temporary.rename(tmp_path / f"left-{attempt}")
        temporary.mkdir()
        shutil.rmtree(left, ignore_errors=True)
    out = downloaded(url, tmp_path / "out")
    assert results(out) == expected
    assert not list((out / "pieces").glob("*"))


def test_what_a_driver_that_was_killed_has_left_of_pieces_is_removed(source, place, monkeypatch):
    with monkeypatch.context() as killed:  # between the state and the pieces
        killed.setattr(Mirror, "_remove_pieces", lambda self: None)
        fleet(source, f"{place}/out")
    store = Store(f"{place}/out")
    pieces = {name for name in store.files() if name.startswith("pieces/")}
    assert len(pieces) > len(FLEET)
    store.write("pieces/000009-000000.sqlite3", b"of a bag that is not done")
    store.write("pieces/notes.txt", b"of somebody else")
    again = Here()
    fleet(source, f"{place}/out", lambda: again)
    assert again.steps == []
    assert {name for name in store.files() if name.startswith("pieces/")} == {
        "pieces/000009-000000.sqlite3",
        "pieces/notes.txt",
    }


@pytest.mark.parametrize("place", ["memory", "s3"], indirect=True)
def test_what_was_done_after_the_latest_copy_of_the_state_is_found_in_the_store(place, tmp_path, monkeypatch):
    camera_bag(tmp_path / "in" / "a", 60)
    camera_bag(tmp_path / "in" / "b", 60)
    damaged = tmp_path / "in" / "b" / "b.mcap"
    damaged.write_bytes(damaged.read_bytes()[:-60_000])
    uploaded(tmp_path / "in", f"{place}/in")
    kept = []

    def keep_once(self, manifest, *, now=False):
        if not kept:
            kept.append(copy_state(self, manifest, now=now))

    copy_state = Mirror.keep
    with monkeypatch.context() as killed:
        killed.setattr(Mirror, "keep", keep_once)
        killed.setattr(driver, "_write_summary", lambda path, report: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            fleet(f"{place}/in", f"{place}/out")
    pool = Here()
    report = fleet(f"{place}/in", f"{place}/out", lambda: pool)
    assert len(pool.steps) >= 4
    assert pool.detector.calls == report.images == 0
    assert report.bags[0].images == 60
    assert 50 < report.bags[1].images < 60
    assert [problem.split(": ")[:1] for bag in report.bags for problem in bag.problems] == [
        [f"{place}/in/b/b.mcap"]
    ]


@pytest.mark.parametrize("place", ["file"], indirect=True)
@pytest.mark.parametrize("written", [0.0, 0.5, 1.0], ids=["nothing", "half", "all"])
def test_a_worker_that_is_killed_while_it_writes_the_mark_of_a_result(place, tmp_path, monkeypatch, written):
    camera_bag(tmp_path / "in" / "a", 3)
    store, mark = Store(f"{place}/out"), f"bags/a/{DONE}"
    put = Store.put

    def put_and_die(self, source, name):
        put(self, source, name)
        if name == mark:
            content = self.read(name)
            self.write(name, content[: int(written * len(content))])
            raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Store, "put", put_and_die)
        with pytest.raises(KeyboardInterrupt):
            fleet(tmp_path / "in", store.url)
    assert store.exists(mark)
    report = fleet(tmp_path / "in", store.url)
    assert [(bag.state, bag.reason) for bag in report.bags] == [("done", "")]
    assert json.loads(store.read(mark))
    assert not store.exists(f"bags/a/{UNDERWAY}")


@pytest.mark.parametrize("place", ["file", "s3"], indirect=True)
def test_a_state_that_is_cut_off_is_made_anew(source, expected, place, tmp_path):
    url = f"{place}/out"
    fleet(source, url)
    content = Store(url).read(table.FILE)
    Store(url).write(table.FILE, content[: len(content) // 2])
    told = []
    with Mirror(url, told.append):
        assert told == [f"{url}/results.sqlite3: is damaged; made anew from the results that are there"]
    fleet(source, url)
    assert results(downloaded(url, tmp_path / "out")) == expected


@pytest.mark.parametrize(
    ("name", "storage", "remains", "fetched"),
    [
        pytest.param("a", "mcap", "*", 0, id="metadata"),
        pytest.param("a", "sqlite3", "*", 0, id="metadata of sqlite3"),
        pytest.param("a", "mcap", "*.mcap", 0, id="index of MCAP"),
        pytest.param("a", "sqlite3", "*.db3", 1, id="sqlite3 alone"),
    ],
)
def test_bags_are_planned_without_copies_where_that_is_possible(
    name, storage, remains, fetched, tmp_path, monkeypatch
):
    camera_bag(tmp_path / "all" / name, 130, storage)
    (tmp_path / "in" / name).mkdir(parents=True)
    for file in (tmp_path / "all" / name).glob(remains):
        file.rename(tmp_path / "in" / name / file.name)
    url = f"file://{tmp_path / 'in'}"
    got = []
    get = Store.get
    monkeypatch.setattr(Store, "get", lambda self, name, *rest: got.append(name) or get(self, name, *rest))
    [bag] = bags_of(url)
    plans = []
    for place, called in (bag, (str(tmp_path / "in" / name), "")):
        remote = {"bag_url": place} if "://" in place else {}
        step = steps.Step("plan", 1, job_of("" if remote else place), tmp_path, called, piece_s=5.0, **remote)
        plans.append(take(step, dict))
    assert [plan.failure for plan in plans] == ["", ""]
    assert plans[0].values == plans[1].values
    assert len(plans[0].values["spans_ns"]) == 2
    assert len(got) == fetched


@pytest.mark.parametrize("refused", ["some", "all"])
@pytest.mark.parametrize("step", ["plan", "read", "fetch"])
def test_a_bag_that_may_not_be_read_is_set_aside_unless_none_may(refused, step, tmp_path, monkeypatch):
    """Without the right to list files, S3 also says that access is denied where there is no file."""
    for name in ("a", "b", "c"):
        camera_bag(tmp_path / "in" / name, 130, "sqlite3" if step == "fetch" else "mcap")
    url = uploaded(tmp_path / "in", "memory://bucket/in")
    names = ("a", "b") if refused == "some" else ("a", "b", "c")
    store = type(fsspec.filesystem("memory"))
    method = {"plan": "find", "read": "_open", "fetch": "get_file"}[step]
    work = getattr(store, method)

    def denied(self, path, *rest, **more):
        if any(f"/in/{name}" in path for name in names) and not path.endswith(".yaml"):
            raise PermissionError("Access Denied")
        return work(self, path, *rest, **more)

    run = partial(driver.run, job_of(""), bags_of(url), tmp_path / "out", Here, options=Options(5.0))
    with monkeypatch.context() as patched:
        patched.setattr(store, method, denied)
        if refused == "all":
            with pytest.raises(
                DetectorError, match=r"^memory://bucket/in/[abc]: cannot be \w+ ?\w*: Access Denied$"
            ):
                run()
        else:
            report = run()
            assert [bag.state for bag in report.bags] == ["failed", "failed", "done"]
            assert {bag.reason.partition(": ")[2] for bag in report.set_aside} == {"Access Denied"}
            report = run(options=Options(5.0, retry=True))
            assert [bag.state for bag in report.bags] == ["failed", "failed", "done"]
    report = run(options=Options(5.0, retry=refused == "some"))
    assert [bag.state for bag in report.bags] == ["done"] * 3


def test_keys_that_expire_set_no_bag_aside(tmp_path, monkeypatch):
    memory = fsspec.filesystem("memory")
    for name in ("a", "b", "c"):
        camera_bag(tmp_path / "in" / name, 2)
    bags = bags_of(uploaded(tmp_path / "in", "memory://bucket/in"))

    def denied(self, path, *rest, **more):
        raise PermissionError("Expired")

    def expire(step):
        if step.kind == "finish":
            for method in ("find", "_open"):
                keys.setattr(type(memory), method, denied)

    with monkeypatch.context() as keys, pytest.raises(DetectorError, match=r"in/\w: .*Expired"):
        driver.run(job_of(""), bags, tmp_path / "out", lambda: Here(before=expire), Options())
    pool = Here()
    report = driver.run(job_of(""), bags, tmp_path / "out", lambda: pool, Options())
    assert [bag.state for bag in report.bags] == ["done"] * 3
    assert len({name for _, name, _ in pool.steps}) < 3


def test_local_bags_go_on_beside_one_that_may_not_be_read(tmp_path, monkeypatch):
    memory = fsspec.filesystem("memory")
    camera_bag(tmp_path / "here", 2)

    def denied(self, path, *rest, **more):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(memory), "find", denied)
    bags = [(str(tmp_path / "here"), "here"), ("memory://bucket/gone", "gone")]
    report = driver.run(job_of(""), bags, tmp_path / "out", Here, Options())
    assert [(bag.state, bag.reason) for bag in report.bags] == [
        ("done", ""),
        ("failed", "cannot be looked at: Access Denied"),
    ]


@pytest.mark.parametrize("change", ["length", "bag"])
def test_pieces_of_other_work_in_the_store_are_not_used(change, tmp_path):
    camera_bag(tmp_path / "in" / "a", 130)

    def fails(step):
        return Outcome(step, {}, "bag", "no room") if step.kind == "finish" else None

    def run(piece_s, pool, **options):
        with Mirror("memory://bucket/out") as out:
            bags = bags_of(tmp_path / "in", "memory://bucket/out")
            return driver.run(
                job_of(""), bags, out.folder, lambda: pool, Options(piece_s, **options), mirror=out
            )

    run(5.0, Here(before=fails))
    same = Here(before=fails)
    run(5.0, same, retry=True)
    assert same.detector.calls == 0
    if change == "bag":
        shutil.rmtree(tmp_path / "in")
        camera_bag(tmp_path / "in" / "a", 130)
    again = Here(before=lambda step: counts.append((step.kind, again.detector.calls)))
    counts = []
    report = run(0.0 if change == "length" else 5.0, again, retry=True)
    assert report.images == again.detector.calls == 130
    assert counts[-1] == ("finish", 130)


@pytest.mark.parametrize("place", ["memory", "s3"], indirect=True)
def test_a_bag_is_fetched_once_or_read_where_it_is(place, tmp_path, temporary, monkeypatch):
    camera_bag(tmp_path / "in" / "cut", 130, "sqlite3")
    camera_bag(tmp_path / "in" / "cut_mcap", 130)
    camera_bag(tmp_path / "in" / "no_index", 130)
    no_index = tmp_path / "in" / "no_index" / "no_index.mcap"
    no_index.write_bytes(no_index.read_bytes()[:-60_000])
    camera_bag(tmp_path / "in" / "short", 3)
    uploaded(tmp_path / "in", f"{place}/in")
    copies = []

    def before(step):
        copies.append(len(list(temporary.rglob("*.mcap")) + list(temporary.rglob("*.db3"))))

    got = []
    get = Store.get
    monkeypatch.setattr(Store, "get", lambda self, name, *rest: got.append(name) or get(self, name, *rest))
    report = driver.run(
        job_of(""), bags_of(f"{place}/in"), tmp_path / "out", lambda: Here(before=before), Options(5.0)
    )
    assert [bag.state for bag in report.bags] == ["done"] * 4
    assert sorted(name for name in got if name != "metadata.yaml") == [
        "cut.db3",
        "no_index.mcap",
        "short.mcap",
    ]
    assert max(copies) <= 2  # one that is read, one that is fetched meanwhile


def test_a_bag_that_could_not_be_fetched_meanwhile_is_fetched_when_it_is_needed(
    source, tmp_path, monkeypatch
):
    get = Store.get
    names = []

    def once_away(self, name, *rest):
        names.append(name)
        if names.count("two.mcap") == 1 and name == "two.mcap":
            raise StoreError("away")
        get(self, name, *rest)

    monkeypatch.setattr(Store, "get", once_away)
    report = driver.run(
        job_of(""), bags_of(uploaded(source, f"file://{tmp_path}/in")), tmp_path / "out", Here, Options(5.0)
    )
    assert [bag.state for bag in report.bags] == ["done"] * 3
    assert names.count("two.mcap") == 2


def test_the_next_bag_makes_room_for_the_one_that_is_needed(tmp_path, monkeypatch):
    for name in ("one", "next", "needed"):
        camera_bag(tmp_path / "in" / name, 2)
    urls = {name: f"file://{tmp_path}/in/{name}" for name in ("one", "next", "needed")}

    def usage(folder):
        return Usage(0, 0, 0 if list(desk.folder.rglob("*.mcap")) else 1 << 30)

    desk = Desk()
    take = partial(desk.take, action=lambda step: {"bag": step.job.bag})
    one = Step("detect", 1, job_of(""), tmp_path, bag_url=urls["one"], next_url=urls["next"])
    assert take(one)["bag"].exists()
    desk._next.path()
    monkeypatch.setattr("shutil.disk_usage", usage)
    needed = take(replace(one, bag_url=urls["needed"], next_url=urls["next"]))["bag"]
    assert needed.name == "needed"
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(0, 0, 0))
    with pytest.raises(OutputError, match=r"needs .* free"):
        take(replace(one, next_url=""))
    desk.close()


@pytest.mark.parametrize("place", ["file", "s3"], indirect=True)
def test_workers_that_are_killed_leave_no_copies(place, tmp_path, temporary):
    camera_bag(tmp_path / "in" / "a", 60)
    url = uploaded(tmp_path / "in", f"{place}/in")
    job = job_of("", delay_s=0.02)
    pool = LocalPool(job.tasks, 1)
    killed = []

    def progress(done, total, text):
        if not killed and list(temporary.rglob("*.mcap")):
            killed.append(pool.pids[0])
            os.kill(pool.pids[0], signal.SIGKILL)

    report = driver.run(job, bags_of(url), tmp_path / "out", lambda: pool, Options(), progress)
    assert [bag.state for bag in report.bags] == ["done"]
    assert killed
    assert not list(temporary.rglob("*.mcap"))


def test_a_list_mixes_paths_and_urls(tmp_path, place):
    for name in ("here", "there", "beside"):
        camera_bag(tmp_path / "in" / name, 2)
    url = uploaded(tmp_path / "in", f"{place}/robots")
    text = f"# bags\n{tmp_path}/in/here\n{url}/there/\n"
    (tmp_path / "list.txt").write_text(f"{text}in/here\n")
    bags = bags_of(tmp_path / "list.txt")
    assert bags == [
        (f"{tmp_path}/in/here", "here"),
        (f"{url}/there", "there"),
        (f"{tmp_path}/in/here", "here"),
    ]
    report = driver.run(job_of(""), bags, tmp_path / "out", Here, Options())
    assert [(bag.path, bag.state) for bag in report.bags] == [(path, "done") for path, _ in bags[:2]]
    Store(url).write("list.txt", f"{text}beside\n".encode())
    assert [path for path, _ in bags_of(f"{url}/list.txt")] == [
        *(path for path, _ in bags[:2]),
        f"{url}/beside",
    ]
    assert bags_of(f"{url}/there") == [(f"{url}/there", "there")]
    assert bags_of(f"{url}/there/there.mcap") == [(f"{url}/there/there.mcap", "there")]
    with pytest.raises(ConfigError, match="no bags here"):
        bags_of(f"{url}/there", f"{url}")


def test_a_list_of_signed_urls(tmp_path):
    pytest.importorskip("aiohttp", reason="needs aiohttp, which fsspec reads http with")
    camera_bag(tmp_path / "in" / "a", 2)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "in" / "a")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/a.mcap"
        (tmp_path / "list.txt").write_text(f"{url}?X-Signature=hunter2\n")
        report = driver.run(job_of(""), bags_of(tmp_path / "list.txt"), tmp_path / "out", Here, Options())
        server.shutdown()
    assert [(bag.path, bag.name, bag.state, bag.images) for bag in report.bags] == [(url, "a", "done", 2)]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        pytest.param(
            "shutil.disk_usage",
            lambda folder: type("Usage", (), {"free": 9})(),
            "needs .* free",
            id="no room",
        ),
        pytest.param(
            "fsspec.implementations.memory.MemoryFileSystem.get_file",
            lambda *arguments, **more: (_ for _ in ()).throw(ConnectionResetError("reset")),
            "cannot be fetched: reset",
            id="the store does not answer",
        ),
        pytest.param(
            "tempfile.mkdtemp",
            lambda *arguments, **more: (_ for _ in ()).throw(
                OSError(errno.ENOSPC, "No space left on device")
            ),
            "No space left",
            id="no room for a folder",
        ),
    ],
)
def test_what_is_not_the_fault_of_a_bag_stops_the_fleet(name, value, reason, source, tmp_path, monkeypatch):
    uploaded(source, "memory://robots")
    with monkeypatch.context() as broken:
        broken.setattr(name, value)
        with pytest.raises(driver.DetectorError, match=reason):
            driver.run(job_of(""), bags_of("memory://robots"), tmp_path / "out", Here, Options())
    report = driver.run(job_of(""), bags_of("memory://robots"), tmp_path / "out", Here, Options())
    assert [bag.state for bag in report.bags] == ["done"] * 3


def test_bags_in_stores_that_cannot_be_processed_are_set_aside(tmp_path):
    camera_bag(tmp_path / "in" / "good", 2)
    (tmp_path / "in" / "broken.mcap").write_bytes(b"not a bag")
    bags = [*bags_of(f"file://{tmp_path / 'in'}"), (f"file://{tmp_path}/missing", "missing")]
    report = driver.run(job_of(""), bags, tmp_path / "out", Here, Options())
    assert {bag.name: bag.state for bag in report.bags} == {
        "broken": "failed",
        "good": "done",
        "missing": "failed",
    }
    reasons = {bag.name: bag.reason for bag in report.set_aside}
    assert reasons["missing"] == "not there"
    assert reasons["broken"].startswith("nothing of this bag can be read")
    assert f"file://{tmp_path}/in/broken.mcap: not an MCAP file" in reasons["broken"]


def test_figures_in_metadata_that_lie_are_not_believed(tmp_path):
    metadata = camera_bag(tmp_path / "in" / "a", 3) / "metadata.yaml"
    content = yaml.safe_load(metadata.read_text())
    about = content["rosbag2_bagfile_information"]
    about["duration"]["nanoseconds"] = 10**30
    about["topics_with_message_count"][0]["message_count"] = 10**23
    metadata.write_text(yaml.safe_dump(content))
    report = driver.run(job_of(""), bags_of(f"file://{tmp_path}/in"), tmp_path / "out", Here, Options())
    assert [(bag.state, bag.expected) for bag in report.bags] == [("done", 3)]


def test_nothing_shows_a_password(tmp_path, capfd):
    memory = fsspec.filesystem("memory")
    camera_bag(tmp_path / "in" / "a", 2)
    uploaded(tmp_path / "in", "memory://me:hunter2@robots")
    memory.pipe("/me:hunter2@robots/broken.mcap", b"not a bag")
    report = fleet("memory://me:hunter2@robots", "memory://me:hunter2@results")
    assert [(bag.path, bag.state) for bag in report.bags] == [
        ("memory://robots/a", "done"),
        ("memory://robots/broken.mcap", "failed"),
    ]
    for name, content in memory.store.items():
        if name.startswith("/me:hunter2@results/"):
            assert b"hunter2" not in content.getvalue(), name
    assert "hunter2" not in str(report)
    assert "hunter2" not in "".join(capfd.readouterr())
    with pytest.raises(ConfigError) as caught:
        bags_of("memory://me:hunter2@robots/a", "memory://me:hunter2@robots")
    assert "hunter2" not in str(caught.value)


def test_another_driver_is_refused_and_a_dead_one_is_succeeded(place, tmp_path):
    camera_bag(tmp_path / "a", 2)
    store = Store(f"{place}/out")
    with Mirror(store.url) as first:
        with pytest.raises(ConfigError, match=r"another process is working on it: process \d+ of "):
            alive(store, lambda: Mirror(store.url).__enter__())
        assert first.folder.exists()
    elsewhere = json.dumps(
        {"token": "x", "beat": 1, "machine": "another", "pid": 1, "host": "robot"}
    ).encode()
    store.write(lease.NAME, elsewhere)
    with pytest.raises(ConfigError, match="process 1 of robot"):
        alive(store, lambda: Mirror(store.url).__enter__())
    store.write(lease.NAME, elsewhere)
    said = []
    with Mirror(store.url, said.append) as second:  # it has shown no sign of life for a while
        store.write(lease.NAME, elsewhere)  # but now it does
        assert "process 1 of robot was working on it; waiting" in said[0]
        second._lease._beat_once()
        with pytest.raises(ConfigError, match="has taken over"):
            second.keep(None)
    assert store.read(lease.NAME) == elsewhere
    store.write(lease.NAME, b"damaged")
    with Mirror(store.url):
        pass
    assert not store.exists(lease.NAME)


def test_a_driver_does_not_wait_for_itself(monkeypatch):
    """The store has written its name, but the answer was lost."""
    memory = fsspec.filesystem("memory")
    write = type(memory).pipe_file
    answers = [ConnectionResetError("broken pipe")]

    def lost(self, *arguments, **options):
        write(self, *arguments, **options)
        if answers:
            raise answers.pop()

    monkeypatch.setattr(type(memory), "pipe_file", lost)
    said = []
    with Mirror("memory://bucket/out", said.append):
        pass
    assert (said, answers) == ([], [])


def alive(store, action):
    """Do something while the driver that holds a store shows that it is alive."""
    read = type(store).read
    beats = iter(range(100))

    def beating(self, name=""):
        content = read(self, name)
        return content and content.replace(b'"beat": ', b'"beat": 1%d' % next(beats))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(store), "read", beating)
        return action()


@pytest.mark.parametrize("place", ["memory", "s3"], indirect=True)
def test_other_options_are_refused_by_the_name_of_the_store(place, tmp_path):
    camera_bag(tmp_path / "in" / "a", 2)
    fleet(tmp_path / "in", f"{place}/out")
    with (
        pytest.raises(ConfigError, match=rf"^{place}/out: has results of other options"),
        Mirror(f"{place}/out") as out,
    ):
        driver.run(job_of("", every=2), bags_of(tmp_path / "in"), out.folder, Here, Options(), mirror=out)


if __name__ == "__main__":  # a driver that a test kills
    mirror.COPY_S = 0.2
    slow = job_of("", delay_s=float(sys.argv[3]))
    with Mirror(sys.argv[2]) as kept:
        found = bags_of(sys.argv[1])
        driver.run(slow, found, kept.folder, lambda: LocalPool(slow.tasks, 2), Options(5.0), mirror=kept)
