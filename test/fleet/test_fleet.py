# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Many bags over processes: the same results as one process, whatever is killed in between."""

import contextlib
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.bags import (
    FLEET,
    START_NS,
    BagMaker,
    camera_bag,
    job_of,
    run,
    text_message,
)
from helpers.paths import TEST
from helpers.pools import Here

from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.fleet import driver, steps
from face_detect_ros.fleet.bag_list import bags_of
from face_detect_ros.fleet.driver import ATTEMPTS, Options
from face_detect_ros.fleet.local_pool import LocalPool
from face_detect_ros.fleet.one_bag import table
from face_detect_ros.fleet.steps import Outcome, Step, pieces, take

SECOND = 10**9


@pytest.fixture(scope="module")
def expected(source, tmp_path_factory):
    """Results of one process: (name -> MCAP, rows)."""
    folder = tmp_path_factory.mktemp("expected")
    bags, found = {}, []
    for path, name in bags_of(source):
        out = folder / name
        out.parent.mkdir(parents=True, exist_ok=True)
        run(path, out)
        bags[name] = (out / f"{out.name}.mcap").read_bytes()
        found += rows(out / table.FILE)
    return bags, sorted(found)


def rows(path):
    return sqlite3.connect(path).execute("SELECT * FROM detections").fetchall()


def results(out):
    return {
        str(path.parent.relative_to(out / "bags")): path.read_bytes() for path in out.glob("bags/**/*.mcap")
    }, sorted(rows(out / table.FILE))


def fleet(source, out, pool, piece_s=5.0, **options):
    return driver.run(job_of(""), bags_of(source), out, lambda: pool, Options(piece_s, **options))


def test_pieces_join_to_what_one_process_finds(source, expected, tmp_path):
    pool = Here()
    report = fleet(source, tmp_path / "out", pool)
    assert results(tmp_path / "out") == expected
    assert [bag.state for bag in report.bags] == ["done"] * 3
    assert [bag.images for bag in report.bags] == list(FLEET.values())
    assert report.images == pool.detector.calls == sum(FLEET.values())
    assert [step for step in pool.steps if step[1] == "monday/one"] == [
        ("plan", "monday/one", 0),
        ("detect", "monday/one", 0),
        ("detect", "monday/one", 1),
        ("finish", "monday/one", 0),
    ]
    assert list((tmp_path / "out" / "pieces").iterdir()) == []
    again = Here()
    assert fleet(source, tmp_path / "out", again).images == 0
    assert again.steps == []


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"from_s": 1.0, "to_s": 11.05}, id="from and to"),
        pytest.param({"from_s": 3.0}, id="later than some bags end"),
        pytest.param({"to_s": 6.0, "every": 7}, id="every 7th"),
        pytest.param({"topics": ("/camera/image_raw",)}, id="topics"),
    ],
)
def test_a_part_of_each_bag_is_what_bag_makes_of_it(source, part, tmp_path):
    report = driver.run(job_of("", **part), bags_of(source), tmp_path / "out", Here, Options(5.0))
    assert [bag.state for bag in report.bags] == ["done"] * 3
    alone = {}
    for path, name in bags_of(source):
        out = tmp_path / "alone" / name
        out.parent.mkdir(parents=True, exist_ok=True)
        run(path, out, **part)
        alone[name] = (out / f"{out.name}.mcap").read_bytes()
    assert results(tmp_path / "out")[0] == alone
    assert report.images == sum(bag.images for bag in report.bags) > 0


def test_processes_and_a_driver_killed_at_random_lose_and_double_nothing(source, expected, tmp_path):
    out = tmp_path / "out"
    chance = random.Random(1)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TEST), str(TEST.parent)))}
    for attempt in range(20):
        done = subprocess.Popen([sys.executable, __file__, source, out, "0.02"], env=environment)
        if attempt < 4:
            time.sleep(chance.uniform(0.8, 3.0))
            if attempt % 2:
                children = Path(f"/proc/{done.pid}/task/{done.pid}/children").read_text().split()
                for child in children[-1:]:
                    os.kill(int(child), signal.SIGKILL)
                time.sleep(chance.uniform(0.2, 1.0))
            done.kill()
        if done.wait() == 0:
            break
    assert results(out) == expected
    assert list((out / "pieces").iterdir()) == []


