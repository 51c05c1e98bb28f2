# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A recording holds what is published; one that cannot go on says why, and stopping it always ends."""

import json
import shutil
import threading

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from helpers.ros_tools import BEST_EFFORT, PATIENCE_S, RELIABLE, compressed, faceless, image, wait_until
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import CameraInfo
from vision_msgs.msg import Detection2DArray

from face_detect_ros.core.errors import OutputError, PerceptionError
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros.inputs import camera
from face_detect_ros.ros.nodes.viewer import Viewer
from face_detect_ros.ros.viewer import recording as module
from face_detect_ros.ros.viewer.recording import MOST_WAITING, Recording
from face_detect_ros.ros.viewer.topics import CameraView
from face_detect_ros.web.scene import Scene


@pytest.fixture
def record(start, monkeypatch, tmp_path):
    """Starts a recording of one camera: `record("compressed", private=True)`."""
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setattr(module, "FREE_BYTES", 0)
    node = start(Viewer, parameters={"autostart": False}).node

    def record(transport, *, private=False):
        return Recording(node, [CameraView(node, Scene(), "", transport, DecodeOptions())], private=private)

    return record


@pytest.fixture
def recording(record):
    return record("raw")


def test_without_the_anonymized_images_it_says_which_node_to_start(record, monkeypatch):
    monkeypatch.setattr(camera, "SILENCE_S", 0.0)
    recording = record("raw", private=True)
    assert recording.watch().endswith("nobody publishes it. Start the face detector")
    assert close(recording) is None


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


def written(recording):
    """Topic -> its messages in the bag, which this completes."""
    assert close(recording) is None
    messages = {}
    with AnyReader([recording.path]) as reader:
        for connection, _, data in reader.messages():
            messages.setdefault(connection.topic, []).append(reader.deserialize(data, connection.msgtype))
    return messages


IMAGE = image(faceless(12, 16))
JPEG = compressed(faceless(12, 16))


@pytest.mark.parametrize("profile", [RELIABLE, BEST_EFFORT], ids=["reliable", "best effort"])
@pytest.mark.parametrize(
    ("topic", "message", "settings"),
    [
        ("/image_raw", IMAGE, ("raw", False)),
        ("/image_raw/compressed", JPEG, ("compressed", False)),
        ("/face_detector/image_anonymized", IMAGE, ("raw", True)),
        ("/camera_info", CameraInfo(width=16), ("raw", False)),
        ("/face_detector/detections", Detection2DArray(), ("raw", False)),
    ],
    ids=["raw", "compressed", "anonymized", "camera_info", "detections"],
)
def test_what_is_published_is_recorded_however_reliable_it_is(
    probe, record, topic, message, settings, profile
):
    transport, private = settings
    recording = record(transport, private=private)
    publisher = probe.publisher(topic, type(message), profile)
    name = f"{topic}/compressed" if message is IMAGE else topic
    in_bag = lambda: name in [key.name for key in list(recording._bag._connections)]  # noqa: E731
    probe.send_until(publisher, message, in_bag, "a message in the bag", 0.05)
    assert recording.watch() == ""
    found = written(recording)[name][0]
    if message is JPEG:  # not encoded again
        assert found.data.tobytes() == bytes(JPEG.data)


def test_several_may_begin_within_a_second(record, monkeypatch):
    monkeypatch.setattr(module.time, "strftime", lambda _: "now")
    recordings = [record("raw") for _ in range(3)]
    assert [each.path.name for each in recordings] == ["now", "now_2", "now_3"]
    assert [close(each) for each in recordings] == [None] * 3


def test_starting_one_again_leaves_it_running(start, probe, monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "h\udcff"))
    monkeypatch.setattr(module, "FREE_BYTES", 0)
    viewer = start(Viewer).node
    probe.wait_for_state("/viewer", "active")
    answers = [viewer.do("record", {"on": True}).result(PATIENCE_S) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["on"]
    stopped = viewer.do("record", {"on": False}).result(PATIENCE_S)
    assert stopped == {"on": False, "path": answers[0]["path"], "count": stopped["count"]}
    json.dumps(stopped, ensure_ascii=False).encode()  # as the page gets it


def test_images_are_left_out_while_they_must_be(probe, recording):
    recording.without_images = True
    images, status = probe.publisher(), probe.publisher("/diagnostics", DiagnosticArray)
    wait_until(lambda: images.get_subscription_count() == 1, "one subscription")
    images.publish(IMAGE)
    probe.send_until(
        status, DiagnosticArray(), lambda: recording.count > 2, "other messages in the bag", 0.05
    )
    assert set(written(recording)) == {"/diagnostics"}


def test_images_that_do_not_come_are_reported(recording, monkeypatch):
    monkeypatch.setattr(camera, "SILENCE_S", 0.0)
    assert "no image on /image_raw" in recording.watch()


def test_one_whose_folder_is_deleted_ends_with_the_reason(probe, recording):
    images = probe.publisher()
    probe.send_until(images, image(faceless()), lambda: recording.count, "a message in the bag", 0.01)
    shutil.rmtree(recording.path)
    probe.send_until(images, image(faceless()), lambda: recording.problem, "the problem", 0.005)
    assert str(recording.path) in recording.problem
    assert "No such file" in recording.problem
    assert isinstance(close(recording), OutputError)


def test_one_that_meets_the_unforeseen_ends_with_the_reason(probe, recording, monkeypatch):
    monkeypatch.setattr(module, "compressed_message", lambda *_: 1 / 0)
    images = probe.publisher()
    probe.send_until(images, image(faceless()), lambda: recording.problem, "the problem", 0.005)
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
