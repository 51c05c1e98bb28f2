# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A fleet on a Ray cluster of this machine. Runs where ray is installed, which nothing else needs."""

import os
import signal
import tempfile
import threading
import time

import pytest
from helpers.bags import camera_bag, job_of
from helpers.paths import TEST

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.fleet import driver
from face_detect_ros.fleet.bag_list import bags_of
from face_detect_ros.fleet.driver import Options
from face_detect_ros.fleet.local_pool import LocalPool
from face_detect_ros.fleet.mirror import Mirror
from face_detect_ros.fleet.ray_pool import RayPool

psutil = pytest.importorskip("psutil")
pytest.importorskip("ray", reason="needs ray, an optional package")


@pytest.fixture
def job(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    path = os.pathsep.join((str(TEST), str(TEST.parent), os.environ.get("PYTHONPATH", "")))
    monkeypatch.setenv("PYTHONPATH", path)  # of the workers
    return job_of("", delay_s=0.02)


def content(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("bags/**/*.mcap"))}


def test_actors_find_what_local_processes_find_though_one_is_killed(tmp_path, job):
    for name, count in (("a", 130), ("b", 60)):
        camera_bag(tmp_path / "in" / name, count)
    bags = bags_of(tmp_path / "in")
    killed = []

    def kill():
        while not killed:
            time.sleep(0.1)
            for process in psutil.Process().children(recursive=True):
                if "_Actor.take" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    killed.append(process.pid)
                    break

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    report = driver.run(job, bags, tmp_path / "ray", lambda: RayPool(job.tasks, "local", 2), Options(5.0))
    assert [bag.state for bag in report.bags] == ["done", "done"]
    assert killed
    driver.run(job, bags, tmp_path / "local", lambda: LocalPool(job.tasks, 2), Options(5.0))
    assert content(tmp_path / "ray") == content(tmp_path / "local")


def test_actors_fetch_bags_and_deliver_results(tmp_path, job, monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # whose paths must be short
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))  # of the workers
    (tmp_path / "tmp").mkdir()
    camera_bag(tmp_path / "in" / "a", 60)
    url = f"file://{tmp_path}"
    with Mirror(f"{url}/out") as out:
        bags = bags_of(f"{url}/in")
        report = driver.run(
            job, bags, out.folder, lambda: RayPool(job.tasks, "local", 2), Options(2.0), mirror=out
        )
    assert [(bag.path, bag.state) for bag in report.bags] == [(f"{url}/in/a", "done")]
    driver.run(
        job, bags_of(tmp_path / "in"), tmp_path / "local", lambda: LocalPool(job.tasks, 2), Options(2.0)
    )
    assert content(tmp_path / "out") == content(tmp_path / "local")
    assert not list((tmp_path / "tmp").rglob("*.mcap"))


def test_a_cluster_that_is_not_there_or_too_small_is_said(job):
    with pytest.raises(ConfigError, match="no Ray cluster at 127"):
        RayPool(job.tasks, "127.0.0.1:1", 1)
    with pytest.raises(ConfigError, match="has room for"):
        RayPool(job.tasks, "local", 10_000)
