# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node whose gallery and log are on a full disk goes on, says why it learns nobody, and learns when there is room."""

import subprocess
import threading

import pytest
from helpers.ros_tools import image, portrait, wait_until
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from face_detect_ros.faces.gallery.gallery import Gallery

NODE = "/face_detector"


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """A file that takes the rest of the disk."""
    rest = folder / "rest"
    with rest.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return rest


def enroll(probe, name):
    assert probe.set_parameters(NODE, enroll_name=name) == [(True, "")]
    answer = probe.call(Trigger, f"{NODE}/enroll", Trigger.Request())
    return answer.success, answer.message


def test_a_node_outlives_a_full_disk(probe, execute, small_disk):
    path = small_disk / "gallery.sqlite3"
    node = execute(
        "face_detector",
        parameters={"gallery": str(path), "embedder": "dlib"},
        environment={"ROS_LOG_DIR": str(small_disk / "log"), "ROS_HOME": str(small_disk)},
    )
    node.wait_for_output("is ready for images on")
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    camera, end, stamps = probe.publisher(), threading.Event(), iter(range(10**12, 10**13, 2 * 10**8))

    def show():
        while not end.wait(0.2):
            camera.publish(image(portrait(), next(stamps)))

    thread = threading.Thread(target=show)
    thread.start()
    answers = {}
    try:
        detections.wait(lambda m: len(m.detections) > 0)
        rest = fill(small_disk)
        for _ in range(2):
            learned, text = enroll(probe, "Ann")
            assert not learned
            assert "full" in text, text
        rest.unlink()
        assert enroll(probe, "Ann")[0]
        fill(small_disk)
        for service in ("forget", "list_people"):
            answers[service] = probe.call(Trigger, f"{NODE}/{service}", Trigger.Request())
        seen = len(detections)
        wait_until(lambda: len(detections) > seen + 5, "detections")
    finally:
        end.set()
        thread.join()
    assert node.stop()[0] == 0
    forgotten = answers["forget"].success
    assert forgotten or "full" in answers["forget"].message
    with Gallery(path, read_only=True) as gallery:
        assert [person.name for person in gallery.people()] == ([] if forgotten else ["Ann"])
