# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""People of the page: those of the face detector, wherever its gallery is."""

import errno
import os
import tempfile
from concurrent.futures import Future

import numpy as np
import pytest
from helpers.ros_tools import LATCHED, PATIENCE_S, wait_until
from std_srvs.srv import Trigger
from vision_msgs.msg import VisionInfo

from face_detect_ros.core.errors import DetectorError, GalleryError, OutputError
from face_detect_ros.faces.gallery.file import unique_id
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.ros.nodes.viewer import Viewer
from face_detect_ros.ros.viewer import people as module
from face_detect_ros.ros.viewer.people import People


@pytest.fixture
def here(tmp_path):
    """A gallery of this computer, with one person."""
    path = tmp_path / "gallery.sqlite3"
    with Gallery(path, "model") as gallery:
        gallery.enroll("Here", np.eye(1, 128, dtype=np.float32), "x")
    return path


@pytest.fixture
def viewer(start, probe, here):
    """`viewer(file)`: of a face detector that announces that path and `file`, and knows somebody else."""
    node = start(Viewer, parameters={"autostart": False}).node

    def announced(file):
        info = probe.node.create_publisher(VisionInfo, "/face_detector/vision_info", LATCHED)
        message = VisionInfo(method="dlib_resnet", database_location=str(here), database_version=1)
        message.header.frame_id = file
        info.publish(message)
        wait_until(lambda: node._people.gallery, "the gallery's path")
        node.info = info
        return node

    def people(_, response):
        response.success, response.message = True, "There: 3 looks"
        return response

    probe.node.create_service(Trigger, "/face_detector/list_people", people)
    return announced


@pytest.mark.parametrize("file", ["another boot:66306:1234", ""], ids=["of another computer", "unknown"])
def test_a_gallery_of_another_computer_is_not_the_file_of_the_same_path(viewer, file):
    node = viewer(file)
    assert [person["name"] for person in node.do("people", {}).result(PATIENCE_S)] == ["There"]
    with pytest.raises(GalleryError, match="not on this computer"):
        node.add_photo("Somebody", "face.jpg", b"").result(PATIENCE_S)


def test_a_gallery_of_this_computer_is_read_with_its_dates_while_it_is_announced(probe, viewer, here):
    node = viewer(unique_id(here))
    (person,) = node.do("people", {}).result(PATIENCE_S)
    assert (person["name"], len(person["dates"])) == ("Here", 1)
    probe.node.destroy_publisher(node.info)  # it was started again without recognition
    wait_until(lambda: not node.count_publishers("/face_detector/vision_info"), "the end of the topic")
    assert [person["name"] for person in node.do("people", {}).result(PATIENCE_S)] == ["There"]


@pytest.mark.parametrize(
    ("embedder", "model", "file"),
    [
        ("arcface:arcface.onnx", "yunet", "arcface.onnx"),
        ("dlib", "yunet:models/yunet.onnx", "models/yunet.onnx"),
    ],
    ids=["embedder", "model"],
)
def test_photos_are_refused_where_a_network_of_the_detector_cannot_be_found(
    start, probe, here, embedder, model, file
):
    detector = start(Viewer, node_name="face_detector", parameters={"autostart": False}).node
    detector.declare_parameter("model", model)
    people = start(Viewer, parameters={"autostart": False}).node._people
    people._announced = lambda: True
    people.gallery, people.gallery_file, people.embedder = str(here), unique_id(here), embedder
    error = people.add_photo("Ada", "ada.jpg", b"").exception(PATIENCE_S)
    assert isinstance(error, GalleryError)
    assert f"uses {file}, " in str(error)


class Answer:
    """In place of `Calls`: what the detector says of its settings, or nothing."""

    def __init__(self, *settings):
        self._settings = settings

    def run(self, _):
        future = Future()
        if self._settings:
            future.set_result(self._settings)
        return future


@pytest.fixture
def photos(here):
    """`photos(calls)`: people of a detector that answers through `calls`."""
    opened = []

    def people(calls):
        opened.append(People(calls, "/face_detector", lambda: True))
        return opened[-1]

    yield people
    for each in opened:
        each.close()


def test_a_detector_that_does_not_tell_its_settings_is_named(photos, monkeypatch):
    monkeypatch.setattr(module, "SETTINGS_S", 0.05)
    error = photos(Answer()).add_photo("Ada", "ada.jpg", b"x").exception(PATIENCE_S)
    assert isinstance(error, DetectorError)
    assert "/face_detector does not answer" in str(error)


def test_photos_that_cannot_be_written_are_refused_with_the_reason(photos, here, monkeypatch, tmp_path):
    people = photos(Answer(str(here), "dlib_resnet", "yunet"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    errors = [people.add_photo("Ada", "ada.jpg", b"x").exception(PATIENCE_S)]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module.Path, "write_bytes", full)
    errors.append(people.add_photo("Ada", "ada.jpg", b"x").exception(PATIENCE_S))
    assert [type(error) for error in errors] == [OutputError] * 2
    assert "No such file" in str(errors[0])
    assert "No space left" in str(errors[1])


def full(path, data):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
