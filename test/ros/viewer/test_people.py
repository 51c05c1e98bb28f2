# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""People of the page: those of the face detector, wherever its gallery is."""

import numpy as np
import pytest
from helpers.ros_tools import LATCHED, PATIENCE_S, wait_until
from std_srvs.srv import Trigger
from vision_msgs.msg import VisionInfo

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery.file import unique_id
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.ros.nodes.viewer import Viewer


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
