# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A recording that cannot go on says why, and stopping it always ends."""

import shutil
import threading

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from helpers.ros_tools import faceless, image, wait_until

from face_detect_ros.core.errors import OutputError, PerceptionError
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros.nodes.viewer import Viewer
from face_detect_ros.ros.viewer import recording as module
from face_detect_ros.ros.viewer.recording import MOST_WAITING, Recording
from face_detect_ros.ros.viewer.topics import CameraView
from face_detect_ros.web.scene import Scene


@pytest.fixture
def recording(start, monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setattr(module, "FREE_BYTES", 0)
    node = start(Viewer, parameters={"autostart": False}).node
    camera = CameraView(node, Scene(), "", "raw", DecodeOptions())
    return Recording(node, [camera], DecodeOptions(), private=False)


def close(recording):
    """What `recording.close()` raises, or None; in a thread, for which a failing test need not wait."""
    outcome = []

    def attempt():
        try:
            recording.close()
            outcome.append(None)
        except PerceptionError as error:
            outcome.append(error)

    threading.Thread(target=attempt, daemon=True).start()
    wait_until(lambda: outcome, "the recording to be closed")
    return outcome[0]


def test_one_whose_folder_is_deleted_ends_with_the_reason(probe, recording):
    camera = probe.publisher()
    probe.send_until(camera, image(faceless()), lambda: recording.count, "a message in the bag", 0.01)
    shutil.rmtree(recording.path)
    probe.send_until(camera, image(faceless()), lambda: recording.problem, "the problem", 0.005)
    assert str(recording.path) in recording.problem
    assert "No such file" in recording.problem
    assert isinstance(close(recording), OutputError)


def test_one_that_meets_the_unforeseen_ends_with_the_reason(probe, recording):
    camera = probe.publisher()
    probe.send_until(camera, b"\0\1\0\0no image", lambda: recording.problem, "the problem", 0.005)
    assert close(recording) is None
    assert (recording.path / "metadata.yaml").is_file()


def test_a_disk_that_does_not_answer_delays_stopping_but_briefly(probe, recording, monkeypatch):
    monkeypatch.setattr(module, "_CLOSE_S", 0.1)
    answers = threading.Event()
    monkeypatch.setattr(recording._bag, "write", lambda *args, **options: answers.wait())
    status = probe.publisher("/diagnostics", DiagnosticArray)
    full = lambda: recording._waiting.qsize() == MOST_WAITING  # noqa: E731
    probe.send_until(status, DiagnosticArray(), full, "a full queue", 0.001)
    assert "not complete yet" in str(close(recording))
    answers.set()
    wait_until((recording.path / "metadata.yaml").is_file, "a complete bag")
