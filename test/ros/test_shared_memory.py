# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Segments in /dev/shm: of processes that live, that ended and that were killed; and where there is little room."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from face_detect_ros.ros import shared_memory

NODE = (
    "import rclpy; rclpy.init(); node = rclpy.create_node('lives'); print('up', flush=True); rclpy.spin(node)"
)
DEAD, ALIVE, YOUNG = (f"fastdds_{digit * 16}" for digit in "abc")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A /dev/shm with a segment of a dead process, one of a living process, and one just made."""
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    monkeypatch.setattr(shared_memory, "_YOUNG_S", -1.0)
    for name in (DEAD, ALIVE):
        (tmp_path / name).write_bytes(bytes(100_000))
        (tmp_path / f"{name}_el").touch()
    (tmp_path / "fastdds_port7400_el").touch()
    with (tmp_path / f"{ALIVE}_el").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield tmp_path


def test_only_segments_whose_lock_nobody_holds_are_dead(folder: Path) -> None:
    assert shared_memory.dead_segments() == [folder / DEAD]
    assert shared_memory.remove_dead_segments() >= 100_000
    assert {path.name for path in folder.iterdir()} == {ALIVE, f"{ALIVE}_el", "fastdds_port7400_el"}


def test_a_port_that_a_killed_process_had_half_made_is_removed(folder: Path) -> None:
    for name, state in (("fastdds_port7400", 2), ("fastdds_port7402", 0), ("fastrtps_port7404", 1)):
        (folder / name).write_bytes(state.to_bytes(4, sys.byteorder) + bytes(1000))
    assert {path.name for path in shared_memory.dead_segments()} == {
        DEAD,
        "fastdds_port7402",
        "fastrtps_port7404",
    }
    shared_memory.remove_dead_segments()
    assert {path.name for path in folder.glob("*port*")} == {"fastdds_port7400", "fastdds_port7400_el"}


def test_a_segment_that_was_just_made_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "_YOUNG_S", 10.0)
    assert shared_memory.dead_segments() == []


def test_links_are_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "file"
    other.write_text("precious")
    (folder / YOUNG).symlink_to(other)
    (folder / f"{YOUNG}_el").symlink_to(other)
    shared_memory.remove_dead_segments()
    assert other.read_text() == "precious"
    assert (folder / YOUNG).is_symlink()


@pytest.mark.parametrize(
    ("free", "profile"),
    [
        (1_000_000_000, shared_memory.LARGE_PROFILE),
        (64_000_000, shared_memory.SMALL_PROFILE),
        (1_000_000, None),
        (None, shared_memory.LARGE_PROFILE),
    ],
)
def test_the_segment_follows_what_is_free(
    monkeypatch: pytest.MonkeyPatch, free: int | None, profile: Path | None
) -> None:
    monkeypatch.setattr(shared_memory, "free_bytes", lambda: free)
    assert shared_memory.profile() == profile


def test_what_a_killed_node_leaves_is_found_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rclpy")
    node = subprocess.Popen([sys.executable, "-c", NODE], stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    assert node.stdout.readline() == "up\n"
    # by the locks that it holds: it also maps the segments of other nodes of this network
    mine = set()
    for descriptor in Path(f"/proc/{node.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            file = os.readlink(descriptor)
            if "/dev/shm/fast" in file and "port" not in file:
                mine.add(Path(file.removesuffix("_el")))
    assert mine
    # here young files count as well, and those of others that start beside this test must be left alone
    monkeypatch.setattr(shared_memory, "_PORT", re.compile("(?!)"))
    monkeypatch.setattr(shared_memory, "_LOCK", re.compile("|".join(f"{path.name}_el" for path in mine)))
    monkeypatch.setattr(shared_memory, "_YOUNG_S", -1.0)
    assert not mine & set(shared_memory.dead_segments())
    node.send_signal(signal.SIGKILL)
    node.communicate()
    assert mine <= set(shared_memory.dead_segments())
    shared_memory.remove_dead_segments()
    assert not any(path.exists() for path in mine)


CONTAINER = """
mount -t tmpfs -o size=64m tmpfs /dev/shm || exit 77
export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID={domain}
exec > /dev/null
{python} -c "{idle}" & others=$!
{python} -c "{idle}" & others="$others $!"
{python} -c "{idle}" & others="$others $!"
{python} -c "{camera}" & others="$others $!"
timeout 60 {python} -c "{viewer}"
status=$?
kill -9 $others
exit $status
"""
IDLE = """
import time, rclpy
from face_detect_ros.ros import runtime
runtime.carry_large_images(); rclpy.init(); node = rclpy.create_node('idle'); time.sleep(60)
"""
CAMERA = """
import array, time, rclpy
from sensor_msgs.msg import Image
from face_detect_ros.ros import qos, runtime
runtime.carry_large_images(); rclpy.init(); node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, 'image_raw', qos.output())
message = Image(width=1920, height=1080, step=5760, encoding='rgb8')
message.data = array.array('B', bytes(5760 * 1080))
while not publisher.get_subscription_count():
    time.sleep(0.1)
while True:
    publisher.publish(message); time.sleep(0.1)
"""
VIEWER = """
import rclpy
from sensor_msgs.msg import Image
from face_detect_ros.ros import qos, runtime
runtime.carry_large_images(); rclpy.init(); node = rclpy.create_node('viewer')
seen = []
node.create_subscription(Image, 'image_raw', seen.append, qos.output())
while len(seen) < 10:
    rclpy.spin_once(node)
"""


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None, reason="only root may mount a small /dev/shm"
)
def test_1080p_gets_through_a_containers_64_mb_with_five_processes() -> None:
    pytest.importorskip("rclpy")
    parts = {
        name: textwrap.dedent(code).strip().replace("\n", "\n") for name, code in
        (("idle", IDLE), ("camera", CAMERA), ("viewer", VIEWER))
    }  # fmt: skip
    script = CONTAINER.format(python=sys.executable, domain=os.environ.get("ROS_DOMAIN_ID", "0"), **parts)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FASTDDS_", "FASTRTPS_"))}
    done = subprocess.run(
        ["unshare", "--mount", "--ipc", "sh", "-c", script],
        capture_output=True, text=True, timeout=100, check=False, env=environment,
    )  # fmt: skip
    if done.returncode in (1, 77) and "ermi" in done.stderr:
        pytest.skip(f"no mounts here: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