def test_what_a_driver_that_was_killed_has_left_of_pieces_is_removed(source, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as killed:  # between the state and the pieces
        killed.setattr(driver._Fleet, "_remove_pieces", lambda self, step: None)
        killed.setattr(driver._Fleet, "remove_pieces_left", lambda self: None)
        fleet(source, out, Here())
    assert len(list((out / "pieces").iterdir())) > len(FLEET)
    (out / "pieces" / "000002-000000.sqlite3-wal").touch()  # of a worker that was killed
    others = {"000009-000000.sqlite3", "notes.txt"}
    for name in others:
        (out / "pieces" / name).touch()
    again = Here()
    fleet(source, out, again)
    assert again.steps == []
    assert {path.name for path in (out / "pieces").iterdir()} == others


def test_a_bag_that_is_set_aside_stays_so_whatever_its_other_pieces_do(tmp_path):
    camera_bag(tmp_path / "in" / "a", 130)

    class Two(Here):
        """Two workers: one finds the bag damaged, the other one dies over it."""

        idle = property(lambda self: 2 - len(self.given))

        def __init__(self):
            super().__init__()
            self.given, self.count = [], 0

        def submit(self, step):
            self.given.append(step)
            self.count += 1

        def wait(self, timeout_s):
            step = self.given.pop(0)
            if step.kind == "plan":
                return [take(step, dict)]
            failure = ("crash", "killed") if step.piece else ("bag", "is damaged")
            return [Outcome(step, {}, *failure)]

    pool = Two()
    [bag] = fleet(tmp_path / "in", tmp_path / "out", pool).bags
    assert (bag.state, bag.reason, pool.count) == ("failed", "is damaged", 3)


def test_a_new_bag_is_taken_in_and_other_options_are_refused(tmp_path):
    camera_bag(tmp_path / "in" / "a", 2)
    fleet(tmp_path / "in", tmp_path / "out", Here())
    camera_bag(tmp_path / "in" / "b", 2)
    pool = Here()
    report = fleet(tmp_path / "in", tmp_path / "out", pool)
    assert [bag.name for bag in report.bags] == ["a", "b"]
    assert {step[1] for step in pool.steps} == {"b"}
    with pytest.raises(ConfigError, match="other options"):
        driver.run(job_of("", every=2), bags_of(tmp_path / "in"), tmp_path / "out", Here, Options())


def test_bags_that_cannot_be_processed_are_set_aside_and_the_others_are_done(tmp_path):
    camera_bag(tmp_path / "in" / "good", 2)
    with BagMaker(tmp_path / "in" / "without") as bag:
        bag.write("/chatter", "std_msgs/msg/String", 1, text_message("no image"))
    (tmp_path / "in" / "broken.mcap").write_bytes(b"not a bag")

    def before(step):
        if step.name == "good" and step.kind == "finish":
            raise_once.pop() if raise_once else None
        return

    raise_once = [1]
    report = fleet(tmp_path / "in", tmp_path / "out", Here(before=before))
    reasons = {bag.name: bag.reason for bag in report.set_aside}
    assert set(reasons) == {"broken", "without"}
    assert "not an MCAP file" in reasons["broken"]
    assert "no topic with images" in reasons["without"]
    assert "no topic with images" in (tmp_path / "out" / driver.SUMMARY).read_text()
    pool = Here()
    fleet(tmp_path / "in", tmp_path / "out", pool)
    assert pool.steps == []  # they stay aside
    fleet(tmp_path / "in", tmp_path / "out", pool, retry=True)
    assert {step[1] for step in pool.steps} == {"broken", "without"}


def test_topics_that_only_some_bags_have_are_left_out(tmp_path):
    camera_bag(tmp_path / "in" / "a", 2)
    with BagMaker(tmp_path / "in" / "b") as bag:
        bag.image(0)
        bag.write("/audio", "std_msgs/msg/UInt8MultiArray", START_NS, b"\0\1\0\0" + bytes(12))
    job = job_of("", anonymize=True, without=("/audio",), every_name=False)
    report = driver.run(job, bags_of(tmp_path / "in"), tmp_path / "out", Here, Options())
    assert [bag.state for bag in report.bags] == ["done", "done"]
    strict = job_of("", anonymize=True, without=("/audio",))
    report = driver.run(strict, bags_of(tmp_path / "in"), tmp_path / "strict", Here, Options())
    assert [bag.state for bag in report.bags] == ["failed", "done"]


def test_a_bag_over_which_processes_end_is_set_aside_after_some_attempts(tmp_path):
    for name in ("a", "poison", "z"):
        camera_bag(tmp_path / "in" / name, 2)

    def before(step):
        if step.name == "poison" and step.kind == "detect":
            return Outcome(step, {}, "crash", "its process was ended by SIGSEGV")
        return None

    pool = Here(before=before)
    report = fleet(tmp_path / "in", tmp_path / "out", pool)
    assert pool.steps.count(("detect", "poison", 0)) == ATTEMPTS
    assert [(bag.name, bag.state) for bag in report.bags] == [
        ("a", "done"),
        ("poison", "failed"),
        ("z", "done"),
    ]
    assert "SIGSEGV, 3 times" in report.set_aside[0].reason


def test_what_concerns_every_bag_stops_the_fleet_and_sets_nothing_aside(tmp_path):
    camera_bag(tmp_path / "in" / "a", 2)

    def before(step):
        return Outcome(step, {}, "all", "cannot write: the disk is full") if step.kind == "detect" else None

    with pytest.raises(DetectorError, match="disk is full"):
        fleet(tmp_path / "in", tmp_path / "out", Here(before=before))
    report = fleet(tmp_path / "in", tmp_path / "out", Here())
    assert report.bags[0].state == "done"


def test_a_bug_is_named_and_costs_one_bag(tmp_path, monkeypatch):
    camera_bag(tmp_path / "in" / "a", 2)

    def broken(*arguments):
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(steps._TAKE, "finish", broken)
    report = fleet(tmp_path / "in", tmp_path / "out", Here())
    assert "ZeroDivisionError: a bug (test_fleet.py" in report.set_aside[0].reason


def test_a_dead_worker_is_noticed_and_replaced(tmp_path):
    bag = camera_bag(tmp_path / "a", 2)
    pool = LocalPool(job_of("").tasks, 1)
    try:
        [killed] = pool.pids
        pool.submit(Step("plan", 1, job_of(bag), tmp_path))
        os.kill(killed, signal.SIGKILL)
        outcomes = []
        while not (outcomes and not outcomes[-1].failure and pool.pids != [killed]):
            if pool.idle:
                pool.submit(Step("plan", 1, job_of(bag), tmp_path))
            outcomes += pool.wait(1.0)
        assert outcomes[-1].values["images"] == 2
        assert {outcome.failure for outcome in outcomes} <= {"", "crash"}
        assert all("SIGKILL" in outcome.reason for outcome in outcomes if outcome.failure)
    finally:
        pool.close()


def test_ctrl_c_leaves_the_end_of_workers_to_their_owner(tmp_path, monkeypatch):
    """The terminal sends it to all processes, as often as somebody is impatient."""
    pool = LocalPool(job_of("").tasks, 1)
    try:
        pool.submit(Step("plan", 1, job_of(camera_bag(tmp_path / "a", 2)), tmp_path))
        outcomes = []
        while not outcomes:  # from its first moment on
            os.kill(pool.pids[0], signal.SIGINT)
            outcomes += pool.wait(0.1)
        assert [outcome.failure for outcome in outcomes] == [""]
    finally:
        end = pool._end

        def end_interrupted(*arguments):
            os.kill(os.getpid(), signal.SIGINT)
            end(*arguments)

        monkeypatch.setattr(pool, "_end", end_interrupted)
        pool.submit(Step("plan", 1, job_of(tmp_path / "a"), tmp_path))
        with contextlib.suppress(KeyboardInterrupt):  # it would end the whole run of the tests
            pool.close()
    assert pool.pids == []


@pytest.mark.parametrize(
    ("seconds", "piece_s", "images", "count"),
    [
        pytest.param(600, 60, 6000, 10, id="long"),
        pytest.param(70, 60, 700, 1, id="little more than one"),
        pytest.param(10, 60, 100, 1, id="short"),
        pytest.param(600, 0, 6000, 1, id="uncut"),
        pytest.param(600_000, 60, 120, 2, id="few images over days"),
        pytest.param(0, 60, 0, 1, id="empty"),
        pytest.param(10**10, 60, 10**12, 1000, id="figures that lie"),
    ],
)
def test_pieces_cover_a_bag_without_gap_or_overlap(seconds, piece_s, images, count):
    spans = pieces(5, 5 + seconds * SECOND, piece_s, images)
    assert len(spans) == count
    assert spans[0][0] == 5
    assert spans[-1][1] == 5 + max(1, seconds * SECOND)
    assert all(first[1] == second[0] for first, second in itertools.pairwise(spans))


def test_results_are_not_inside_of_each_other(tmp_path):
    camera_bag(tmp_path / "in" / "a" / "b", 1)
    camera_bag(tmp_path / "file", 1)
    (tmp_path / "file" / "file.mcap").rename(tmp_path / "in" / "a.mcap")
    report = fleet(tmp_path / "in", tmp_path / "out", Here())
    assert [(bag.path, bag.name, bag.state) for bag in report.bags] == [
        (f"{tmp_path}/in/a/b", "a/b", "done"),
        (f"{tmp_path}/in/a.mcap", "a-2", "done"),
    ]


def test_a_list_of_bags(tmp_path):
    camera_bag(tmp_path / "in" / "a", 1)
    camera_bag(tmp_path / "other" / "a", 1)
    (tmp_path / "list.txt").write_text("in/a\n\n# a comment\nother/a\nmissing\n")
    report = fleet(tmp_path / "list.txt", tmp_path / "out", Here())
    assert [(bag.name, bag.state) for bag in report.bags] == [
        ("a", "done"),
        ("a-2", "done"),
        ("missing", "failed"),
    ]
    with pytest.raises(ConfigError, match="no bags here"):
        bags_of(tmp_path / "out" / "pieces")


if __name__ == "__main__":  # a driver that a test kills
    slow = job_of("", delay_s=float(sys.argv[3]))
    found = bags_of(Path(sys.argv[1]))
    driver.run(slow, found, Path(sys.argv[2]), lambda: LocalPool(slow.tasks, 2), Options(5.0))
